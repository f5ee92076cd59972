"""Several shots of a person compared with one: people walk towards a camera, their faces 20 to 40 pixels wide.

    python -m benchmarks.shots --faces DIR [--views '*front*,*3quarter*,*profile*'] [--json]

DIR contains <person>/<photograph>. Everybody walks past once in each kind of view, and is searched for by their first
photograph. Half of the people are on the list while the others are strangers, then the other way round. The baseline
takes every frame by itself: a face is found if its own person is ranked first above the threshold. With tracks, as in
the system, a person is found if an alert is raised for them. Both use the threshold at which the same share of
strangers is matched: of their frames for the baseline, of the people with tracks, which is stricter for the tracks.
`any_frame` is the baseline on equal terms: a person is found, or a stranger matched, by any one of their frames.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import math
import multiprocessing
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.gallery import MemoryGallery
from benchmarks.weights import staged
from demo import scene
from recognition.camera_jpeg import decode_frame
from recognition.detect import Face
from recognition.embed import Embedding
from recognition.engine import SHIPPED, Choice, Engine, QuickPass, Template
from recognition.frame import process_frame
from recognition.imaging import Pixels, encode_jpeg
from recognition.open_set import NoFaces, photographs
from recognition.reading import Reading, read_all
from recognition.track import TrackSet
from watchlists.defaults import DEFAULT_THRESHOLD

FPS, SECONDS, NEAR, FAR = 5, 8, 40, 20
SMALLEST_FACE = 16
FPIRS = (0.01, 0.02, 0.05)
THRESHOLDS = np.round(np.arange(0.50, 0.80, 0.01), 2)

Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        people = {name: pictures for name, pictures in photographs(options.faces).items() if len(pictures) > 1}
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    home = staged()
    readings = read_all(home, SHIPPED, [pictures[0] for pictures in people.values()])
    enrolled = {name: each for name, each in zip(people, readings, strict=True) if each is not None}
    names = sorted(enrolled)
    random.Random(1).shuffle(names)
    folds = (names[::2], names[1::2])
    views = {view.strip(): [view.strip()] for view in options.views.split(",")}
    rows = {}
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), context, _load, (home, enrolled, folds)) as pool:
        for title, patterns in {**views, "all of them": list(views)}.items():
            walks = [(name, people[name][1:], patterns) for name in names]
            films = [film for film in pool.map(_film, walks, chunksize=4) if film is not None]
            rows[title] = _row(films)
            print(f"  · {title}: {rows[title]}", file=sys.stderr)
    print(json.dumps({"people": len(names), "views": rows}, indent=None if options.json else 2))


class Remembering(Engine):
    """The engine with a cache, which processes every frame and every face only once."""

    def __init__(self, home: Path, choice: Choice = SHIPPED) -> None:
        super().__init__(home, choice)
        self.forget()

    def forget(self) -> None:
        self._faces: dict[int, list[Face]] = {}
        self._quick_passes: dict[int, QuickPass] = {}
        self._seconds: dict[int, Embedding | None] = {}
        self._templates: dict[int, Template] = {}

    def detect(self, pixels: Pixels, smallest_face: int = 20) -> list[Face]:
        if id(pixels) not in self._faces:
            self._faces[id(pixels)] = super().detect(pixels, smallest_face)
        return self._faces[id(pixels)]

    def quick_pass(self, pixels: Pixels, faces: Sequence[Face]) -> list[QuickPass]:
        new = [face for face in faces if id(face) not in self._quick_passes]
        self._quick_passes |= zip(map(id, new), super().quick_pass(pixels, new), strict=True)
        return [self._quick_passes[id(face)] for face in faces]

    def second_model(self, pixels: Pixels, quick_passes: Sequence[QuickPass]) -> list[Embedding | None]:
        new = [quick_pass for quick_pass in quick_passes if id(quick_pass) not in self._seconds]
        self._seconds |= zip(map(id, new), super().second_model(pixels, new), strict=True)
        return [self._seconds[id(quick_pass)] for quick_pass in quick_passes]

    def complete_pass(self, quick_passes: Sequence[QuickPass], seconds: Sequence[Embedding | None]) -> list[Template]:
        new = {id(quick_pass): (quick_pass, second) for quick_pass, second in zip(quick_passes, seconds, strict=True)}
        new = {key: pair for key, pair in new.items() if key not in self._templates}
        self._templates |= zip(
            new,
            super().complete_pass([each for each, _ in new.values()], [second for _, second in new.values()]),
            strict=True,
        )
        return [self._templates[id(quick_pass)] for quick_pass in quick_passes]


@dataclass(frozen=True)
class Film:
    """The results of one person's walk.

    frames_own: with the person on the list, each frame's score for them if they are ranked first, else -1.
    frames_other: with the person not on the list, each frame's best score. found, taken: whether an alert was raised
    for the person, and, with the person not on the list, for anybody, at each of THRESHOLDS. shots: faces embedded at
    the default threshold.
    """

    frames_own: Scores
    frames_other: Scores
    found: Flags
    taken: Flags
    frames: int
    shots: int


_engine: Remembering
_enrolled: dict[str, Reading]
_folds: tuple[list[str], list[str]]


def _load(home: Path, enrolled: dict[str, Reading], folds: tuple[list[str], list[str]]) -> None:
    global _engine, _enrolled, _folds
    _engine, _enrolled, _folds = Remembering(home), enrolled, folds


def _film(walk: tuple[str, list[Path], list[str]]) -> Film | None:
    name, pictures, patterns = walk
    frames = _frames(name, [path for pattern in patterns for path in scene.matching(pictures, pattern)])
    if not frames:
        return None
    _engine.forget()
    mine, others = (
        MemoryGallery(fold, [_enrolled[each].close for each in fold])
        for fold in sorted(_folds, key=lambda fold: name not in fold)
    )
    own, other = ([_best(frame, gallery) for frame in frames] for gallery in (mine, others))
    wanted = mine.ids[mine.names.index(name)]
    raised = [_raised(frames, mine, threshold) for threshold in THRESHOLDS]
    return Film(
        frames_own=np.array([score if best == name else -1 for best, score in own]),
        frames_other=np.array([score for _, score in other]),
        found=np.array([wanted in people for people, _ in raised]),
        taken=np.array([bool(_raised(frames, others, threshold)[0]) for threshold in THRESHOLDS]),
        frames=len(frames),
        shots=raised[int(np.argmin(np.abs(THRESHOLDS - DEFAULT_THRESHOLD)))][1],
    )


def _frames(name: str, pictures: Sequence[Path]) -> list[Pixels]:
    """Return the frames of a walk past the camera in these pictures, JPEG-compressed as a camera's frames are."""
    looks = [look for path in pictures if (look := scene.cutout(_engine, path)) is not None]
    if not looks:
        return []
    chance = random.Random(name)
    chance.shuffle(looks)
    walker = scene.Walker(name, tuple(looks), 0.0, SECONDS, 0.5, chance.uniform(0.75, 1.1))
    street = scene.Street([walker], size=(320, 240), label="", near=NEAR, far=FAR, seed=chance.randint(1, 999))
    return [decode_frame(encode_jpeg(street.frame(number / FPS)[0], 80)) for number in range(FPS * SECONDS)]


