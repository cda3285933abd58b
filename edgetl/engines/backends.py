"""Which engine runs which format: a model file and photos → its answers."""

from collections.abc import Callable
from pathlib import Path

from edgetl.core import formats
from edgetl.core.formats import KernelSet
from edgetl.core.parallel import Predictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime

_ENGINES = {"tflite": tflite_runtime.predict_file, "onnx": onnx_runtime.predict_file}


def predict_with(path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
    """The answers of a file in the runtime of its format; see the `predict` of each engine.

    Raises:
        ConfigError: no model file by its name, not one by its bytes, or its input does not fit the photos.
    """
    return _ENGINES[formats.find_format(path).name](path, photos, kernels, advance)
