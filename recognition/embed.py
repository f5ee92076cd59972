"""Aligned crops to vectors of who they show: DeepFace's models, on the fastest runtime that gives the same."""

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
"""One face: numbers of unit length, so that the dot product of two is their cosine similarity."""

Embeddings = npt.NDArray[np.float32]
"""n x dimension: one face a row."""

# The least cosine between the fast runtime's vector and DeepFace's for the same pixels.
SAME_VECTOR = 0.9999
# The same for a quick pass, which only has to find candidates: lower than this, and it runs as exactly as a full one.
NEARLY_SAME_VECTOR = 0.999
# Faces in one run: a frame of three hundred must not need memory for three hundred at once.
BATCH = 16


class Embed(Protocol):
    """Something that runs a face model. name: of the runtime, for people."""

    name: str

    def __call__(self, crops: Sequence[Pixels]) -> Tensor:
        """n x dimension, of n aligned crops; not normalised."""


class FastEmbed:
    """A model's graph on the fast runtime."""

    def __init__(self, graph: Path, side: int, *, coarse: bool = False) -> None:
        """
        side: of the crops, in pixels. coarse: in half the precision, where the processor is faster so.

        Raises:
            NoFastRuntime: it cannot run here.
        """
        self._network = Network(graph, coarse=coarse)
        self._network.compile_for((side, side))
        self.name = self._network.name

    def __call__(self, crops: Sequence[Pixels]) -> Tensor:
        (raw,) = self._network(np.ascontiguousarray(np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2), np.float32))
        return raw


class DeepFaceEmbed:
    """A model as DeepFace (https://github.com/serengil/deepface) runs it: the reference, and the fallback.

    DeepFace is handed our five-point crop, not the whole picture: its own crop is turned by the eyes only, and the same
    weights find 14% of people in it where they find 96% in ours (docs/explain/accuracy.md).
    """

    name = "DeepFace"

    def __init__(self, model: FaceModel) -> None:
        """
        Raises:
            WeightsError: DeepFace cannot build the model.
        """
        from deepface.modules import modeling, preprocessing

        try:
            # Not `build_model`, which keeps every model it builds: one that is only compared with is let go.
            self._client: Any = modeling.get_model_class("facial_recognition", model.name)()
        except (ImportError, ValueError) as error:
            raise WeightsError(f"DeepFace cannot build {model.name}: {error}") from error
        self._model = model
        self._normalised = preprocessing.normalize_input
        # dlib's networks keep what they computed last: one caller at a time.
        self._lock = threading.Lock()

    def __call__(self, crops: Sequence[Pixels]) -> Tensor:
        with self._lock:
            vectors = [np.atleast_2d(self._client.forward(self._input(crop))) for crop in crops]
        return np.concatenate(vectors).astype(np.float32)

    def _input(self, crop: Pixels) -> Any:
        if self._model.normalisation == "base":
            # Clients of 8-bit networks multiply by 255 and truncate: the half keeps every pixel on its value.
            return np.minimum((crop[None].astype(np.float32) + 0.5) / 255, 1)
        return self._normalised(crop[None].astype(np.float32) / 255, self._model.normalisation)


class FaceEmbedder:
    """Unit embeddings of one model."""

    def __init__(self, model: FaceModel, deepface_home: Path) -> None:
        """
        Raises:
            WeightsError: the weights are missing, not the measured ones, or DeepFace cannot build the model.
        """
        os.environ["DEEPFACE_HOME"] = str(deepface_home)
        verified(model.weights, deepface_home)
        self._model = model
        self._embed, self._quick = _fastest(model, deepface_home)
        self._centre = centre_of(model) if model.centred else np.zeros(model.dimension, np.float32)

    @property
    def runtime(self) -> str:
        """What runs it, for people."""
        return self._embed.name

    @property
    def quick_runtime(self) -> str:
        """What runs quick passes, for people."""
        return self._quick.name

    def crop(self, pixels: Pixels, landmarks: Landmarks) -> Pixels:
        """The aligned crop that this model takes.

        Raises:
            ValueError: the landmarks coincide.
        """
        return align(pixels, landmarks, self._model.points, self._model.side)

    def quick_pass(self, crops: Sequence[Pixels]) -> Embeddings:
        """Unit embeddings of n aligned crops, n x dimension, as exact as finding candidates needs."""
        return self._centred(self._batched(self._quick, crops))

    def full_pass(self, crops: Sequence[Pixels]) -> Embeddings:
        """The same of each crop together with its mirror image, exact."""
        mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
        return self._centred(self._batched(self._embed, crops) + self._batched(self._embed, mirrored))

    def _batched(self, embed: Embed, crops: Sequence[Pixels]) -> Embeddings:
        """The model's own vectors, unit."""
        if not crops:
            return np.empty((0, self._model.dimension), np.float32)
        return _unit(np.concatenate([embed(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]))

    def _centred(self, vectors: Embeddings) -> Embeddings:
        """As they are compared: without what all faces share, and unit."""
        return _unit(_unit(vectors) - self._centre)


def _unit(rows: Embeddings) -> Embeddings:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def _fastest(model: FaceModel, deepface_home: Path) -> tuple[Embed, Embed]:
    """What runs a model exactly, and what runs quick passes with it."""
    reference = DeepFaceEmbed(model)
    if model.graph is None:
        return reference, reference
    try:
        graph = verified(model.graph, deepface_home)[0]
        exact = FastEmbed(graph, model.side)
        likeness = agreement(exact, reference, model.side)
        # Not a number is not alike.
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
    """The least cosine between two runtimes' vectors for the same crops, which show no one."""
    chance = np.random.default_rng(1)
    crops = [np.asarray(chance.integers(0, 256, (side, side, 3)), np.uint8) for _ in range(2)]
    first, second = one(crops), other(crops)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / lengths).min())
