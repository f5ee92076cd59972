"""The zone of recognition: the part of a camera's picture in which faces are processed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from recognition.detect import Face

# The corners, as shares of the picture's width and height.
Zone = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Area:
    """The part of a picture that is looked at: within all zones of `within`, and in none of `without`."""

    within: tuple[Zone, ...] = ()
    without: tuple[Zone, ...] = ()


EVERYWHERE = Area()


def within(faces: Sequence[Face], area: Area, width: int, height: int) -> list[Face]:
    """Return the faces whose centre lies in the area or on its edge.

    width, height: of the picture, in pixels.
    """
    wanted = [_outline(zone, width, height) for zone in area.within]
    unwanted = [_outline(zone, width, height) for zone in area.without]
    return [
        face
        for face in faces
        if all(cv2.pointPolygonTest(zone, face.centre, measureDist=False) >= 0 for zone in wanted)
        and not any(cv2.pointPolygonTest(zone, face.centre, measureDist=False) > 0 for zone in unwanted)
    ]


def _outline(zone: Zone, width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (np.asarray(zone, np.float32) * (width, height)).astype(np.float32)
