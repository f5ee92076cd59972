"""The benefit and cost of each step of the engine.

    python -m benchmarks.ablation --faces DIR [--json]

DIR and protocol are those of benchmarks.accuracy. Each row adds one step to the row above; rows marked as not kept are
measured beside the step that they would have replaced. Cost: milliseconds for each face on one core, without detection.
The shipped mean is subtracted. For comparison, one row subtracts the mean of the half of the people that the probe does
not belong to, so that no probe is compared by a mean that includes its person.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.accuracy import summary
from benchmarks.stage import say
from benchmarks.weights import staged
from recognition.align import align
from recognition.centre import centre_of
from recognition.detect import Face, FaceDetector, Landmarks
from recognition.embed import FastEmbed
from recognition.engine import detector_at
from recognition.imaging import Pixels, decode_stored
from recognition.models import DLIB_MODEL, SFACE_MODEL, FaceModel
from recognition.open_set import NoFaces, Photographs, compared_with
from recognition.weights import verified

Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]
FPIRS = (0.01, 0.003)
SHARES = (0.3, 0.4, 0.5, 0.6)
COHORT = 200
ZOOMS = (0.94, 1.06)


@dataclass(frozen=True)
class Looks:
    """One photograph's unit vectors before centring, and the milliseconds each step took, both by step."""

    vectors: dict[str, Vectors]
    spent: dict[str, float]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        photographs = Photographs.of(options.faces)
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    home = staged()
    paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
    context = multiprocessing.get_context("spawn")
    looks = []
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), context, load, (home,)) as pool:
        for each in pool.map(look, paths, chunksize=8):
            looks.append(each)
            if len(looks) % 400 == 0:
                say(f"{len(looks):,} of {len(paths):,} photographs")
    rows = table(photographs, looks)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        tpir = "  ".join(f"{row['tpir'][f'{fpir:g}']:.2%}" for fpir in FPIRS)
        print(f"{row['step']:44} rank-1 {row['rank1']:.2%}  TPIR {tpir}  {row['ms_a_face']:.1f} ms")


def table(photographs: Photographs, looks: Sequence[Looks | None]) -> list[dict[str, Any]]:
    """Return one row for each step: counts, rates and cost."""
    centre = centre_of(SFACE_MODEL)
    seen = [each for each in looks if each is not None]
    cost = {name: float(np.median([each.spent[name] for each in seen])) for name in seen[0].spent}

    def joined(*names: str) -> Callable[[Looks], Vectors]:
        return lambda each: _unit(sum((each.vectors[name] for name in names), np.zeros(1, np.float32)))

    def centred(of: Callable[[Looks], Vectors], mean: Vectors = centre) -> Callable[[Looks], Vectors]:
        return lambda each: _unit(of(each) - mean)

    both, second = joined("exact", "mirrored"), joined("dlib", "dlib mirrored")
    zoomed = joined("exact", "mirrored", *(f"{kind}{zoom}" for kind in ("exact", "mirrored") for zoom in ZOOMS))
    rows: list[dict[str, Any]] = []

    def row(step: str, scores: Callable[[list[Looks], list[Looks]], Scores], parts: Sequence[str]) -> None:
        result = summary(compared_with(scores, photographs, looks), photographs, FPIRS)
        rows.append({"step": step, "ms_a_face": round(sum(cost[part] for part in parts), 2), **result})
        say(f"{step}: {result['tpir']}")

    row("SFace, five points, one run", _cosines(joined("plain")), ["align", "plain"])
    row("+ landmarks refined", _cosines(joined("exact")), ["refine", "align", "exact"])
    parts = ["refine", "align", "exact", "mirrored"]
    row("+ mirrored", _cosines(both), parts)
    row("+ centred", _cosines(centred(both)), parts)
    row("  (the same, mean of the other half's people)", _two_means(photographs, looks, both), parts)
    row("  (not kept: three sizes of crop)", _cosines(centred(zoomed)), [*parts, *["exact", "mirrored"] * len(ZOOMS)])
    for kind in "zts":
        row(f"  (not kept: {kind}-norm over {COHORT} of the list)", _normalised(centred(both), kind), parts)
    row(
        "  (quick pass: one run, bfloat16 if there is)",
        _cosines(centred(joined("quick"))),
        ["refine", "align", "quick"],
    )
    parts = [*parts, "align dlib", "dlib", "dlib mirrored"]
    for share in SHARES:
        scores = _shared(_cosines(centred(both)), _cosines(second), share)
        row(f"+ second model at a share of {share:g}", scores, parts)
    row("  (second model alone)", _cosines(second), ["refine", "align dlib", "dlib", "dlib mirrored"])
    return rows


def _cosines(of: Callable[[Looks], Vectors]) -> Callable[[list[Looks], list[Looks]], Scores]:
    def scores(probes: list[Looks], gallery: list[Looks]) -> Scores:
        return np.stack([of(each) for each in probes]) @ np.stack([of(each) for each in gallery]).T

    return scores


