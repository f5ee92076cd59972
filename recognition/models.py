"""The face models that an engine can use: DeepFace's, each with its input format and the licence of its weights."""

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

    name: as DeepFace calls it. dimension: of its embeddings. side: of the square crop that it needs, in pixels. points:
    the positions of the five landmarks in that crop. normalisation: DeepFace's name for its treatment of pixels.
    centred: whether the mean of many faces' embeddings is subtracted (`centre.py`). weights: the file that DeepFace
    loads. graph: the file that the fast runtime loads instead, with RGB input from 0 to 255; None if only DeepFace can
    run the model.
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
        """All files that must be staged for this model."""
        return (self.weights,) if self.graph in (None, self.weights) else (self.weights, self.graph)


# The mean positions of YuNet's landmarks in dlib's own chips (150 pixels, padding 0.25), made symmetrical. They were
# measured on 230 photographs whose chips were cut by dlib's 68 landmarks, and scatter by 3 to 8 pixels.
DLIB_POINTS = np.array([[47.2, 45.8], [102.8, 45.8], [75.0, 77.2], [51.5, 101.8], [98.5, 101.8]], np.float32)


def _arcface_points(side: int) -> Landmarks:
    return np.asarray(TEMPLATE * (side / CROP_SIDE), np.float32)


SFACE_MODEL = FaceModel("SFace", 128, CROP_SIDE, TEMPLATE, SFACE, SFACE, centred=True)
DLIB_MODEL = FaceModel("Dlib", 128, 150, DLIB_POINTS, DLIB, DLIB_GRAPH)


def _unmeasured(file_name: str, licence: str) -> Weights:
    """Return weights not measured for this system. A force that uses them supplies the file and its digest."""
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
    """Return the model of this name. digest: the SHA-256 of its weights, needed if they are not measured ones.

    Raises:
        WeightsError: DeepFace has no such model, or the digest is missing.
    """
    model = MODELS.get(name)
    if model is None:
        raise WeightsError(f"There is no model “{name}”. Choose one of {', '.join(MODELS)}.")
    if digest:
        pinned = dataclasses.replace(model.weights, digests=frozenset({digest.lower()}))
        # Weights that the force chooses run on DeepFace, because they were not compared on another runtime.
        graph = model.graph if digest.lower() in model.weights.digests else None
        return dataclasses.replace(model, weights=pinned, graph=pinned if graph is model.weights else graph)
    if not model.weights.digests:
        raise WeightsError(
            f"No weights of {name} have been measured for this system. Set LFR_MODEL_SHA256 to the SHA-256 of the file."
        )
    return model
