"""Runs the model on tflite-runtime, the predecessor of LiteRT and the last with wheels for 32-bit ARM.

Needs numpy below 2 and tflite-runtime only. A Model is one interpreter: create it once, because loading is slow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from tflite_runtime.interpreter import Interpreter

PACKAGE = "tflite-runtime"
FAST_KERNELS = "XNNPACK"


def get_version() -> str:
    """Return the installed version of the runtime."""
    return metadata.version(PACKAGE)


class Model:
    """A .tflite file, loaded.

    Attributes:
        accelerated: whether XNNPACK runs. It does not in the wheels of tflite-runtime for this processor.
    """

    def __init__(self, path: Path, threads: int) -> None:
        with hide_notices():
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        # The second output, where there is one, is the features.
        self._output, *self._features = self._interpreter.get_output_details()
        # No public function reports whether a delegate runs; a DELEGATE operator in the execution plan shows it.
        self.accelerated = any(op["op_name"] == "DELEGATE" for op in self._interpreter._get_ops_details())

    def predict(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Predict one photo: `set_input`, `invoke` and `get_output` in one call.

        Args:
            pixels: uint8 [height, width, 3], RGB, 0..255.

        Returns:
            [units] in the dtype of the output tensor; `dequantize` converts it to real numbers.
        """
        self.set_input(pixels)
        self.invoke()
        return self.get_output()

    def set_input(self, pixels: np.ndarray[Any, Any]) -> None:
        """Write a photo into the input tensor: uint8 [height, width, 3], quantized where the tensor needs it."""
        values: np.ndarray[Any, Any] = pixels
        scale, zero_point = self._input["quantization"]
        dtype = self._input["dtype"]
        # Scale 1 and zero point 0 are the identity, which is what edgetl's own files have. Scale 0 means not quantized.
        if scale and (scale, zero_point) != (1, 0):
            limits = np.iinfo(dtype)
            values = np.clip(np.rint(pixels / scale) + zero_point, limits.min, limits.max)
        self._interpreter.set_tensor(self._input["index"], values.astype(dtype, copy=False)[np.newaxis])

    def invoke(self) -> None:
        """Run the model on the input tensor, and nothing else: this is what bench.py times."""
        self._interpreter.invoke()

    def get_output(self) -> np.ndarray[Any, Any]:
        """Return the output tensor: [units] in its own dtype."""
        return np.ravel(self._interpreter.get_tensor(self._output["index"]))

    def dequantize(self, output: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Convert an output to real numbers with the scale and the zero point of the output tensor: float32 [units]."""
        return _dequantize(output, *self._output["quantization"])

    def get_features(self) -> np.ndarray[Any, Any] | None:
        """Return the features of the photo, dequantized: float32 [features]; None for a file with one output."""
        if not self._features:
            return None
        (tensor,) = self._features
        return _dequantize(np.ravel(self._interpreter.get_tensor(tensor["index"])), *tensor["quantization"])


def _dequantize(values: np.ndarray[Any, Any], scale: float, zero_point: int) -> np.ndarray[Any, Any]:
    # Scale 0 means not quantized.
    if not scale:
        return values.astype(np.float32)
    return np.asarray((values.astype(np.float32) - zero_point) * scale, dtype=np.float32)


@contextmanager
def hide_notices() -> Iterator[None]:
    """Leave out the notices that the library prints itself, such as "INFO: Created TensorFlow Lite XNNPACK delegate".

    It has no setting for them, and writes to the file descriptor of standard error, past sys.stderr. Everything else
    that it writes meanwhile is printed at the end of the block.
    """
    try:
        stderr = os.dup(2)
    except OSError:
        # Standard error is closed: nothing is printed.
        yield
        return
    # A file in memory: a read-only system has no place for a temporary file.
    with os.fdopen(os.memfd_create("notices"), "r+b") as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            for line in written:
                if not line.startswith(b"INFO: "):
                    os.write(2, line)