def _best(frame: Pixels, gallery: MemoryGallery) -> tuple[str, float]:
    """Return the best match of a frame's largest face and its score, always with a full pass."""
    faces = _engine.detect(frame, SMALLEST_FACE)
    if not faces:
        return "", -1.0
    (quick_pass,) = _engine.quick_pass(frame, faces[:1])
    (template,) = _engine.full_pass(frame, [quick_pass])
    scores = [
        min(_engine.score(template, each), _engine.reachable(float(quick_pass.embedding @ each.embedding)))
        for each in gallery.enrolled
    ]
    return gallery.names[int(np.argmax(scores))], max(scores)


def _raised(frames: Sequence[Pixels], gallery: MemoryGallery, threshold: float) -> tuple[set[Any], int]:
    """Return the people for whom the system would raise an alert, and the number of faces embedded."""
    tracks, people, shots = TrackSet(), set(), 0
    for number, frame in enumerate(frames):
        seen = process_frame(
            frame,
            number / FPS,
            tracks,
            engine=_engine,
            gallery=gallery,
            threshold=threshold,
            smallest_face=SMALLEST_FACE,
        )
        for match in seen.matches:
            match.settled()
            people.add(match.candidate.person)
        shots += seen.shots
    return people, shots


def _row(films: Sequence[Film]) -> dict[str, Any]:
    strangers = np.sort(np.concatenate([film.frames_other for film in films]))[::-1]
    own = np.concatenate([film.frames_own for film in films])
    best_stranger = np.sort([film.frames_other.max() for film in films])[::-1]
    best_own = np.array([film.frames_own.max() for film in films])
    found, taken = (np.array([getattr(film, kind) for film in films]).mean(axis=0) for kind in ("found", "taken"))
    rates = {}
    for fpir in FPIRS:
        fitting = np.nonzero(taken <= fpir)[0]
        single = float((own <= strangers[math.floor(fpir * len(strangers))]).mean())
        any_frame = float((best_own <= best_stranger[math.floor(fpir * len(films))]).mean())
        tracked = float(1 - found[fitting[0]]) if len(fitting) else 1.0
        rates[f"{fpir:g}"] = {
            "missed_single_frame": round(single, 4),
            "missed_any_frame": round(any_frame, 4),
            "missed_tracked": round(tracked, 4),
            "ratio": round(tracked / single, 3) if single else None,
            "threshold_tracked": float(THRESHOLDS[fitting[0]]) if len(fitting) else None,
        }
    return {
        "walks": len(films),
        "frames": sum(film.frames for film in films),
        "embedded": sum(film.shots for film in films),
        "fpir": rates,
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--views", default="*front*,*3quarter*,*profile*", help="File name patterns, one a row.")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
