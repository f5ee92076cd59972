"""Accuracy of the engine by pose, distance, blur, noise, compression and darkness.

    python -m benchmarks.conditions --faces DIR [--views '*front*,*3quarter*,*profile*'] [--json]

DIR contains <person>/<photograph>. Each person's first photograph by name is enrolled; their others, degraded, are the
probes. The threshold is the engine's default. A probe is found if its own person is ranked first and scores at least
the threshold. Strangers: each probe is also compared with everybody but its own person, and scores of at least the
threshold are counted.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.weights import staged
from recognition.camera_jpeg import decode_frame
from recognition.detect import Face
from recognition.engine import SHIPPED, Engine, engine_at
from recognition.imaging import Pixels, decode_stored, encode_jpeg
from recognition.open_set import NoFaces, photographs
from recognition.reading import Reading, read
from watchlists.defaults import DEFAULT_THRESHOLD

WIDTHS = (160, 64, 32, 24, 20)
# All conditions except distance are measured on faces of this width.
USUAL = 64


@dataclass(frozen=True)
class Condition:
    """A change to a photograph that has been scaled to a face width of `width` pixels."""

    name: str
    width: int
    change: Callable[[Pixels], Pixels]


def _same(pixels: Pixels) -> Pixels:
    return pixels


def _blurred(sigma: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def _noisy(spread: float) -> Callable[[Pixels], Pixels]:
    def change(pixels: Pixels) -> Pixels:
        noise = np.random.default_rng(1).normal(0, spread, pixels.shape)
        return np.clip(pixels + noise, 0, 255).astype(np.uint8)

    return change


def _compressed(quality: int) -> Callable[[Pixels], Pixels]:
    return lambda pixels: decode_frame(encode_jpeg(pixels, quality))


def _dark(share: float) -> Callable[[Pixels], Pixels]:
    """Reduce the light, but not the sensor's noise."""
    return lambda pixels: _noisy(3)(np.asarray(pixels * share, np.uint8))


CONDITIONS = [
    *(Condition(f"{width} px", width, _same) for width in WIDTHS),
    *(Condition(f"blur, sigma {sigma:g} px", USUAL, _blurred(sigma)) for sigma in (1, 2, 3)),
    *(Condition(f"noise, sd {spread}", USUAL, _noisy(spread)) for spread in (10, 20, 30)),
    *(Condition(f"JPEG quality {quality}", USUAL, _compressed(quality)) for quality in (50, 20, 10)),
    *(Condition(f"light {share:.0%}", USUAL, _dark(share)) for share in (0.5, 0.25, 0.1)),
]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        people = {name: pictures for name, pictures in photographs(options.faces).items() if len(pictures) > 1}
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    home = staged()
    views = [view.strip() for view in options.views.split(",")]
    jobs = [_Job(home, name, pictures, views) for name, pictures in people.items()]
    context = multiprocessing.get_context("spawn")
    done = []
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        for each in pool.map(_read, jobs, chunksize=2):
            done.append(each)
            if len(done) % 10 == 0:
                print(f"  · {len(done)} of {len(jobs)} people", file=sys.stderr)
    print(json.dumps(_table(Engine(home), done, views), indent=None if options.json else 2))


@dataclass(frozen=True)
class _Job:
    home: Path
    name: str
    pictures: list[Path]
    views: list[str]


@dataclass(frozen=True)
class _Person:
    enrolled: Reading | None
    probes: dict[tuple[str, str], list[Reading | None]]


def _read(job: _Job) -> _Person:
    engine = engine_at(job.home, SHIPPED)
    probes: dict[tuple[str, str], list[Reading | None]] = {}
    for path in job.pictures[1:]:
        view = next((view for view in job.views if fnmatch.fnmatch(path.name, view)), None)
        if view is None:
            continue
        pixels = decode_stored(path.read_bytes())
        faces = engine.detect_in_photograph(pixels)
        for condition in CONDITIONS if faces else []:
            probes.setdefault((view, condition.name), []).append(_seen(engine, pixels, faces[0], condition))
    return _Person(read(engine, job.pictures[0]), probes)


def _seen(engine: Engine, pixels: Pixels, face: Face, condition: Condition) -> Reading | None:
    """Return the face as found again in the degraded picture; None if it is not found."""
    scale = condition.width / face.width
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    worse = condition.change(small)
    found = engine.detect(worse, 16)
    if not found:
        return None
    quick_passes = engine.quick_pass(worse, found[:1])
    return Reading(quick_passes[0].embedding, engine.full_pass(worse, quick_passes)[0])


def _table(engine: Engine, people: list[_Person], views: list[str]) -> dict[str, Any]:
    gallery = [person.enrolled for person in people if person.enrolled is not None]
    place = {id(reading): index for index, reading in enumerate(gallery)}
    rows: dict[str, dict[str, Any]] = {}
    for condition in CONDITIONS:
        for view in views:
            found = seen = of = strangers = 0
            for person in people:
                if person.enrolled is None:
                    continue
                own = place[id(person.enrolled)]
                for reading in person.probes.get((view, condition.name), []):
                    of += 1
                    if reading is None:
                        continue
                    seen += 1
                    scores = engine_scores(engine, reading, gallery)
                    found += bool(scores.argmax() == own and scores[own] >= DEFAULT_THRESHOLD)
                    strangers += bool(np.delete(scores, own).max() >= DEFAULT_THRESHOLD)
            if of:
                rates = {"detected": seen / of, "found": found / of, "strangers": strangers / of}
                rows.setdefault(condition.name, {})[view] = {key: round(value, 3) for key, value in rates.items()}
    return {"people": len(gallery), "threshold": DEFAULT_THRESHOLD, "conditions": rows}


def engine_scores(engine: Engine, probe: Reading, gallery: Sequence[Reading]) -> Any:
    """Return the scores of one probe against the gallery, as the two passes give them."""
    scores = np.array([engine.score(probe.close, each.close) for each in gallery], np.float32)
    quick = np.array([probe.quick @ each.close.embedding for each in gallery], np.float32)
    return np.minimum(scores, engine.reachable(quick))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--views", default="*front*,*3quarter*,*profile*", help="File name patterns, one a column.")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
