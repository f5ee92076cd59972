"""Convert dlib's face recognition network to an ONNX graph, so that it runs where the other models run.

dlib's own code, as its wheel provides it, takes more than twenty times as long (benchmarks.runtimes), and DeepFace's
Dlib client uses that code. The network is that of dlib's example `dnn_face_recognition_ex.cpp` (King 2017): a residual
network of 29 convolutions on 150 x 150 pictures. Its layers are known, so only the numbers are read from the file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIDE = 150
DIMENSION = 128
# dlib subtracts MEAN from red, green and blue and divides by SCALE before its first layer.
MEAN = (122.782, 117.001, 104.298)
SCALE = 256.0
# For each level from the input on: its channels, and its residual blocks after the one that halves the picture.
LEVELS = ((32, 3), (64, 3), (128, 2), (256, 2), (256, 0))
_TENSOR_VERSION = 2
_LARGEST_TENSOR = 1_000_000


def onnx_graph(serialised: bytes) -> bytes:
    """Return an ONNX model made from `dlib_face_recognition_resnet_model_v1.dat`.

    Its input is RGB, n x 3 x 150 x 150, 0 to 255; its output is n x 128.

    Raises:
        ValueError: the tensors in the file are not those of this network.
    """
    try:
        return _Graph(_tensors(serialised)).serialised()
    except StopIteration as error:
        raise ValueError("the file ends before the network does") from error


def _tensors(data: bytes) -> Iterator[Floats]:
    """Yield the weights in the order of the layers, from the input on.

    A tensor is stored as its format version, four dimensions, and its values in little-endian float32.
    """
    at = 0
    while at < len(data):
        found = _tensor_at(data, at)
        if found is None:
            at += 1
        else:
            values, at = found
            yield values


def _tensor_at(data: bytes, at: int) -> tuple[Floats, int] | None:
    header = []
    for _ in range(5):
        read = _integer_at(data, at)
        if read is None:
            return None
        value, at = read
        header.append(value)
    count = int(np.prod(header[1:]))
    # Every tensor of this network is a row or, in the last layer, a matrix. Very short ones are settings, not weights.
    if header[0] != _TENSOR_VERSION or header[3:] != [1, 1] or not 8 <= count <= _LARGEST_TENSOR:
        return None
    if at + 4 * count > len(data):
        return None
    values = np.frombuffer(data, "<f4", count, at)
    return (values, at + 4 * count) if np.abs(values).max() < 1e4 else None


def _integer_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Read dlib's packed integer: one byte with the number of bytes that follow, then those, lowest first."""
    if at >= len(data) or data[at] > 8:
        return None
    end = at + 1 + data[at]
    return int.from_bytes(data[at + 1 : end], "little"), end


class _Graph:
    """A builder of the graph, layer by layer."""

    def __init__(self, tensors: Iterator[Floats]) -> None:
        self._tensors = tensors
        self._names = (f"v{number}" for number in itertools.count())
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def serialised(self) -> bytes:
        import onnx
        from onnx import TensorProto, helper

        self._layers()
        if next(self._tensors, None) is not None:
            raise ValueError("the file holds more than this network")
        graph = helper.make_graph(
            self._nodes,
            "dlib_face_recognition_resnet_model_v1",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _layers(self) -> None:
        mean = self._constant(np.array(MEAN, np.float32).reshape(1, 3, 1, 1))
        at = self._add("Div", self._add("Sub", "input", mean), self._constant(np.float32(SCALE)))
        at = self._add("Relu", self._convolution(at, 3, LEVELS[0][0], 7, stride=2))
        at = self._add("MaxPool", at, kernel_shape=[3, 3], strides=[2, 2])
        channels, side = LEVELS[0][0], 35
        for index, (wanted, blocks) in enumerate(LEVELS):
            if index:
                at, side = self._halving(at, channels, wanted, side)
                channels = wanted
            for _ in range(blocks):
                at = self._add("Relu", self._add("Add", self._block(at, channels, channels, stride=1), at))
        flat = self._add("Flatten", self._add("GlobalAveragePool", at))
        weights = next(self._tensors).reshape(channels, DIMENSION)
        self._add("MatMul", flat, self._constant(weights), name="embedding")

    def _block(self, at: str, channels: int, wanted: int, stride: int) -> str:
        first = self._add("Relu", self._convolution(at, channels, wanted, 3, stride))
        return self._convolution(first, wanted, wanted, 3, stride=1)

    def _halving(self, at: str, channels: int, wanted: int, side: int) -> tuple[str, int]:
        """Add a block of stride 2 to a mean of four pixels. As in dlib, zeros pad each to the larger size."""
        block, mean = (side - 3) // 2 + 1, (side - 2) // 2 + 1
        larger = max(block, mean)
        one = self._padded(self._block(at, channels, wanted, stride=2), 0, larger - block)
        other = self._add("AveragePool", at, kernel_shape=[2, 2], strides=[2, 2])
        other = self._padded(other, wanted - channels, larger - mean)
        return self._add("Relu", self._add("Add", one, other)), larger

    def _padded(self, at: str, channels: int, pixels: int) -> str:
        if not channels and not pixels:
            return at
        return self._add("Pad", at, self._constant(np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64)))

    def _convolution(self, at: str, channels: int, wanted: int, size: int, stride: int) -> str:
        """Combine a convolution with the scale and shift of each channel that follow it."""
        raw, affine = next(self._tensors), next(self._tensors)
        if raw.size != wanted * (channels * size * size + 1) or affine.size != 2 * wanted:
            raise ValueError(f"a layer of {wanted} filters has {raw.size} and {affine.size} numbers")
        scale, shift = affine[:wanted], affine[wanted:]
        filters = raw[:-wanted].reshape(wanted, channels, size, size) * scale[:, None, None, None]
        # dlib pads only convolutions of stride 1.
        margin = size // 2 if stride == 1 else 0
        inputs = at, self._constant(filters), self._constant(raw[-wanted:] * scale + shift)
        return self._add("Conv", *inputs, kernel_shape=[size, size], strides=[stride, stride], pads=[margin] * 4)

    def _constant(self, value: npt.NDArray[Any] | np.float32) -> str:
        from onnx import numpy_helper

        name = next(self._names)
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = name or next(self._names)
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output
