"""The fast runtime of networks: OpenVINO, where it is installed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]

Size = tuple[int, int]
"""Height and width of a picture in pixels."""

# The prepared layers that OpenVINO caches for a network that takes any size: about ten sizes of YuNet. Its default is
# 5,000, with which memory would grow with every new size.
LAYERS_KEPT = 600


class NoFastRuntime(RuntimeError):
    """OpenVINO is not installed or does not accept this network."""


class Network:
    """An ONNX file on OpenVINO, with one thread for each call. Calls from several threads take turns.

    It is compiled in advance, because compiling takes many times longer than a frame. It can be compiled for known
    sizes and for any size, which runs a little slower.
    """

    def __init__(self, path: Path, *, coarse: bool = False) -> None:
        """Read the network. coarse: whether to run it in bfloat16 where the processor has it, instead of float32.

        Raises:
            NoFastRuntime: OpenVINO is missing or refuses the file.
        """
        try:
            import openvino
        except ImportError as error:
            raise NoFastRuntime("OpenVINO is not installed") from error
        self._openvino: Any = openvino
        self._requests: dict[Size | None, Any] = {}
        self._lock = threading.Lock()
        try:
            self._core = openvino.Core()
            # Read the file only once, because its digest was checked for these bytes.
            self._model = self._core.read_model(path)
            has_bfloat16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        except RuntimeError as error:
            raise NoFastRuntime(f"OpenVINO does not accept {path.name}: {error}") from error
        self.outputs: list[str] = [output.get_any_name() for output in self._model.outputs]
        self._precision = "bf16" if coarse and has_bfloat16 else "f32"
        self._takes_batches = self._model.inputs[0].get_partial_shape()[0].is_dynamic

    @property
    def name(self) -> str:
        """The name of the runtime, for people."""
        precision = {"bf16": "bfloat16", "f32": "float32"}[self._precision]
        return f"OpenVINO {self._openvino.__version__.split('-')[0]} {precision}"

    def compile_for(self, size: Size | None) -> None:
        """Compile the network for pictures of one size, or with None for pictures of any size.

        Raises:
            NoFastRuntime: it cannot be compiled for this processor.
        """
        with self._lock:
            if size not in self._requests:
                self._requests[size] = self._compiled(size)

    def __call__(self, batch: Tensor) -> list[Tensor]:
        """Return what `outputs` names, in that order, for n x channels x height x width of a compiled size."""
        height, width = batch.shape[2:]
        with self._lock:
            request = self._requests.get((height, width)) or self._requests[None]
            request.infer({0: batch}, share_inputs=True)
            return [np.array(tensor.data, np.float32) for tensor in request.output_tensors]

    def _compiled(self, size: Size | None) -> Any:
        model = self._model.clone()
        batch = -1 if self._takes_batches else 1
        channels = model.inputs[0].get_partial_shape()[1].get_length()
        model.reshape([batch, channels, *(size or (-1, -1))])
        # By default OpenVINO uses bfloat16 where the processor has it, uses all cores, and pins the one thread of each
        # process to the same core.
        hints = {
            "INFERENCE_PRECISION_HINT": self._precision,
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": LAYERS_KEPT,
        }
        try:
            return self._core.compile_model(model, "CPU", hints).create_infer_request()
        except RuntimeError as error:
            raise NoFastRuntime(f"OpenVINO does not compile {model.friendly_name}: {error}") from error
