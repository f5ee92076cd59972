"""Embeddings of aligned crops: DeepFace's models on the fastest runtime that gives the same vectors."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from recognition.align import align
from recognition.centre import centre_of
from recognition.detect import Landmarks
from recognition.imaging import Pixels
from recognition.models import FaceModel
from recognition.runtime import Network, NoFastRuntime, Tensor
from recognition.weights import WeightsError, verified

logger = logging.getLogger(__name__)

Embedding = npt.NDArray[np.float32]
"""The unit vector of one face. The dot product of two embeddings is their cosine similarity."""

Embeddings = npt.NDArray[np.float32]
"""n x dimension, one face in each row."""

# The least cosine accepted between the fast runtime's vector and DeepFace's for the same pixels.
SAME_VECTOR = 0.9999
# The same for quick passes, which only have to find candidates. Below this they run as exactly as full passes.
NEARLY_SAME_VECTOR = 0.999
# Faces in one run, so that a frame with 300 faces does not need memory for 300 at once.
BATCH = 16


class Embed(Protocol):
    """A runtime of a face model. name: of the runtime, for people."""

    name: str

    def __call__(self, crops: Sequence[Pixels]) -> Tensor:
        """Return vectors of n aligned crops, n x dimension, not normalised."""


class FastEmbed:
    """A face model on the fast runtime."""

    def __init__(self, graph: Path, side: int, *, coarse: bool = False) -> None:
        """Load and compile the network.

        side: of the crops, in pixels. coarse: whether to use bfloat16 where the processor has it.

        Raises:
            NoFastRuntime: it cannot run on this machine.
        """
        self._network = Network(graph, coarse=coarse)
        self._network.compile_for((side, side))
        self.name = self._network.name

    def __call__(self, crops: Sequence[Pixels]) -> Tensor:
        (raw,) = self._network(np.ascontiguousarray(np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2), np.float32))
        return raw


class DeepFaceEmbed:
    """A model as DeepFace (https://github.com/serengil/deepface) runs it: the reference, and the fallback.

    DeepFace gets our five-point crop instead of the whole picture. Its own crop is aligned by the eyes only. The same
    weights find 14% of people with its crop and 96% with ours (docs/explain/accuracy.md).
    """

    name = "DeepFace"

    def __init__(self, model: FaceModel) -> None:
        """Build the model.

        Raises:
            WeightsError: DeepFace cannot build the model.
        """
        from deepface.modules import modeling, preprocessing

        try:
            # `build_model` would keep every model in memory, even one that is needed only for a comparison.
            self._client: Any = modeling.get_model_class("facial_recognition", model.name)()
        except (ImportError, ValueError) as error:
            raise WeightsError(f"DeepFace cannot build {model.name}: {error}") from error
        self._model = model
        self._normalised = preprocessing.normalize_input
        # dlib's networks store their last result, so they can serve only one caller at a time.
        self._lock = threading.Lock()

    def __call__(self, crops: Sequence[Pixels]) -> Tensor:
        with self._lock:
            vectors = [np.atleast_2d(self._client.forward(self._input(crop))) for crop in crops]
        return np.concatenate(vectors).astype(np.float32)

    def _input(self, crop: Pixels) -> Any:
        if self._model.normalisation == "base":
            # Clients of 8-bit networks multiply by 255 and truncate. Adding 0.5 keeps every pixel's value.
            return np.minimum((crop[None].astype(np.float32) + 0.5) / 255, 1)
        return self._normalised(crop[None].astype(np.float32) / 255, self._model.normalisation)


class FaceEmbedder:
    """A face model that returns unit embeddings."""

    def __init__(self, model: FaceModel, deepface_home: Path) -> None:
        """Load the model.

        Raises:
            WeightsError: the weights are missing or not accepted, or DeepFace cannot build the model.
        """
        os.environ["DEEPFACE_HOME"] = str(deepface_home)
        verified(model.weights, deepface_home)
        self._model = model
        self._embed, self._quick = _fastest(model, deepface_home)
        self._centre = centre_of(model) if model.centred else np.zeros(model.dimension, np.float32)

    @property
    def runtime(self) -> str:
        """The name of the runtime, for people."""
        return self._embed.name

    @property
    def quick_runtime(self) -> str:
        """The name of the runtime of quick passes, for people."""
        return self._quick.name

    def crop(self, pixels: Pixels, landmarks: Landmarks) -> Pixels:
        """Return the aligned crop that this model needs.

        Raises:
            ValueError: the landmarks coincide.
        """
        return align(pixels, landmarks, self._model.points, self._model.side)

    def quick_pass(self, crops: Sequence[Pixels]) -> Embeddings:
        """Return unit embeddings of n aligned crops, n x dimension, exact enough to find candidates."""
        return self._centred(self._batched(self._quick, crops))

    def full_pass(self, crops: Sequence[Pixels]) -> Embeddings:
        """Return exact unit embeddings, n x dimension, each from a crop and its mirror image together."""
        mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
        return self._centred(self._batched(self._embed, crops) + self._batched(self._embed, mirrored))

    def _batched(self, embed: Embed, crops: Sequence[Pixels]) -> Embeddings:
        """Return the model's own vectors, scaled to unit length."""
        if not crops:
            return np.empty((0, self._model.dimension), np.float32)
        return _unit(np.concatenate([embed(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]))

    def _centred(self, vectors: Embeddings) -> Embeddings:
        """Return embeddings ready to compare: with the mean of all faces subtracted, and of unit length."""
        return _unit(_unit(vectors) - self._centre)


def _unit(rows: Embeddings) -> Embeddings:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def _fastest(model: FaceModel, deepface_home: Path) -> tuple[Embed, Embed]:
    """Return the runtimes of a model: (for full passes, for quick passes)."""
    reference = DeepFaceEmbed(model)
    if model.graph is None:
        return reference, reference
    try:
        graph = verified(model.graph, deepface_home)[0]
        exact = FastEmbed(graph, model.side)
        likeness = agreement(exact, reference, model.side)
        # Written so that NaN fails the comparison.
        if not likeness >= SAME_VECTOR:
            raise NoFastRuntime(f"{exact.name} gives other vectors on this processor (cosine {likeness:.4f})")
    except NoFastRuntime as reason:
        logger.warning("%s runs as DeepFace runs it, which is slower: %s", model.name, reason)
        return reference, reference
    try:
        quick = FastEmbed(graph, model.side, coarse=True)
        return exact, quick if agreement(quick, reference, model.side) >= NEARLY_SAME_VECTOR else exact
    except NoFastRuntime:
        return exact, exact


def agreement(one: Embed, other: Embed, side: int) -> float:
    """Return the least cosine between the vectors of two runtimes for the same random crops."""
    chance = np.random.default_rng(1)
    crops = [np.asarray(chance.integers(0, 256, (side, side, 3)), np.uint8) for _ in range(2)]
    first, second = one(crops), other(crops)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / lengths).min())
