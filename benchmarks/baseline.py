"""Baselines: other libraries on the same photographs and frames."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recognition.camera_jpeg import decode_frame
from recognition.imaging import Pixels, decode_stored
from recognition.open_set import Outcome, Photographs, compared_with

Vector = npt.NDArray[np.float32]


def deepface_outcome(home: Path, photographs: Photographs) -> Outcome:
    """Return the open-set test of `DeepFace.represent(detector_backend="yunet", model_name="SFace")`."""
    paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        vectors = list(pool.map(_Represented(home), paths, chunksize=8))

    def scores(probes: list[Vector], gallery: list[Vector]) -> npt.NDArray[np.float32]:
        return np.asarray(np.stack(probes) @ np.stack(gallery).T, np.float32)

    return compared_with(scores, photographs, vectors)


@dataclass(frozen=True)
class _Represented:
    """Returns the unit vector of the face nearest the middle of a photograph, or None."""

    home: Path

    def __call__(self, path: Path) -> Vector | None:
        os.environ["DEEPFACE_HOME"] = str(self.home)
        from deepface import DeepFace

        pixels = decode_stored(path.read_bytes())
        try:
            found = DeepFace.represent(pixels, model_name="SFace", detector_backend="yunet", enforce_detection=True)
        except ValueError:
            return None
        height, width = pixels.shape[:2]
        nearest = min(found, key=lambda face: _off_centre(face["facial_area"], width, height))
        vector = np.asarray(nearest["embedding"], np.float32)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _off_centre(area: dict[str, Any], width: int, height: int) -> float:
    return float((area["x"] + area["w"] / 2 - width / 2) ** 2 + (area["y"] + area["h"] / 2 - height / 2) ** 2)


class DeepFaceLoop:
    """Every face of every frame through `DeepFace.represent`, and a product with the list's embeddings.

    The least score of its detector is lowered from 0.9 to this project's by DeepFace's own setting: as shipped, it
    misses most faces of a crowd and is fast only because of that.
    """

    def __init__(self, home: Path, listed: Sequence[Path]) -> None:
        os.environ["yunet_score_threshold"] = "0.6"  # noqa: SIM112 (DeepFace's name)
        self._list = np.stack([vector for path in listed if (vector := _Represented(home)(path)) is not None])

    def __call__(self, jpeg: bytes, camera: int, number: int) -> int:
        from deepface import DeepFace

        try:
            found = DeepFace.represent(decode_frame(jpeg), model_name="SFace", detector_backend="yunet")
        except ValueError:
            return 0
        probes = np.array([face["embedding"] for face in found], np.float32)
        (probes / np.linalg.norm(probes, axis=1, keepdims=True) @ self._list.T).max(axis=1)
        return len(found)


class FaceRecognitionLoop:
    """Every face of every frame through the package `face_recognition` with its defaults."""

    def __init__(self, home: Path, listed: Sequence[Path]) -> None:
        import face_recognition

        self._library: Any = face_recognition
        encodings = [self._library.face_encodings(_rgb(decode_stored(path.read_bytes()))) for path in listed]
        self._list = [found[0] for found in encodings if found]

    def __call__(self, jpeg: bytes, camera: int, number: int) -> int:
        encodings = self._library.face_encodings(_rgb(decode_frame(jpeg)))
        for encoding in encodings:
            self._library.face_distance(self._list, encoding)
        return len(encodings)


def _rgb(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[..., ::-1])
