"""A composed street: people from a folder of photographs walk towards a camera. For demonstrations, tests, benchmarks.

The position of every face is known, so that results can be checked.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib.util
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from recognition.detect import FaceDetector
from recognition.engine import Engine
from recognition.imaging import Pixels, decode_stored, encode_jpeg
from recognition.open_set import NoFaces
from recognition.track import Box


@dataclass(frozen=True)
class Cutout:
    """A head cut from a photograph: its pixels, their opacity (0 to 1), and the face box within it."""

    pixels: Pixels
    opacity: npt.NDArray[np.float32]
    face: Box


@dataclass(frozen=True)
class Walker:
    """A person who walks past. starts, lasts: seconds; lane: position across the picture (0 to 1)."""

    person: str
    looks: tuple[Cutout, ...]
    starts: float
    lasts: float
    lane: float
    light: float


@dataclass(frozen=True)
class Visible:
    """A face in one frame of the scene: the person and the face box."""

    person: str
    box: Box


def matching(pictures: Sequence[Path], views: str) -> list[Path]:
    """Return the pictures whose name matches one of the comma-separated patterns."""
    return [path for path in pictures if any(fnmatch.fnmatch(path.name, view.strip()) for view in views.split(","))]


def bundled_portrait() -> Path:
    """Return the path of the public-domain portrait of scikit-image, which is installed as files and not imported.

    Raises:
        NoFaces: scikit-image is not installed.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise NoFaces("There is no folder of faces, and scikit-image, which contains a portrait, is not installed.")
    return Path(spec.origin).parent / "data" / "astronaut.png"


def bundled_faces(folder: Path) -> Path:
    """Write the bundled portrait into a folder, as taken and as a street camera would see it; return the folder.

    Raises:
        NoFaces: scikit-image is not installed.
    """
    portrait = decode_stored(bundled_portrait().read_bytes())
    person = folder / "portrait"
    person.mkdir(parents=True, exist_ok=True)
    blurred = cv2.GaussianBlur(portrait, (0, 0), 1.6)
    dark = (portrait * 0.55).astype(np.uint8)
    small = cv2.resize(cv2.resize(portrait, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), portrait.shape[1::-1])
    looks = {"1_as_taken": (portrait, 95), "2_blurred": (blurred, 80), "3_dark": (dark, 85), "4_far": (small, 60)}
    for name, (pixels, quality) in looks.items():
        (person / f"{name}.jpg").write_bytes(encode_jpeg(np.asarray(pixels, np.uint8), quality))
    return folder


