"""Growth of the cost with faces in a frame, with cameras, and with people on the list.

    python -m benchmarks.scaling --faces DIR [--plots docs/explain/plots] [--json]

faces: frames of 1, 2, 4, 8 and 12 faces through the engine and through the bare loop, on every core (milliseconds of
one core for each frame). cameras: 2 to 16 cameras at five frames a second, four faces each, through the whole system
(time from sending a frame to its answer, and the share dropped). list: one search (benchmarks.search). Each is drawn as
an SVG.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stage import play, say, set_stage
from benchmarks.system import running_system
from benchmarks.throughput import LISTED, SCENES, films_of, some_of, together
from benchmarks.weights import staged
from recognition.open_set import NoFaces, photographs

FACES = (1, 2, 4, 8, 12)
CAMERAS = (2, 4, 6, 8, 10, 12, 14, 16)
SIZES = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
CAMERA_FPS, CAMERA_SECONDS = 5, 16


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        people = photographs(options.faces)
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    listed = {name: pictures[0] for name, pictures in some_of(people, LISTED).items()}
    result = {"faces": _by_faces(people, listed), "cameras": _by_cameras(people, listed), "list": _by_list()}
    options.plots.mkdir(parents=True, exist_ok=True)
    _draw(result, options.plots)
    print(json.dumps(result, indent=None if options.json else 2))


def _by_faces(people: dict[str, list[Path]], listed: dict[str, Path]) -> list[dict[str, float]]:
    home, cores, rows = staged(), os.cpu_count() or 1, []
    for count in FACES:
        setting = dataclasses.replace(SCENES["crowd"], lanes=count)
        films, _ = films_of(home, people, list(listed), setting, cores, 24)
        fps = {name: together(name, home, films, list(listed.values()), 8)["fps"] for name in ("bare", "engine")}
        rows.append({"faces": count, **{f"{name}_ms": round(1000 * cores / value, 1) for name, value in fps.items()}})
        say(str(rows[-1]))
    return rows


def _by_cameras(people: dict[str, list[Path]], listed: dict[str, Path]) -> list[dict[str, float]]:
    films, _ = films_of(staged(), people, list(listed), SCENES["street"], max(CAMERAS), CAMERA_SECONDS)
    # Films are made at ten frames a second of scene.
    films = [film[:: 10 // CAMERA_FPS] for film in films]
    rows = []
    with running_system() as system:
        stage = set_stage(listed, max(CAMERAS))
        # The first run is a warm-up and is not counted.
        for count in (CAMERAS[0], *CAMERAS):
            fewer = dataclasses.replace(stage, cameras=stage.cameras[:count])
            played = asyncio.run(play(system.url, fewer, films[:count], CAMERA_FPS))
            spent = [
                (at - sent_at[number]) * 1000
                for sent_at, read_at in zip(played.sent_at, played.read_at, strict=True)
                for number, at in read_at.items()
            ]
            lost = sum(each.dropped + each.passed_over for each in played.traffic)
            offered = sum(each.offered for each in played.traffic)
            p50, p95 = np.percentile(spent, [50, 95])
            rows.append(
                {"cameras": count, "p50_ms": round(p50), "p95_ms": round(p95), "lost": round(lost / offered, 4)}
            )
            say(str(rows[-1]))
    return rows[1:]


def _by_list() -> list[dict[str, Any]]:
    """Run benchmarks.search in a separate process, with its own database."""
    sizes = ",".join(str(size) for size in SIZES)
    command = [sys.executable, "-m", "benchmarks.search", "--sizes", sizes, "--probes", "100", "--json"]
    rows: list[dict[str, Any]] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)["sizes"]
    return rows


def _draw(result: dict[str, Any], folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "lfr", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    faces, cameras, sizes = result["faces"], result["cameras"], result["list"]
    _plot(
        folder / "faces.svg",
        "faces in a frame",
        "milliseconds of one core for each frame",
        {
            "every face of every frame": [(row["faces"], row["bare_ms"]) for row in faces],
            "with tracks": [(row["faces"], row["engine_ms"]) for row in faces],
        },
    )
    _plot(
        folder / "cameras.svg",
        f"cameras at {CAMERA_FPS} frames a second, two cores",
        "milliseconds from frame to answer",
        {
            "median": [(row["cameras"], row["p50_ms"]) for row in cameras],
            "95th percentile": [(row["cameras"], row["p95_ms"]) for row in cameras],
        },
        notes=[(row["cameras"], row["p95_ms"], f"{row['lost']:.1%} lost") for row in cameras if row["lost"] >= 0.001],
    )
    _plot(
        folder / "list.svg",
        "people on the list",
        "milliseconds for each search (median)",
        {
            "pgvector, exact": [(row["list"], row["pgvector_ms"]["p50"]) for row in sizes],
            "numpy product": [(row["list"], row["numpy_ms"]["p50"]) for row in sizes],
            "HNSW behind the list's filter": [(row["list"], row["hnsw_ms"]["p50"]) for row in sizes],
        },
        logarithmic=True,
        notes=[(row["list"], row["hnsw_ms"]["p50"], f"finds {row['hnsw_recall']:.0%}") for row in sizes],
    )


def _plot(
    path: Path,
    across: str,
    up: str,
    lines: dict[str, list[tuple[float, float]]],
    *,
    logarithmic: bool = False,
    notes: Sequence[tuple[float, float, str]] = (),
) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for (name, points), marker in zip(lines.items(), "os^", strict=False):
        axes.plot(*zip(*points, strict=True), marker=marker, label=name)
    for x, y, text in notes:
        axes.annotate(text, (x, y), textcoords="offset points", xytext=(0, 8), ha="center", fontsize=8)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--plots", type=Path, default=Path("docs/explain/plots"))
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
