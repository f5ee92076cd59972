"""Memory growth of a worker: its resident memory after 20,000 frames compared with that after 1,000.

    python -m benchmarks.memory [--faces DIR] [--frames 20000] [--scene street] [--json]

The whole system with one recognition worker; the films of benchmarks.throughput, repeated, as fast as they are read.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.stage import play, say, set_stage
from benchmarks.system import RunningSystem, running_system
from benchmarks.throughput import SCENES, films_of, some_of
from benchmarks.weights import staged
from demo import scene
from recognition.open_set import NoFaces, photographs

EARLY = 1000
CAMERAS = 2


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="lfr-faces-") as spare:
        try:
            people = photographs(options.faces or scene.bundled_faces(Path(spare)))
        except NoFaces as error:
            raise SystemExit(str(error)) from error
        listed = {name: pictures[0] for name, pictures in some_of(people, 24).items()}
        films, _ = films_of(staged(), people, list(listed), SCENES[options.scene], CAMERAS, 60)
        with running_system(workers=1) as system:
            rows = _memory(system, films, listed, options.frames)
    print(json.dumps(rows, indent=None if options.json else 2))


def _memory(
    system: RunningSystem, films: Sequence[Sequence[bytes]], listed: dict[str, Path], frames: int
) -> dict[str, Any]:
    stage = set_stage(listed, CAMERAS)
    worker = next(each for each in system.supervisor.children(recursive=True) if "frames1@" in " ".join(each.cmdline()))
    resident: dict[int, float] = {}

    def measured(upto: int, since: int) -> None:
        endless = [itertools.cycle(film) for film in films]
        count = (upto - since) // CAMERAS
        played = asyncio.run(play(system.url, stage, [_first(film, count) for film in endless], fps=None))
        seen = sum(each.read for each in played.traffic)
        resident[since + seen] = worker.memory_info().rss / 2**20
        say(f"{since + seen:,} frames: {resident[since + seen]:.0f} MB")

    done = 0
    for upto in (EARLY, *range(5000, frames + 1, 5000)):
        measured(upto, done)
        done = max(resident)
    growth = resident[max(resident)] / resident[min(resident)] - 1
    return {
        "frames": list(resident),
        "resident_mb": [round(value, 1) for value in resident.values()],
        "growth": round(growth, 4),
        "restarted": not psutil.pid_exists(worker.pid),
    }


def _first(film: Iterator[bytes], count: int) -> list[bytes]:
    """Return `count` frames of an endless film; the list refers to few distinct pictures."""
    return list(itertools.islice(film, count))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--frames", type=int, default=20_000, choices=range(5000, 10**7), metavar="FRAMES")
    parser.add_argument("--scene", choices=list(SCENES), default="street")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
