"""Photographs to readings, one by one or on every core. Processes started for it know neither Django nor a database."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import math
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recognition.detect import Face
from recognition.embed import Embedding
from recognition.engine import Choice, Engine, Template, engine_at
from recognition.enrolment import LONGEST_SIDE, Enrolment, FaceChoice, read_photograph
from recognition.imaging import Pixels, UnreadableImage, decode_stored
from recognition.photographs import read_upload
from recognition.quality import Limits
from recognition.track import Box, affinity

# Of Linux.
PR_SET_PDEATHSIG = 1
# How like the face that was chosen at enrolment a face must be in place and size to be it.
SAME_FACE = 0.4


@dataclass(frozen=True)
class Reading:
    """What an engine makes of one photograph. quick: unit embedding; close: the template of a full pass."""

    quick: Embedding
    close: Template


def read(engine: Engine, path: Path) -> Reading | None:
    """The face nearest the middle of a photograph; None when there is no face."""
    try:
        pixels = read_upload(path.read_bytes(), LONGEST_SIDE)
    except UnreadableImage:
        return None
    height, width = pixels.shape[:2]
    return _reading(
        engine,
        pixels,
        min(
            engine.detect_in_photograph(pixels),
            key=lambda face: math.dist(face.centre, (width / 2, height / 2)),
            default=None,
        ),
    )


def read_face(engine: Engine, jpeg: bytes, box: Box) -> Reading | None:
    """The face that lies where `box` says; None when the engine finds none there."""
    try:
        pixels = decode_stored(jpeg)
    except UnreadableImage:
        return None
    faces = engine.detect_in_photograph(pixels)
    nearest = max(faces, key=lambda face: affinity(face.box, box), default=None)
    if nearest is None or affinity(nearest.box, box) < SAME_FACE:
        return None
    return _reading(engine, pixels, nearest)


def _reading(engine: Engine, pixels: Pixels, face: Face | None) -> Reading | None:
    if face is None:
        return None
    quick_passes = engine.quick_pass(pixels, [face])
    return Reading(quick_passes[0].embedding, engine.full_pass(pixels, quick_passes)[0])


def read_all(
    deepface_home: Path, choice: Choice, paths: Sequence[Path], progress: Callable[[int], None] | None = None
) -> list[Reading | None]:
    """Every photograph's face nearest the middle, on every core."""
    readings: list[Reading | None] = []
    with _readers() as pool:
        for reading in pool.map(_PathReader(deepface_home, choice), paths, chunksize=8):
            readings.append(reading)
            if progress is not None:
                progress(len(readings))
    return readings


@contextlib.contextmanager
def reading_faces(
    deepface_home: Path, choice: Choice
) -> Iterator[Callable[[Sequence[bytes], Sequence[Box]], list[Reading | None]]]:
    """A function that does `read_face` for many photographs at once, on every core."""
    with _readers() as pool:
        yield lambda jpegs, boxes: list(pool.map(_FaceReader(deepface_home, choice), jpegs, boxes))


def enrolling(
    deepface_home: Path, choice: Choice, limits: Mapping[str, Limits], pictures: Iterable[bytes], ahead: int
) -> Iterator[Enrolment | str]:
    """Each picture read as it would be enrolled, in order, on every core; or why it cannot be.

    ahead: how many pictures are in memory at once.
    """
    reader = _Enroller(deepface_home, choice, limits)
    waiting: deque[concurrent.futures.Future[Enrolment | str]] = deque()
    with _readers() as pool:
        for picture in pictures:
            waiting.append(pool.submit(reader, picture))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _readers() -> concurrent.futures.ProcessPoolExecutor:
    return concurrent.futures.ProcessPoolExecutor(
        os.cpu_count(),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_come_second,
        initargs=(os.getpid(),),
    )


def _come_second(parent: int) -> None:
    """In a reader: leave the cores to whatever looks at a live camera, and do not outlive who started it."""
    os.nice(10)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@dataclass(frozen=True)
class _PathReader:
    deepface_home: Path
    choice: Choice

    def __call__(self, path: Path) -> Reading | None:
        return read(engine_at(self.deepface_home, self.choice), path)


@dataclass(frozen=True)
class _FaceReader:
    deepface_home: Path
    choice: Choice

    def __call__(self, jpeg: bytes, box: Box) -> Reading | None:
        return read_face(engine_at(self.deepface_home, self.choice), jpeg, box)


@dataclass(frozen=True)
class _Enroller:
    deepface_home: Path
    choice: Choice
    limits: Mapping[str, Limits]

    def __call__(self, data: bytes) -> Enrolment | str:
        engine = engine_at(self.deepface_home, self.choice)
        try:
            return read_photograph(engine, data, central=True, limits=self.limits)
        except (UnreadableImage, FaceChoice) as error:
            return str(error)
        except Exception as error:
            # One picture that breaks a library costs its line only. What it says may quote the picture: its kind does.
            return f"This photograph cannot be read ({type(error).__name__})."
