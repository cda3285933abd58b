"""Runs the model on onnxruntime: uint8 photos in, outputs out. Targets with another runtime have another runtime.py.

Needs numpy and onnxruntime only. A Model is one session: create it once, because loading is slow.
"""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

# onnxruntime 1.32 can send usage data to its maker, and reads this when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

PACKAGE = "onnxruntime"
FAST_KERNELS = "the optimized graph"

LOG_ERRORS_ONLY = 3
# The build verified the model with these settings, and they change what it predicts: use the same ones.
SETTINGS = {
    # On x86-64 onnxruntime would turn signed activations into unsigned ones, whose products saturate on processors
    # without VNNI.
    "session.qdqisint8allowed": "1",
    # Level 1 multiplies quantized weights with float activations, without rounding the activations.
    "session.qdq_matmulnbits_accuracy_level": "1",
    # A waiting thread must not keep a core busy.
    "session.intra_op.allow_spinning": "0",
}


def get_version() -> str:
    """Return the installed version of the runtime."""
    return metadata.version(PACKAGE)


class Model:
    """An .onnx file, loaded.

    Attributes:
        accelerated: whether the fast kernels run. Those of onnxruntime always do.
    """

    accelerated = True

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = LOG_ERRORS_ONLY
        for name, value in SETTINGS.items():
            options.add_session_config_entry(name, value)
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (self._input,) = self._session.get_inputs()
        self._dtype = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}[self._input.type]
        self._feeds: dict[str, np.ndarray[Any, Any]] = {}
        self._outputs: list[np.ndarray[Any, Any]] = []

    def predict(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Predict one photo: `set_input`, `invoke` and `get_output` in one call.

        Args:
            pixels: uint8 [height, width, 3], RGB, 0..255.

        Returns:
            [units] in the dtype of the output.
        """
        self.set_input(pixels)
        self.invoke()
        return self.get_output()

    def set_input(self, pixels: np.ndarray[Any, Any]) -> None:
        """Prepare a photo as the input: uint8 [height, width, 3], converted where the input is float."""
        self._feeds = {self._input.name: pixels.astype(self._dtype, copy=False)[np.newaxis]}

    def invoke(self) -> None:
        """Run the model on the input, and nothing else: this is what bench.py times."""
        self._outputs = self._session.run(None, self._feeds)

    def get_output(self) -> np.ndarray[Any, Any]:
        """Return the output: [units] in its own dtype."""
        return np.ravel(self._outputs[0])

    def dequantize(self, output: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Convert an output to float32 [units]. The outputs of these files are real numbers already."""
        return output.astype(np.float32)

    def get_features(self) -> np.ndarray[Any, Any] | None:
        """Return the features of the photo: float32 [features]; None for a file with one output."""
        return np.ravel(self._outputs[1]).astype(np.float32) if len(self._outputs) > 1 else None
