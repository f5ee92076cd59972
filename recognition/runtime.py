"""The runtime that networks run on: OpenVINO where it is installed, else each library's own."""

from __future__ import annotations

import collections
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]

# Compiled forms of one network that are kept: pictures come in few sizes, and each form holds its own buffers.
FORMS_KEPT = 6


class NoFastRuntime(RuntimeError):
    """OpenVINO is not installed, or does not take this network."""


class Network:
    """An ONNX file on OpenVINO, one thread a call. Callers from several threads take turns."""

    def __init__(self, path: Path, *, coarse: bool = False) -> None:
        """coarse: in bfloat16 where the processor has it, else like the others in float32.

        Raises:
            NoFastRuntime: OpenVINO is missing or refuses the file.
        """
        try:
            import openvino
        except ImportError as error:
            raise NoFastRuntime("OpenVINO is not installed") from error
        self._openvino: Any = openvino
        self._forms: collections.OrderedDict[tuple[int, ...], Any] = collections.OrderedDict()
        self._lock = threading.Lock()
        try:
            self._core = openvino.Core()
            # Read once: its digest was checked for these bytes.
            self._model = self._core.read_model(path)
            has_bfloat16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        except RuntimeError as error:
            raise NoFastRuntime(f"OpenVINO does not take {path.name}: {error}") from error
        self.outputs: list[str] = [output.get_any_name() for output in self._model.outputs]
        self._precision = "bf16" if coarse and has_bfloat16 else "f32"
        self._takes_batches = self._model.inputs[0].get_partial_shape()[0].is_dynamic

    @property
    def name(self) -> str:
        """What runs it, for people."""
        precision = {"bf16": "bfloat16", "f32": "float32"}[self._precision]
        return f"OpenVINO {self._openvino.__version__.split('-')[0]} {precision}"

    def __call__(self, batch: Tensor) -> list[Tensor]:
        """What `outputs` names, in that order, for n x channels x height x width.

        Raises:
            NoFastRuntime: the first time, when it cannot be compiled for this processor.
        """
        with self._lock:
            request = self._form(batch.shape[1:])
            request.infer({0: batch}, share_inputs=True)
            return [np.array(tensor.data, np.float32) for tensor in request.output_tensors]

    def _form(self, shape: tuple[int, ...]) -> Any:
        """The network compiled for pictures of one shape, any number of them."""
        request = self._forms.pop(shape, None)
        if request is None:
            model = self._model.clone()
            model.reshape([-1 if self._takes_batches else 1, *shape])
            # Left alone, OpenVINO takes bfloat16 where the processor has it, every core, and nails each process's one
            # thread to the same core.
            hints = {
                "INFERENCE_PRECISION_HINT": self._precision,
                "INFERENCE_NUM_THREADS": 1,
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,
            }
            try:
                request = self._core.compile_model(model, "CPU", hints).create_infer_request()
            except RuntimeError as error:
                raise NoFastRuntime(f"OpenVINO does not compile {model.friendly_name}: {error}") from error
            while len(self._forms) >= FORMS_KEPT:
                self._forms.popitem(last=False)
        self._forms[shape] = request
        return request
