"""The face models an engine can be built on: DeepFace's, with what each expects and what its weights allow."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from recognition.align import CROP_SIDE, TEMPLATE
from recognition.detect import Landmarks
from recognition.weights import DLIB, DLIB_GRAPH, SFACE, Weights, WeightsError


@dataclass(frozen=True)
class FaceModel:
    """One of DeepFace's face models.

    name: DeepFace's. side: of the square crop it takes, in pixels. points: where the five landmarks lie in that crop.
    normalisation: DeepFace's name for what it does to pixels. centred: whether the mean of many faces' embeddings is
    taken off each (`centre.py`). weights: what DeepFace loads. graph: what the fast
    runtime loads instead, taking RGB from 0 to 255; None where DeepFace's own is the only one.
    """

    name: str
    dimension: int
    side: int
    points: Landmarks = field(compare=False)
    weights: Weights
    graph: Weights | None = None
    normalisation: str = "base"
    centred: bool = False
    warning: str = ""

    @property
    def files(self) -> tuple[Weights, ...]:
        """Everything that must be staged for it."""
        return (self.weights,) if self.graph in (None, self.weights) else (self.weights, self.graph)


# Where YuNet's landmarks come to lie in dlib's own chips (150 pixels, padding 0.25), made symmetrical: the mean over
# 230 photographs whose chips were cut by dlib's 68 landmarks; they scatter by 3 to 8 pixels.
DLIB_POINTS = np.array([[47.2, 45.8], [102.8, 45.8], [75.0, 77.2], [51.5, 101.8], [98.5, 101.8]], np.float32)


def _arcface_points(side: int) -> Landmarks:
    return np.asarray(TEMPLATE * (side / CROP_SIDE), np.float32)


SFACE_MODEL = FaceModel("SFace", 128, CROP_SIDE, TEMPLATE, SFACE, SFACE, centred=True)
DLIB_MODEL = FaceModel("Dlib", 128, 150, DLIB_POINTS, DLIB, DLIB_GRAPH)


def _unmeasured(file_name: str, licence: str) -> Weights:
    """Weights nobody has measured here: the force that chooses them brings the file and its digest."""
    return Weights(file_name, frozenset(), licence)


_NOT_FOR_POLICE = (
    "InsightFace publishes these weights for non-commercial research only. Obtain a licence before a deployment."
)
MODELS = {
    model.name: model
    for model in (
        SFACE_MODEL,
        DLIB_MODEL,
        FaceModel(
            "ArcFace",
            512,
            CROP_SIDE,
            TEMPLATE,
            _unmeasured("arcface_weights.onnx", "MIT"),
            normalisation="ArcFace",
        ),
        FaceModel(
            "Facenet512",
            512,
            160,
            _arcface_points(160),
            _unmeasured("facenet512_weights.onnx", "MIT"),
            normalisation="Facenet2018",
        ),
        FaceModel(
            "GhostFaceNet",
            512,
            CROP_SIDE,
            TEMPLATE,
            _unmeasured("ghostfacenet_v1.onnx", "MIT"),
        ),
        FaceModel(
            "Buffalo_L",
            512,
            CROP_SIDE,
            TEMPLATE,
            _unmeasured("buffalo_l/webface_r50.onnx", "non-commercial research only"),
            warning=_NOT_FOR_POLICE,
        ),
    )
}


def chosen(name: str, digest: str = "") -> FaceModel:
    """The model of this name. digest: the SHA-256 its weights must have, for one whose weights are not measured here.

    Raises:
        WeightsError: DeepFace has no such model, or the digest is missing.
    """
    model = MODELS.get(name)
    if model is None:
        raise WeightsError(f"There is no model “{name}”; choose one of {', '.join(MODELS)}.")
    if digest:
        pinned = dataclasses.replace(model.weights, digests=frozenset({digest.lower()}))
        # Weights of the force's own choice run as DeepFace runs them: nobody compared them on another runtime.
        graph = model.graph if digest.lower() in model.weights.digests else None
        return dataclasses.replace(model, weights=pinned, graph=pinned if graph is model.weights else graph)
    if not model.weights.digests:
        raise WeightsError(
            f"Nobody has measured weights of {name} here. Say with LFR_MODEL_SHA256 which file you mean: its SHA-256."
        )
    return model
