"""The zone of recognition: the part of a camera's picture in which faces are processed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from recognition.detect import Face

# The corners, as shares of the picture's width and height.
Zone = Sequence[tuple[float, float]]


def within(faces: Sequence[Face], zone: Zone, width: int, height: int) -> list[Face]:
    """Return the faces whose centre lies in the zone or on its edge, or all faces if there is no zone.

    width, height: of the picture, in pixels.
    """
    if not zone:
        return list(faces)
    outline = (np.asarray(zone, np.float32) * (width, height)).astype(np.float32)
    return [face for face in faces if cv2.pointPolygonTest(outline, face.centre, measureDist=False) >= 0]
