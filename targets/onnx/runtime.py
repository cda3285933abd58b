"""The model on onnxruntime: uint8 photos in, the numbers of the output out. Other targets bring their own runtime.py.

Needs numpy and onnxruntime only. One Model is one session: make it once and keep it.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

PACKAGE = "onnxruntime"
FAST = "its optimized graph"

ERRORS_ONLY = 3
# Those that the build proved the model with; they decide what the model answers.
SETTINGS = {
    # Without it x86-64 computes with unsigned activations, which saturate where the processor has no VNNI.
    "session.qdqisint8allowed": "1",
    "session.qdq_matmulnbits_accuracy_level": "1",
    "session.intra_op.allow_spinning": "0",
}


def version() -> str:
    """The installed version of the runtime."""
    return metadata.version(PACKAGE)


class Model:
    """An .onnx file, loaded and ready.

    Attributes:
        accelerated: whether the fast kernels run. onnxruntime's own always do.
    """

    accelerated = True

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        for name, value in SETTINGS.items():
            options.add_session_config_entry(name, value)
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (self._input,) = self._session.get_inputs()
        self._dtype = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}[self._input.type]
        self._given: dict[str, np.ndarray[Any, Any]] = {}
        self._answered: list[np.ndarray[Any, Any]] = []

    def outputs(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """What the model answers to one photo.

        Args:
            pixels: uint8 [side, side, 3], RGB 0..255.

        Returns:
            [units], in the dtype of the output itself.
        """
        self.fill(pixels)
        self.invoke()
        return self.answer()

    def fill(self, pixels: np.ndarray[Any, Any]) -> None:
        """Hand a photo to the model, as the input wants it: the first of the three steps of `outputs`."""
        self._given = {self._input.name: pixels.astype(self._dtype, copy=False)[np.newaxis]}

    def invoke(self) -> None:
        """Run the model on what it was handed, and nothing else."""
        self._answered = self._session.run(None, self._given)

    def answer(self) -> np.ndarray[Any, Any]:
        """What it answered: [units], in the dtype of the output itself."""
        return np.ravel(self._answered[0])

    def numbers(self, outputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The real numbers that outputs stand for: in these files they are real already. float32 [units]."""
        return outputs.astype(np.float32)