def cutout(detector: FaceDetector | Engine, photograph: Path, largest_face: int = 220) -> Cutout | None:
    """Return the head of the person nearest the middle of a photograph; None if no face is found."""
    pixels = decode_stored(photograph.read_bytes())
    height, width = pixels.shape[:2]
    faces = detector.detect_in_photograph(pixels)
    if not faces:
        return None
    face = min(faces, key=lambda face: (face.centre[0] - width / 2) ** 2 + (face.centre[1] - height / 2) ** 2)
    left, top = max(face.x - 0.5 * face.width, 0), max(face.y - 0.5 * face.height, 0)
    right, bottom = min(face.x + 1.5 * face.width, width), min(face.y + 1.45 * face.height, height)
    head = pixels[int(top) : int(bottom), int(left) : int(right)]
    scale = min(1.0, largest_face / face.width)
    head = np.asarray(cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    opacity = np.zeros(head.shape[:2], np.float32)
    middle = (int((face.centre[0] - left) * scale), int((face.centre[1] - top) * scale))
    axes = (int(face.width * scale * 0.82), int(face.height * scale * 0.86))
    cv2.ellipse(opacity, middle, axes, 0, 0, 360, 1.0, -1)
    opacity = np.asarray(cv2.GaussianBlur(opacity, (0, 0), face.width * scale * 0.05), np.float32)
    box = ((face.x - left) * scale, (face.y - top) * scale, face.width * scale, face.height * scale)
    return Cutout(head, opacity, box)


class Street:
    """Frames of a street, the same for the same seed."""

    def __init__(
        self,
        walkers: Sequence[Walker],
        *,
        size: tuple[int, int] = (1280, 720),
        label: str = "SIMULATED CAMERA",
        seed: int = 1,
        near: int = 150,
        far: int = 46,
    ) -> None:
        """near, far: width of a face in pixels when its walker leaves and when they appear."""
        self._walkers = sorted(walkers, key=lambda walker: walker.starts)
        self._size, self._label, self._near, self._far = size, label, near, far
        self._backdrop = _street(size, seed)
        self._noise = np.random.default_rng(seed)

    @property
    def seconds(self) -> float:
        """Seconds from the start until the last walker has gone."""
        return max((walker.starts + walker.lasts for walker in self._walkers), default=0.0)

    def frame(self, at: float) -> tuple[Pixels, list[Visible]]:
        """Return the picture `at` seconds from the start, and the faces in it."""
        picture = self._backdrop.copy()
        present = [walker for walker in self._walkers if 0 <= at - walker.starts < walker.lasts]
        # The farthest first, so that nearer people are drawn in front.
        progress = sorted(
            (((at - walker.starts) / walker.lasts, walker) for walker in present), key=lambda pair: pair[0]
        )
        visible = [Visible(walker.person, self._draw(picture, walker, done)) for done, walker in progress]
        noise = self._noise.integers(-4, 5, (*picture.shape[:2], 1), dtype=np.int16)
        picture = np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)
        if self._label:
            cv2.rectangle(picture, (0, 0), (self._size[0], 30), (30, 26, 22), -1)
            text = f"{self._label}   {int(at // 60):02}:{at % 60:04.1f}"
            cv2.putText(picture, text, (12, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (235, 235, 235), 1, cv2.LINE_AA)
        return picture, visible

    def _draw(self, picture: Pixels, walker: Walker, progress: float) -> Box:
        width, height = self._size
        face_width = self._far + (self._near - self._far) * progress**1.4
        look = walker.looks[min(int(progress * len(walker.looks)), len(walker.looks) - 1)]
        scale = face_width / look.face[2]
        sway = np.sin(progress * 26) * face_width * 0.05
        centre_x = walker.lane * width + sway + (walker.lane - 0.5) * width * 0.06 * progress
        centre_y = height * (0.3 + 0.14 * progress) + abs(np.cos(progress * 26)) * face_width * 0.04
        _body(picture, (centre_x, centre_y), face_width, walker.person)
        left = centre_x - (look.face[0] + look.face[2] / 2) * scale
        top = centre_y - (look.face[1] + look.face[3] / 2) * scale
        _paste(picture, look, scale, (left, top), walker.light)
        return left + look.face[0] * scale, top + look.face[1] * scale, face_width, look.face[3] * scale


def walk_past(
    looks: Mapping[str, Sequence[Cutout]], *, seconds: float, lanes: int = 4, seed: int = 1, shortest: float = 2.5
) -> list[Walker]:
    """Return one walk for each person, in random order, over the lanes of a street.

    Raises:
        ValueError: the time is too short for all of them to walk past.
    """
    chance = random.Random(seed)
    names = list(looks)
    chance.shuffle(names)
    rows = -(-len(names) // lanes)
    lasts = min(seconds * 0.95 / max(rows, 1), 8.0)
    if lasts < shortest:
        need = shortest * rows / 0.95
        raise ValueError(f"{len(names)} people need at least {need:.0f} seconds to walk past.")
    return [
        Walker(
            person=name,
            looks=tuple(looks[name]),
            starts=(index // lanes) * lasts + (index % lanes) * lasts * 0.04,
            lasts=lasts * 0.94,
            lane=(index % lanes + 0.5) / lanes,
            light=chance.uniform(0.75, 1.1),
        )
        for index, name in enumerate(names)
    ]


def endless(
    wanted: Mapping[str, Sequence[Cutout]],
    strangers: Mapping[str, Sequence[Cutout]],
    *,
    rounds: int = 60,
    seed: int = 1,
) -> list[Walker]:
    """Return the walkers of a quiet street for several minutes: a wanted person among strangers in each round."""
    chance = random.Random(seed)
    walkers: list[Walker] = []
    stranger_names = list(strangers)
    for turn in range(rounds):
        begins = 2.0 + turn * 16.0
        name = list(wanted)[turn % len(wanted)]
        lanes = chance.sample((0.14, 0.38, 0.62, 0.86), 4)
        people = [(name, wanted[name])]
        people += [(other, strangers[other]) for other in chance.sample(stranger_names, min(5, len(stranger_names)))]
        for index, (person, looks) in enumerate(people):
            starts = begins + index * 2.4 + chance.uniform(0, 0.8)
            walkers.append(Walker(person, tuple(looks), starts, 8.5, lanes[index % 4], chance.uniform(0.75, 1.1)))
    return walkers


@functools.lru_cache(maxsize=512)
def _coat(person: str) -> tuple[int, int, int]:
    chance = random.Random(person)
    return chance.randint(30, 120), chance.randint(30, 110), chance.randint(30, 120)


def _body(picture: Pixels, head: tuple[float, float], face_width: float, person: str) -> None:
    x, y = head
    shoulders, hem, height = face_width * 1.15, face_width * 0.95, picture.shape[0]
    top = y + face_width * 0.62
    outline: list[Any] = [
        (x - face_width * 0.35, top),
        (x + face_width * 0.35, top),
        (x + shoulders, top + face_width * 0.45),
        (x + hem, height),
        (x - hem, height),
        (x - shoulders, top + face_width * 0.45),
    ]
    cv2.fillPoly(picture, [np.array(outline, np.int32)], _coat(person), cv2.LINE_AA)


def _paste(picture: Pixels, look: Cutout, scale: float, corner: tuple[float, float], light: float) -> None:
    size = max(round(look.pixels.shape[1] * scale), 1), max(round(look.pixels.shape[0] * scale), 1)
    pixels = cv2.resize(look.pixels, size, interpolation=cv2.INTER_AREA)
    opacity = cv2.resize(look.opacity, size, interpolation=cv2.INTER_LINEAR)
    left, top = round(corner[0]), round(corner[1])
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + size[0], picture.shape[1]), min(top + size[1], picture.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha = opacity[part][..., None]
    lit = np.clip(pixels[part].astype(np.float32) * light, 0, 255)
    under = picture[y0:y1, x0:x1].astype(np.float32)
    picture[y0:y1, x0:x1] = (lit * alpha + under * (1 - alpha)).astype(np.uint8)


def _street(size: tuple[int, int], seed: int) -> Pixels:
    """Draw a street: sky, houses with windows, pavement."""
    width, height = size
    chance = random.Random(seed)
    picture = np.zeros((height, width, 3), np.uint8)
    sky = np.linspace(205, 170, height)[:, None]
    picture[:] = np.stack([sky + 8, sky, sky - 8], axis=-1).clip(0, 255).astype(np.uint8)
    x = 0
    while x < width:
        wide, tall = chance.randint(90, 190), chance.randint(int(height * 0.3), int(height * 0.55))
        tone = chance.randint(95, 160)
        base = int(height * 0.62)
        cv2.rectangle(picture, (x, base - tall), (x + wide, base), (tone - 15, tone - 5, tone), -1)
        for row in range(base - tall + 18, base - 40, 46):
            for column in range(x + 14, x + wide - 22, 40):
                cv2.rectangle(picture, (column, row), (column + 20, row + 26), (tone - 55, tone - 60, tone - 70), -1)
        x += wide
    cv2.rectangle(picture, (0, int(height * 0.62)), (width, height), (118, 120, 122), -1)
    for line in range(int(height * 0.62), height, 34):
        cv2.line(picture, (0, line), (width, line), (104, 106, 108), 1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.2), np.uint8)
