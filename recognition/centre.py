"""The mean of all faces' embeddings, which carries no information about any person's identity.

The mean embedding of SFace has a length of 0.29, so any two faces share that much before they are compared. Subtracting
it moves strangers further apart than two pictures of one person (docs/explain/accuracy.md).

The file holds the mean over thousands of photographs. `python -m benchmarks.centre` makes it and prints the digest of
its folder. It belongs to the model, and no person can be identified from it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recognition.models import FaceModel


def centre_of(model: FaceModel) -> npt.NDArray[np.float32]:
    """Return the mean unit embedding of the model before centring, of the model's dimension."""
    content = json.loads((Path(__file__).parent / f"centre_{model.name.lower()}.json").read_text())
    return np.array(content["mean"], np.float32)
