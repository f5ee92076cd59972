"""Face detection with YuNet, which returns five landmarks for each face."""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from recognition.imaging import Pixels
from recognition.runtime import Network, NoFastRuntime, Tensor

logger = logging.getLogger(__name__)

# The square in which landmarks are read a second time, and the width of the face in it, in pixels.
CHIP_SIDE = 192
CHIP_FACE = 80

# YuNet halves a picture five times, so its sides are padded to multiples of this.
CELL = 32
# The side of the square in which bystanders are detected, in pixels.
AROUND = 384
# The lowest scores of a face and of a bystander. The second is lower because a missed bystander would be stored.
LEAST_SCORE, LEAST_BYSTANDER_SCORE = 0.6, 0.25

Landmarks = npt.NDArray[np.float32]
"""5 x 2, in pixels: right eye, left eye, nose tip, right and left mouth corner. Right is the person's own right."""


@dataclass(frozen=True)
class Face:
    """A face found in a picture, in pixels of that picture."""

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


class Detections(Protocol):
    """A runtime of YuNet. name: of the runtime, for people."""

    name: str

    def __call__(self, pixels: Pixels, least_score: float) -> npt.NDArray[np.float32]:
        """Return n x 15: left, top, width, height, x and y of five landmarks, score. Pad the picture to whole cells."""


