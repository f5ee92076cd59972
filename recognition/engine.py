"""Detector, alignment and embedder as one thing with one identity."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from recognition import weights
from recognition.align import align
from recognition.detect import Face, FaceDetector
from recognition.embed import FaceEmbedder
from recognition.imaging import Pixels

# Anything that moves a score changes this: detector, landmarks, template of alignment, colour order, normalisation.
PREPROCESSING = "yunet2023mar-5pt112-bgr-v1"


@dataclass(frozen=True)
class EngineIdentity:
    """What a score depends on. Scores of two identities are never compared."""

    model: str
    digest: str
    preprocessing: str
    dimension: int


class Engine:
    """The recognition engine; build it once a process."""

    def __init__(self, deepface_home: Path) -> None:
        """Load the staged weights below `deepface_home`.

        Raises:
            weights.WeightsError: they are missing or not the measured ones.
        """
        detector_path, _ = weights.verified(weights.YUNET, deepface_home)
        self.identity = identity_of(deepface_home)
        # Frames, not pixels, are what runs side by side: one thread an image leaves the cores to other cameras.
        cv2.setNumThreads(1)
        os.environ["DEEPFACE_HOME"] = str(deepface_home)
        self._detector = FaceDetector(detector_path)
        self._embedder = FaceEmbedder()

    def detect(self, pixels: Pixels, smallest_face: int = 20) -> list[Face]:
        """Faces of a camera frame at least `smallest_face` pixels wide, largest first."""
        return self._detector.detect(pixels, smallest_face)

    def detect_in_photograph(self, pixels: Pixels) -> list[Face]:
        """Faces of an enrolment photograph, largest first."""
        return self._detector.detect_in_photograph(pixels)

    def embed(self, pixels: Pixels, faces: Sequence[Face]) -> npt.NDArray[np.float32]:
        """Unit embeddings, n x 128, of n faces of one picture, in one batch."""
        return self._embedder.embed([align(pixels, face.landmarks) for face in faces])


@functools.lru_cache(maxsize=1)
def identity_of(deepface_home: Path) -> EngineIdentity:
    """The identity of the engine that these staged weights make, without loading them.

    Raises:
        weights.WeightsError: they are missing or not the measured ones.
    """
    _, digest = weights.verified(weights.SFACE, deepface_home)
    return EngineIdentity(FaceEmbedder.NAME, digest, PREPROCESSING, FaceEmbedder.DIMENSION)


@functools.lru_cache(maxsize=1)
def engine_at(deepface_home: Path) -> Engine:
    """The process's engine, loaded at the first call."""
    return Engine(deepface_home)