def _shared(first: Any, second: Any, share: float) -> Callable[[list[Looks], list[Looks]], Scores]:
    return lambda probes, gallery: (1 - share) * first(probes, gallery) + share * second(probes, gallery)


def _two_means(
    photographs: Photographs, looks: Sequence[Looks | None], of: Callable[[Looks], Vectors]
) -> Callable[[list[Looks], list[Looks]], Scores]:
    """Return cosines after subtracting, from both faces, the mean of the half that the probe does not belong to.

    People are divided by their place in the alphabet: even and odd. Gallery faces are compared with probes of both
    halves, so their own people are part of one of the two means.
    """
    paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
    place = {name: index % 2 for index, name in enumerate(sorted({path.parent.name for path in paths}))}
    half = {id(each): place[path.parent.name] for path, each in zip(paths, looks, strict=True) if each is not None}
    means = [np.mean([of(each) for each in looks if each is not None and half[id(each)] == k], axis=0) for k in (0, 1)]

    def scores(probes: list[Looks], gallery: list[Looks]) -> Scores:
        listed = [np.stack([_unit(of(each) - mean) for each in gallery]) for mean in means]
        return np.stack(
            [listed[1 - half[id(each)]] @ _unit(of(each) - means[1 - half[id(each)]]) for each in probes]
        ).astype(np.float32)

    return scores


def _normalised(of: Callable[[Looks], Vectors], kind: str) -> Callable[[list[Looks], list[Looks]], Scores]:
    """Return scores normalised by the nearest strangers of the enrolled face (z), the probe (t) or both (s)."""

    def nearest(scores: Scores, skip: int) -> tuple[Scores, Scores]:
        best = -np.sort(-scores, axis=1)[:, skip : skip + COHORT]
        return best.mean(axis=1), best.std(axis=1)

    def scores(probes: list[Looks], gallery: list[Looks]) -> Scores:
        raw = _cosines(of)(probes, gallery)
        # The nearest of all is the face itself, or the person searched for.
        listed_mean, listed_spread = nearest(_cosines(of)(gallery, gallery), 1)
        probe_mean, probe_spread = nearest(raw, 1)
        z = (raw - listed_mean) / listed_spread
        t = (raw - probe_mean[:, None]) / probe_spread[:, None]
        # Scaled, because `Outcome` has a fixed score for pictures without a face.
        return np.asarray({"z": z, "t": t, "s": (z + t) / 2}[kind] / 100, np.float32)

    return scores


_detector: FaceDetector
_exact: FastEmbed
_quick: FastEmbed
_second: FastEmbed


def load(home: Path) -> None:
    global _detector, _exact, _quick, _second  # noqa: PLW0603 (set once in each process)
    cv2.setNumThreads(1)
    _detector = detector_at(home)
    _exact, _second = (FastEmbed(_graph(model, home), model.side) for model in (SFACE_MODEL, DLIB_MODEL))
    _quick = FastEmbed(_graph(SFACE_MODEL, home), SFACE_MODEL.side, coarse=True)


def _graph(model: FaceModel, home: Path) -> Path:
    assert model.graph is not None
    return verified(model.graph, home)[0]


def look(path: Path) -> Looks | None:
    pixels = decode_stored(path.read_bytes())
    faces = _detector.detect_in_photograph(pixels)
    if not faces:
        return None
    height, width = pixels.shape[:2]
    face = min(faces, key=lambda face: math.dist(face.centre, (width / 2, height / 2)))
    return _looked(pixels, face)


def _looked(pixels: Pixels, face: Face) -> Looks:
    spent: dict[str, float] = {}

    def timed(name: str, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = act()
        spent[name] = (time.perf_counter() - began) * 1000
        return result

    better = timed("refine", lambda: _detector.refine(pixels, face)).landmarks
    crop = timed("align", lambda: _cut(SFACE_MODEL, pixels, better))
    chip = timed("align dlib", lambda: _cut(DLIB_MODEL, pixels, better))
    work = {
        "plain": (_exact, _cut(SFACE_MODEL, pixels, face.landmarks)),
        "exact": (_exact, crop),
        "mirrored": (_exact, _flipped(crop)),
        "quick": (_quick, crop),
        "dlib": (_second, chip),
        "dlib mirrored": (_second, _flipped(chip)),
    }
    for zoom in ZOOMS:
        zoomed = _cut(SFACE_MODEL, pixels, better, zoom)
        work |= {f"exact{zoom}": (_exact, zoomed), f"mirrored{zoom}": (_exact, _flipped(zoomed))}
    vectors = {name: _unit(timed(name, functools.partial(embed, [crop]))[0]) for name, (embed, crop) in work.items()}
    return Looks(vectors, spent)


def _cut(model: FaceModel, pixels: Pixels, landmarks: Landmarks, zoom: float = 1.0) -> Pixels:
    middle = np.float32(model.side / 2)
    return align(pixels, landmarks, (model.points - middle) * np.float32(zoom) + middle, model.side)


def _flipped(crop: Pixels) -> Pixels:
    return np.ascontiguousarray(crop[:, ::-1])


def _unit(vector: Any) -> Vectors:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