class FastYuNet:
    """YuNet on the fast runtime. It finds what OpenCV finds (a test compares them)."""

    STRIDES = (8, 16, 32)

    def __init__(self, weights: Path) -> None:
        """Load and compile the network.

        Raises:
            NoFastRuntime: it cannot run on this machine.
        """
        self._network = Network(weights)
        # Frames and photographs can have any size, and none of them should wait for a compilation.
        for size in (None, (CHIP_SIDE, CHIP_SIDE), (AROUND, AROUND)):
            self._network.compile_for(size)
        self.name = self._network.name

    def __call__(self, pixels: Pixels, least_score: float) -> npt.NDArray[np.float32]:
        height, width = pixels.shape[:2]
        # Pad to whole cells with black, on the right and at the bottom.
        canvas = np.zeros((-(-height // CELL) * CELL, -(-width // CELL) * CELL, 3), np.uint8)
        canvas[:height, :width] = pixels
        batch = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)
        answers = dict(zip(self._network.outputs, self._network(batch), strict=True))
        found = self._decoded(answers, canvas.shape[0], canvas.shape[1], least_score)
        kept = cv2.dnn.NMSBoxes(found[:, :4].tolist(), found[:, 14].tolist(), least_score, 0.3, top_k=5000)
        return np.asarray(found[np.asarray(kept, int).ravel()], np.float32)

    def _decoded(
        self, answers: dict[str, Tensor], height: int, width: int, least_score: float
    ) -> npt.NDArray[np.float32]:
        """Decode the cells that contain a face. Offsets are from the cell's corner, in cells; sizes are logarithms."""

        def of(kind: str) -> Tensor:
            return np.concatenate([answers[f"{kind}_{stride}"][0] for stride in self.STRIDES])

        score = np.sqrt(np.clip(of("cls")[:, 0], 0, 1) * np.clip(of("obj")[:, 0], 0, 1))
        (cells,) = np.nonzero(score >= least_score)
        corner, stride = (each[cells] for each in _cells(self.STRIDES, height, width))
        box, points = of("bbox")[cells], of("kps")[cells]
        middle, size = (corner + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
        landmarks = (points.reshape(-1, 5, 2) + corner[:, None]) * stride[:, None]
        rows = (middle - size / 2, size, landmarks.reshape(-1, 10), score[cells, None])
        return np.concatenate(rows, axis=1, dtype=np.float32)


@functools.lru_cache(maxsize=32)
def _cells(strides: tuple[int, ...], height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return each cell's corner in cells of its scale (n x 2: column, row), and pixels a cell of that scale (n x 1)."""
    grids = [np.indices((height // stride, width // stride)).reshape(2, -1)[::-1].T for stride in strides]
    sizes = [np.full((len(grid), 1), stride) for grid, stride in zip(grids, strides, strict=True)]
    return np.concatenate(grids).astype(np.float32), np.concatenate(sizes).astype(np.float32)


class OpenCVYuNet:
    """YuNet as OpenCV runs it, for machines without the fast runtime and as the reference."""

    name = f"OpenCV {cv2.__version__}"

    def __init__(self, weights: Path) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), LEAST_SCORE, 0.3, 5000)
        # The detector stores the size of the picture, so it can serve only one caller at a time.
        self._lock = threading.Lock()

    def __call__(self, pixels: Pixels, least_score: float) -> npt.NDArray[np.float32]:
        with self._lock:
            self._detector.setScoreThreshold(least_score)
            self._detector.setInputSize(pixels.shape[1::-1])
            # OpenCV returns None if it finds nothing, which its stubs do not say.
            rows: Any = self._detector.detect(pixels)[1]
        return np.empty((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)


class FaceDetector:
    """YuNet 2023mar (Wu et al. 2023; https://github.com/opencv/opencv_zoo, MIT)."""

    # YuNet detects faces from about 10 pixels. Below this, in pixels, its landmarks are too coarse for alignment.
    SMALLEST_SEEN = 14

    def __init__(self, weights: Path) -> None:
        self._yunet: Detections
        try:
            self._yunet = FastYuNet(weights)
        except NoFastRuntime as reason:
            logger.warning("Faces are detected by OpenCV, which is slower: %s", reason)
            self._yunet = OpenCVYuNet(weights)

    @property
    def runtime(self) -> str:
        """The name of the runtime, for people."""
        return self._yunet.name

    def detect(self, pixels: Pixels, smallest_face: int = 20) -> list[Face]:
        """Return every face at least `smallest_face` pixels wide, largest first.

        The picture is shrunk as far as `smallest_face` allows, because the cost grows with the number of pixels.
        """
        scale = min(1.0, max(self.SMALLEST_SEEN / smallest_face, 320 / max(pixels.shape[:2])))
        found = self._run(pixels, scale)
        return sorted((face for face in found if face.width >= smallest_face), key=lambda face: -face.width)

    def detect_around(self, pixels: Pixels, middle: tuple[float, float], reach: float) -> list[Face]:
        """Return every face in a square of 2 x `reach` pixels a side, scaled to `AROUND` pixels for detection."""
        zoom = AROUND / 2 / reach
        corner = np.array(middle, np.float32) - np.float32(reach)
        matrix = np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]]])
        flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        region = cv2.warpAffine(pixels, matrix, (AROUND, AROUND), flags=flags)
        return [
            Face(
                face.x / zoom + float(corner[0]),
                face.y / zoom + float(corner[1]),
                face.width / zoom,
                face.height / zoom,
                face.score,
                face.landmarks / np.float32(zoom) + corner,
            )
            for face in self._run(np.asarray(region, np.uint8), 1.0, LEAST_BYSTANDER_SCORE)
        ]

    def detect_in_photograph(self, pixels: Pixels) -> list[Face]:
        """Return the faces in an enrolment photograph, from a close-up to a group, largest first."""
        longest = max(pixels.shape[:2])
        found = self._run(pixels, min(1.0, 640 / longest))
        if not found:
            # A face that fills the whole picture is not found without surroundings, so add some.
            margin = longest // 3
            padded = cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
            shift = np.float32(margin)
            found = [
                Face(face.x - margin, face.y - margin, face.width, face.height, face.score, face.landmarks - shift)
                for face in self._run(np.asarray(padded, np.uint8), min(1.0, 640 / max(padded.shape[:2])))
            ]
        return sorted((face for face in found if face.width >= 20), key=lambda face: -face.width)

    def refine(self, pixels: Pixels, face: Face) -> Face:
        """Return the same face with better landmarks, read again at a fixed size with its surroundings, and mirrored.

        A face in a frame was found at the frame's scale, where it may be only 14 pixels wide. New landmarks that differ
        by more than a fifth of the face's width belong to another face. If none agree, the old ones are kept.
        """
        zoom = CHIP_FACE / max(face.width, 1.0)
        middle = np.array(face.centre, np.float32)
        corner = middle - np.float32(CHIP_SIDE / 2 / zoom)
        matrix = np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]]])
        chip = cv2.warpAffine(pixels, matrix, (CHIP_SIDE, CHIP_SIDE), borderMode=cv2.BORDER_REPLICATE)
        seen = [
            self._landmarks(np.asarray(chip, np.uint8)),
            _mirrored(self._landmarks(np.asarray(chip[:, ::-1], np.uint8))),
        ]
        readings = [landmarks / zoom + corner for landmarks in seen if landmarks is not None]
        agreeing = [each for each in readings if np.abs(each - face.landmarks).max() < face.width * 0.2]
        if not agreeing:
            return face
        return dataclasses.replace(face, landmarks=np.mean(agreeing, axis=0, dtype=np.float32))

    def _landmarks(self, chip: Pixels) -> Landmarks | None:
        """Return the landmarks of the face nearest the middle of a chip, or None if there is none."""
        found = [face for face in self._run(np.ascontiguousarray(chip), 1.0) if face.width > CHIP_FACE / 2]
        middle = CHIP_SIDE / 2
        nearest = min(found, key=lambda face: math.dist(face.centre, (middle, middle)), default=None)
        return None if nearest is None else nearest.landmarks

    def _run(self, pixels: Pixels, scale: float, least_score: float = LEAST_SCORE) -> list[Face]:
        # Sizes are rounded to whole pixels, so dividing by the actual scale keeps the landmarks exact.
        height, width = pixels.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = _shrunk(pixels, size)
        if min(size) < self.SMALLEST_SEEN:
            # No face fits in such a picture, and OpenCV would return uninitialised memory.
            return []
        rows = self._yunet(image, least_score)
        ratio = np.array([width / size[0], height / size[1]], np.float32)
        return [_face(row, ratio) for row in rows]


def _shrunk(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return the picture at width x height, which must not be larger than its own.

    It is halved as often as possible and then interpolated, which takes a tenth of the time of one resize by areas.
    """
    while pixels.shape[1] >= 2 * size[0] and pixels.shape[0] >= 2 * size[1]:
        halves = pixels.shape[1] // 2, pixels.shape[0] // 2
        pixels = np.asarray(cv2.resize(pixels, halves, interpolation=cv2.INTER_AREA), np.uint8)
    if pixels.shape[1::-1] == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _mirrored(landmarks: Landmarks | None) -> Landmarks | None:
    """Return the landmarks of a mirrored chip as those of the chip, with left and right swapped."""
    if landmarks is None:
        return None
    swapped = landmarks[[1, 0, 2, 4, 3]].copy()
    swapped[:, 0] = CHIP_SIDE - 1 - swapped[:, 0]
    return swapped


def _face(row: npt.NDArray[np.float32], ratio: npt.NDArray[np.float32]) -> Face:
    (x, y), (width, height) = row[0:2] * ratio, row[2:4] * ratio
    landmarks = row[4:14].reshape(5, 2) * ratio
    return Face(float(x), float(y), float(width), float(height), float(row[14]), landmarks.astype(np.float32))
