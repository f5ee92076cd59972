"""What the embeddings of all faces share, which says nothing about who somebody is.

The mean embedding of SFace is 0.29 long: any two faces are alike by that much before they are compared. Taking it off
moves strangers further apart than it moves two pictures of one person (docs/explain/accuracy.md).

The file is the mean over thousands of photographs, made by `python -m benchmarks.centre`, which prints its folder's
digest; it belongs to the model, and no person can be read from it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recognition.models import FaceModel


def centre_of(model: FaceModel) -> npt.NDArray[np.float32]:
    """The mean unit embedding of the model, before any centring: as many numbers as its dimension."""
    content = json.loads((Path(__file__).parent / f"centre_{model.name.lower()}.json").read_text())
    return np.array(content["mean"], np.float32)
