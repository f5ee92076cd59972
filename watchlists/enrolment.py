"""A photograph and its face: what is checked before anything is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from recognition.detect import Face
from recognition.engine import Template
from recognition.imaging import bounded, decode_photograph, encode_jpeg
from recognition.quality import measure
from watchlists.engine import engine

LONGEST_SIDE = 1600


class FaceChoice(ValueError):
    """The face to enrol is not clear; the message says what to do.

    faces: the boxes to choose from, left to right, as shares of the picture's width and height.
    """

    def __init__(self, message: str, faces: list[list[float]] | None = None) -> None:
        super().__init__(message)
        self.faces = faces or []


@dataclass(frozen=True)
class Enrolment:
    """A photograph ready to keep: bounded JPEG without metadata, its face, and what the engine made of it."""

    jpeg: bytes
    sha256: str
    width: int
    height: int
    face_box: list[float]
    template: Template
    problems: list[str]

    @property
    def face_share(self) -> list[float]:
        """The face's box as shares of the picture's width and height."""
        return as_shares(self.face_box, self.width, self.height)


def as_shares(box: Sequence[float], width: int, height: int) -> list[float]:
    """Left, top, width, height in pixels as shares (0 to 1) of a picture."""
    return [round(value / side, 4) for value, side in zip(box, (width, height, width, height), strict=True)]


def read_photograph(data: bytes, chosen: int | None = None) -> Enrolment:
    """Check a photograph and read the face on it.

    chosen: which face, counted from the left, when there are several.

    Raises:
        recognition.imaging.UnreadableImage: the file is no picture we can use.
        FaceChoice: there is no face, or several and none was chosen.
    """
    # The face is read from the pixels that are kept, so that another engine can read the same ones later.
    jpeg = encode_jpeg(bounded(decode_photograph(data), LONGEST_SIDE), quality=95)
    pixels = decode_photograph(jpeg)
    faces = sorted(engine().detect_in_photograph(pixels), key=lambda face: face.x)
    face = _choose(faces, chosen, pixels.shape[1], pixels.shape[0])
    (template,) = engine().look_closely(pixels, engine().glance(pixels, [face]))
    return Enrolment(
        jpeg=jpeg,
        sha256=hashlib.sha256(jpeg).hexdigest(),
        width=pixels.shape[1],
        height=pixels.shape[0],
        face_box=[round(value, 1) for value in face.box],
        template=template,
        problems=measure(pixels, face).problems(),
    )


def _choose(faces: list[Face], chosen: int | None, width: int, height: int) -> Face:
    if not faces:
        raise FaceChoice(
            "No face was found in this picture. Use a photograph that shows the face from the front, well lit."
        )
    boxes = [as_shares(face.box, width, height) for face in faces]
    if chosen is None:
        if len(faces) > 1:
            raise FaceChoice(f"There are {len(faces)} faces in this picture. Choose the person's.", boxes)
        return faces[0]
    if not 0 <= chosen < len(faces):
        raise FaceChoice("That face is not in this picture. Choose one of those shown.", boxes)
    return faces[chosen]
