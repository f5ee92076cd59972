"""Faces in a picture: YuNet, with its five landmarks."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from recognition.imaging import Pixels

Landmarks = npt.NDArray[np.float32]
"""5 x 2 pixels: right eye, left eye, nose tip, right and left mouth corner; right is the person's own."""


@dataclass(frozen=True)
class Face:
    """A face found in a picture, in that picture's pixels."""

    x: float
    y: float
    width: float
    height: float
    score: float
    landmarks: Landmarks

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height."""
        return self.x, self.y, self.width, self.height


class FaceDetector:
    """YuNet 2023mar through OpenCV (https://github.com/opencv/opencv_zoo, MIT)."""

    # YuNet sees faces from about 10 pixels; below this its landmarks are too coarse to align by.
    SMALLEST_SEEN = 14

    def __init__(self, weights: Path, score_threshold: float = 0.6) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), score_threshold, 0.3, 5000)
        # The OpenCV object keeps its input size and buffers: one caller at a time.
        self._lock = threading.Lock()

    def detect(self, pixels: Pixels, smallest_face: int = 20) -> list[Face]:
        """Every face at least `smallest_face` pixels wide, largest first.

        The picture is shrunk as far as that allows, which is where the time goes: cost grows with pixels.
        """
        scale = min(1.0, max(self.SMALLEST_SEEN / smallest_face, 320 / max(pixels.shape[:2])))
        found = self._run(pixels, scale)
        return sorted((face for face in found if face.width >= smallest_face), key=lambda face: -face.width)

    def detect_in_photograph(self, pixels: Pixels) -> list[Face]:
        """Faces in an enrolment photograph: from a passport-style close-up to one person in a group, largest first."""
        longest = max(pixels.shape[:2])
        found = self._run(pixels, min(1.0, 640 / longest))
        if not found:
            # A face cropped to its edges has no surroundings left to be found by: give it some.
            margin = longest // 3
            padded = cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
            shift = np.float32(margin)
            found = [
                Face(face.x - margin, face.y - margin, face.width, face.height, face.score, face.landmarks - shift)
                for face in self._run(np.asarray(padded, np.uint8), min(1.0, 640 / max(padded.shape[:2])))
            ]
        return sorted((face for face in found if face.width >= 20), key=lambda face: -face.width)

    def _run(self, pixels: Pixels, scale: float) -> list[Face]:
        # Dividing again by the scale that was really reached keeps landmarks exact after rounding to whole pixels.
        height, width = pixels.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        if min(size) < self.SMALLEST_SEEN:
            # No face fits in, and OpenCV answers such a picture with whatever its memory held.
            return []
        with self._lock:
            self._detector.setInputSize(size)
            # OpenCV's stubs do not know that nothing found is None.
            rows: Any = self._detector.detect(image)[1]
        if rows is None:
            return []
        ratio = np.array([width / size[0], height / size[1]], np.float32)
        return [_face(row, ratio) for row in rows]


def _face(row: npt.NDArray[np.float32], ratio: npt.NDArray[np.float32]) -> Face:
    (x, y), (width, height) = row[0:2] * ratio, row[2:4] * ratio
    landmarks = row[4:14].reshape(5, 2) * ratio
    return Face(float(x), float(y), float(width), float(height), float(row[14]), landmarks.astype(np.float32))
