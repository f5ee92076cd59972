"""Read photographs, one by one or on all cores. The processes started for this use no Django and no database."""

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

# A constant of Linux.
PR_SET_PDEATHSIG = 1
# The least affinity in place and size at which a face counts as the one that was chosen at enrolment.
SAME_FACE = 0.4


@dataclass(frozen=True)
class Reading:
    """An engine's results for one photograph. quick: unit embedding of a quick pass. close: template of a full pass."""

    quick: Embedding
    close: Template


def read(engine: Engine, path: Path) -> Reading | None:
    """Read the face nearest the middle of a photograph. Return None if there is no face."""
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
    """Read the face at `box`. Return None if the engine finds no face there."""
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
    """Read the face nearest the middle of every photograph, on all cores. progress: called with the number done."""
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
    """Yield a function that does `read_face` for many photographs at once, on all cores."""
    with _readers() as pool:
        yield lambda jpegs, boxes: list(pool.map(_FaceReader(deepface_home, choice), jpegs, boxes))


def enrolling(
    deepface_home: Path, choice: Choice, limits: Mapping[str, Limits], pictures: Iterable[bytes], ahead: int
) -> Iterator[Enrolment | str]:
    """Read each picture as for enrolment, on all cores. Yield each enrolment or the reason against it, in order.

    ahead: the number of pictures in memory at once.
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
    """Set up a reader process: give live cameras priority, and end it when its parent ends."""
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
            # An error in a library rejects only this picture. The error's text may quote the picture, so give its type.
            return f"This photograph cannot be read ({type(error).__name__})."
