"""A small camera picture in which nobody can be recognised, and measures of light and focus."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from recognition.crop import hide
from recognition.imaging import Pixels
from recognition.track import Box

# At this width in pixels, an undetected face of 170 pixels in 1,280 has six left. Detected faces are made flat.
TILE_WIDTH = 48
# The least width in pixels of faces that are detected to be hidden, whatever the camera's own smallest face is.
SMALLEST = 20
# Light and focus are measured at this width in pixels, so that they are comparable between cameras.
MEASURED_WIDTH = 480


def tile(pixels: Pixels, faces: Sequence[Box]) -> Pixels:
    """Return a blurred picture, TILE_WIDTH wide. faces: boxes in the picture, in pixels, which are made flat."""
    hidden = pixels.copy()
    for face in faces:
        hide(hidden, face)
    height, width = pixels.shape[:2]
    size = (TILE_WIDTH, max(round(height * TILE_WIDTH / width), 1))
    small = cv2.resize(hidden, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.uint8)


def light_and_focus(pixels: Pixels) -> tuple[float, float]:
    """Return (mean brightness, 0 to 255; variance of the Laplacian, higher when sharper)."""
    height, width = pixels.shape[:2]
    size = (MEASURED_WIDTH, max(round(height * MEASURED_WIDTH / width), 1))
    # Grey first: three channels would take twice as long to reduce.
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return cv2.mean(grey)[0], float(deviation[0, 0]) ** 2
