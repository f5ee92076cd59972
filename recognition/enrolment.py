"""Enrolment: read and check a photograph and its face before anything is stored."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from recognition.detect import Face
from recognition.engine import Engine, Template
from recognition.imaging import Pixels, decode_stored, encode_jpeg
from recognition.photographs import read_upload
from recognition.quality import LIMITS, Limits, Measure, measure
from recognition.track import Box, affinity

LONGEST_SIDE = 1600
# For a frame that a person drew: the margin as a share of it, and its size for detection and least size, in pixels.
FRAME_MARGIN, FRAME_SIDE, SMALLEST_FRAME = 0.25, 320, 8


class FaceChoice(ValueError):
    """It is not clear which face to enrol. The message says what to do.

    faces: the boxes to choose from, left to right, as shares of the picture's width and height.
    """

    def __init__(self, message: str, faces: list[list[float]] | None = None) -> None:
        super().__init__(message)
        self.faces = faces or []


@dataclass(frozen=True)
class Enrolment:
    """A photograph ready to store: a JPEG of bounded size without metadata, its face, template and quality report."""

    jpeg: bytes
    sha256: str
    width: int
    height: int
    face_box: list[float]
    landmarks: list[list[float]]
    template: Template
    report: list[Measure]

    @property
    def problems(self) -> list[str]:
        """The advice on each quality problem of this photograph."""
        return [measure.advice for measure in self.report if measure.level != "good"]

    @property
    def is_blocked(self) -> bool:
        """Whether the photograph is too poor to be stored."""
        return any(measure.level == "block" for measure in self.report)

    @property
    def quality_json(self) -> dict[str, Any]:
        return {"measures": [vars(measure) for measure in self.report]}

    @property
    def face_share(self) -> list[float]:
        """The box of the face, as shares of the picture's width and height."""
        return as_shares(self.face_box, self.width, self.height)


def as_shares(box: Sequence[float], width: int, height: int) -> list[float]:
    """Convert left, top, width, height in pixels to shares (0 to 1) of a picture."""
    return [round(value / side, 4) for value, side in zip(box, (width, height, width, height), strict=True)]


def read_photograph(
    engine: Engine,
    data: bytes,
    *,
    chosen: int | None = None,
    frame: Sequence[float] | None = None,
    central: bool = False,
    limits: Mapping[str, Limits] = LIMITS,
) -> Enrolment:
    """Check a photograph and read the face on it.

    chosen: the index of the face from the left, if there are several. frame: left, top, width and height of the face as
    shares of the picture, drawn by a person if the detector found no face or the wrong one. central: if there are
    several faces, take the one nearest the middle. The report then says that there are others.

    Raises:
        recognition.imaging.UnreadableImage: the file is not a usable picture.
        FaceChoice: there is no face, or there are several and none was chosen.
    """
    # Read the face from the pixels that are stored, so that another engine can later read the same ones.
    jpeg = encode_jpeg(read_upload(data, LONGEST_SIDE), quality=95)
    pixels = decode_stored(jpeg)
    height, width = pixels.shape[:2]
    if frame is not None:
        box = (frame[0] * width, frame[1] * height, frame[2] * width, frame[3] * height)
        face, count = _framed(engine, pixels, box), 1
    else:
        faces = sorted(engine.detect_in_photograph(pixels), key=lambda face: face.x)
        face, count = _choose(faces, chosen, width, height, central=central), len(faces)
    (template,) = engine.full_pass(pixels, engine.quick_pass(pixels, [face]))
    return Enrolment(
        jpeg=jpeg,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        width=width,
        height=height,
        face_box=[round(value, 1) for value in face.box],
        landmarks=np.round(face.landmarks.astype(float), 1).tolist(),
        template=template,
        report=[*measure(pixels, face).report(limits), _faces(count)],
    )


def _faces(count: int) -> Measure:
    level = "good" if count == 1 else "warn"
    advice = "" if count == 1 else "There are other faces in this photograph. Check that the right one is marked."
    return Measure("Faces in the photograph", count, "1", level, advice)


def _framed(engine: Engine, pixels: Pixels, box: Box) -> Face:
    """Return the face in the frame that a person drew, detected in that part of the picture only."""
    left, top, width, height = box
    margin = max(width, height) * FRAME_MARGIN
    x, y = max(int(left - margin), 0), max(int(top - margin), 0)
    part = pixels[y : int(top + height + margin), x : int(left + width + margin)]
    if min(part.shape[:2], default=0) >= SMALLEST_FRAME:
        scale = max(FRAME_SIDE / max(part.shape[:2]), 1.0)
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
        found = [_moved(face, scale, x, y) for face in engine.detect_in_photograph(part)]
        face = max(found, key=lambda face: affinity(face.box, box), default=None)
        if face is not None:
            return face
    raise FaceChoice("No face was found inside this frame. Draw the frame closely around the whole head.")


def _moved(face: Face, scale: float, x: int, y: int) -> Face:
    return replace(
        face,
        x=face.x / scale + x,
        y=face.y / scale + y,
        width=face.width / scale,
        height=face.height / scale,
        landmarks=np.asarray(face.landmarks / scale + np.array([x, y]), np.float32),
    )


def _choose(faces: list[Face], chosen: int | None, width: int, height: int, *, central: bool) -> Face:
    if not faces:
        raise FaceChoice(
            "No face was found in this picture. Use a well-lit photograph that shows the face from the front."
        )
    boxes = [as_shares(face.box, width, height) for face in faces]
    if central:
        return min(faces, key=lambda face: math.dist(face.centre, (width / 2, height / 2)))
    if chosen is None:
        if len(faces) > 1:
            raise FaceChoice(f"There are {len(faces)} faces in this picture. Select the subject's face.", boxes)
        return faces[0]
    if not 0 <= chosen < len(faces):
        raise FaceChoice("That face is not in this picture. Select one of the faces shown.", boxes)
    return faces[chosen]
