"""The recognition engine: detector, alignment, embedders and the joining of scores, with one identity.

A face can get two passes. The quick pass is one run of the first model, in bfloat16 where the processor has it. Every
shot from a camera gets a quick pass, which finds the candidates. The full pass runs the first model exactly on the crop
and its mirror image, and also a second, independent model. Enrolment photographs get a full pass, and so do shots for
which the quick pass found candidates. Every similarity score comes from full passes.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from recognition import weights
from recognition.align import CROP_SIDE, TEMPLATE
from recognition.detect import Face, FaceDetector
from recognition.embed import Embedding, FaceEmbedder
from recognition.imaging import Pixels
from recognition.models import DLIB_MODEL, SFACE_MODEL, FaceModel, chosen
from recognition.weights import YUNET, Weights

Cosines = TypeVar("Cosines", float, npt.NDArray[np.float32])

# Change this with anything that changes a score: detector, landmarks, alignment, centring, mirroring, joining.
PREPROCESSING = "yunet2023mar-5pt-centred-mirrored-v2"
# The share of the second model in a score (docs/explain/accuracy.md).
SECOND_SHARE = 0.5
# These bounds give the cosine that a quick pass must reach for the joined score to be able to reach a threshold. The
# second model's cosine for one person hardly exceeds HIGHEST_SECOND (99th percentile of mated pairs), and a full pass
# changes the first model's cosine by CLOSE_SLACK at most.
HIGHEST_SECOND = 0.99
CLOSE_SLACK = 0.04


@dataclass(frozen=True)
class EngineIdentity:
    """All that a score depends on. Scores of two identities are never compared. second_*: "" or 0 if there is none."""

    model: str
    digest: str
    preprocessing: str
    dimension: int
    second_model: str = ""
    second_digest: str = ""
    second_dimension: int = 0


@dataclass(frozen=True)
class Choice:
    """The models that an engine consists of."""

    model: FaceModel = SFACE_MODEL
    second: FaceModel | None = DLIB_MODEL

    @classmethod
    def of(cls, name: str, digest: str = "") -> Choice:
        """Return the models for an engine on this model. Only the shipped one has a second, whose share was measured.

        Raises:
            WeightsError: there is no such model, or its digest must be named.
        """
        model = chosen(name, digest)
        return cls(model, DLIB_MODEL if model.name == SFACE_MODEL.name and model.graph is not None else None)

    @property
    def files(self) -> tuple[Weights, ...]:
        """All files that must be staged."""
        return (YUNET, *self.model.files, *(self.second.files if self.second else ()))


SHIPPED = Choice()


@dataclass(frozen=True)
class QuickPass:
    """The result of a quick pass.

    face: with the landmarks that were used. crop: aligned. embedding: of the first model, used for the search.
    """

    face: Face
    crop: Pixels
    embedding: Embedding


@dataclass(frozen=True)
class Template:
    """The result of a full pass. embedding: unit, of the first model; second: unit, of the second, if there is one."""

    embedding: Embedding
    second: Embedding | None = None


class Engine:
    """The recognition engine. Build it once in each process."""

    def __init__(self, deepface_home: Path, choice: Choice = SHIPPED) -> None:
        """Load the staged weights below `deepface_home`.

        Raises:
            weights.WeightsError: they are missing or not accepted.
        """
        self.identity = identity_of(deepface_home, choice)
        # Frames are processed in parallel, so one thread for each picture leaves the other cores to other cameras.
        cv2.setNumThreads(1)
        self._detector = detector_at(deepface_home)
        self._first = FaceEmbedder(choice.model, deepface_home)
        self._second = FaceEmbedder(choice.second, deepface_home) if choice.second else None

    @property
    def runtimes(self) -> dict[str, str]:
        """The name of the runtime of each part, for people."""
        parts = {
            "YuNet": self._detector.runtime,
            f"{self.identity.model}, quick passes": self._first.quick_runtime,
            self.identity.model: self._first.runtime,
        }
        return parts | ({self.identity.second_model: self._second.runtime} if self._second else {})

    def warm_up(self, width: int = 1280, height: int = 720, smallest_face: int = 32) -> None:
        """Run every part once on a frame of this size, so that the first face does not wait for networks to load."""
        frame = np.zeros((height, width, 3), np.uint8)
        self.detect(frame, smallest_face)
        landmarks = np.asarray(TEMPLATE + np.array([width / 2, height / 2]), np.float32)
        face = Face(width / 2, height / 2, CROP_SIDE, CROP_SIDE, 1.0, landmarks)
        self.full_pass(frame, self.quick_pass(frame, [face]))
        self.detect_around(frame, face.centre, CROP_SIDE)

    def detect(self, pixels: Pixels, smallest_face: int = 20) -> list[Face]:
        """Return the faces of a camera frame that are at least `smallest_face` pixels wide, largest first."""
        return self._detector.detect(pixels, smallest_face)

    def detect_around(self, pixels: Pixels, middle: tuple[float, float], reach: float) -> list[Face]:
        """Return every face in a square of 2 x `reach` pixels a side, including those too small to search for."""
        return self._detector.detect_around(pixels, middle, reach)

    def detect_in_photograph(self, pixels: Pixels) -> list[Face]:
        """Return the faces of an enrolment photograph, largest first."""
        return self._detector.detect_in_photograph(pixels)

    def quick_pass(self, pixels: Pixels, faces: Sequence[Face]) -> list[QuickPass]:
        """Embed faces of one picture to find candidates, after reading their landmarks a second time."""
        refined = [self._detector.refine(pixels, face) for face in faces]
        crops = [self._first.crop(pixels, face.landmarks) for face in refined]
        return [QuickPass(*each) for each in zip(refined, crops, self._first.quick_pass(crops), strict=True)]

    def full_pass(self, pixels: Pixels, quick_passes: Sequence[QuickPass]) -> list[Template]:
        """Embed faces of the same picture exactly, to score them. quick_passes: the results for these faces."""
        return self.complete_pass(quick_passes, self.second_model(pixels, quick_passes))

    def second_model(self, pixels: Pixels, quick_passes: Sequence[QuickPass]) -> list[Embedding | None]:
        """Run the second model, if there is one: the part of a full pass that costs less and rules out more."""
        if self._second is None:
            return [None] * len(quick_passes)
        crops = [self._second.crop(pixels, quick_pass.face.landmarks) for quick_pass in quick_passes]
        return list(self._second.full_pass(crops))

    def complete_pass(self, quick_passes: Sequence[QuickPass], seconds: Sequence[Embedding | None]) -> list[Template]:
        """Run the rest of a full pass, and join it to what `second_model` returned."""
        first = self._first.full_pass([quick_pass.crop for quick_pass in quick_passes])
        return [Template(*pair) for pair in zip(first, seconds, strict=True)]

    def score(self, probe: Template, enrolled: Template) -> float:
        """Return the similarity score of two full passes: not a probability, and comparable within this engine only."""
        first = float(probe.embedding @ enrolled.embedding)
        if (probe.second is None) != (enrolled.second is None):
            raise ValueError("templates of two engines cannot be compared")
        second = cosine(probe.second, enrolled.second)
        return first if second is None else joined(first, second)

    def quick_gate(self, threshold: float) -> float:
        """Return the cosine that a quick pass must reach for a full pass to be able to reach the threshold."""
        if self._second is None:
            return threshold - CLOSE_SLACK
        return (threshold - SECOND_SHARE * HIGHEST_SECOND) / (1 - SECOND_SHARE) - CLOSE_SLACK

    def reachable(self, quick: Cosines, second: Cosines | None = None) -> Cosines:
        """Return the highest score that a full pass can reach after a quick pass of this cosine.

        second: the second model's cosine, once it is known.
        """
        if self._second is None:
            return quick + CLOSE_SLACK
        return joined(quick + CLOSE_SLACK, HIGHEST_SECOND if second is None else second)


def cosine(one: Embedding | None, other: Embedding | None) -> float | None:
    """Return the cosine of two unit embeddings, or None if one is missing."""
    return None if one is None or other is None else float(one @ other)


def joined(first: Cosines, second: Cosines | float) -> Cosines:
    """Return the similarity score of a comparison: the weighted mean of both models' cosines."""
    return (1 - SECOND_SHARE) * first + SECOND_SHARE * second


