"""The model on LiteRT: uint8 photos in, the numbers of the output tensor out. Other targets bring their own runtime.py.

Needs numpy and ai-edge-litert only. One Model is one interpreter: make it once and keep it.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

PACKAGE = "ai-edge-litert"
FAST = "XNNPACK"


def version() -> str:
    """The installed version of the runtime."""
    return metadata.version(PACKAGE)


class Model:
    """A .tflite file, loaded and ready.

    Attributes:
        accelerated: whether XNNPACK really runs. LiteRT drops it without a word, for example where /sys is unreadable.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()
        # A delegate that runs shows as one operator more in the plan; LiteRT has no public way to ask for it.
        self.accelerated = any(op["op_name"] == "DELEGATE" for op in self._interpreter._get_ops_details())

    def outputs(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """What the model answers to one photo.

        Args:
            pixels: uint8 [side, side, 3], RGB 0..255.

        Returns:
            [units], in the dtype of the output tensor itself.
        """
        self.fill(pixels)
        self.invoke()
        return self.answer()

    def fill(self, pixels: np.ndarray[Any, Any]) -> None:
        """Hand a photo to the model, in the input tensor's own numbers: the first of the three steps of `outputs`."""
        values: np.ndarray[Any, Any] = pixels
        scale, zero_point = self._input["quantization"]
        dtype = self._input["dtype"]
        # A scale of 1 and a zero point of 0 leave every number as it is.
        if scale and (scale, zero_point) != (1, 0):
            limits = np.iinfo(dtype)
            values = np.clip(np.rint(pixels / scale) + zero_point, limits.min, limits.max)
        self._interpreter.set_tensor(self._input["index"], values.astype(dtype, copy=False)[np.newaxis])

    def invoke(self) -> None:
        """Run the model on what it was handed, and nothing else."""
        self._interpreter.invoke()

    def answer(self) -> np.ndarray[Any, Any]:
        """What it answered: [units], in the dtype of the output tensor itself."""
        return np.ravel(self._interpreter.get_tensor(self._output["index"]))

    def numbers(self, outputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The real numbers that outputs stand for, by the output tensor's own scale and zero point: float32 [units]."""
        scale, zero_point = self._output["quantization"]
        if not scale:
            return outputs.astype(np.float32)
        return np.asarray((outputs.astype(np.float32) - zero_point) * scale, dtype=np.float32)