def detector_at(deepface_home: Path) -> FaceDetector:
    """Return the detector alone.

    Raises:
        weights.WeightsError: its weights are missing or not accepted.
    """
    return FaceDetector(weights.verified(YUNET, deepface_home)[0])


@functools.lru_cache(maxsize=8)
def identity_of(deepface_home: Path, choice: Choice = SHIPPED) -> EngineIdentity:
    """Return the identity of the engine with these staged weights, without loading them.

    Raises:
        weights.WeightsError: they are missing or not accepted.
    """
    _, digest = weights.verified(choice.model.weights, deepface_home)
    # A different detector finds different landmarks, so its digest is part of the identity.
    preprocessing = f"{PREPROCESSING}-{weights.verified(YUNET, deepface_home)[1][:8]}"
    identity = EngineIdentity(choice.model.name, digest, preprocessing, choice.model.dimension)
    if choice.second is None:
        return identity
    _, second = weights.verified(choice.second.weights, deepface_home)
    return dataclasses.replace(
        identity,
        second_model=choice.second.name,
        second_digest=second,
        second_dimension=choice.second.dimension,
    )


@functools.lru_cache(maxsize=1)
def engine_at(deepface_home: Path, choice: Choice = SHIPPED) -> Engine:
    """Return this process's engine, which the first call loads."""
    return Engine(deepface_home, choice)
