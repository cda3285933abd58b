"""The table of backends: everything that differs by file format, behind one interface.

A further format is a folder beside `tflite` and `onnx` with a `backend.py`, a row here, and a row in `core.formats`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from edgetl.core.formats import FormatName, KernelSet
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelMetadata, ModelSummary
from edgetl.core.parallel import Predictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.engines.onnx.backend import OnnxBackend
from edgetl.engines.tflite.backend import TFLiteBackend


class Backend(Protocol):
    """Makes, reads and runs the files of one format.

    `photos` is uint8 [photos, side, side, 3] throughout. `advance` is called with the number of further photos that
    are done.
    """

    def prepare(self, model: Path, folder: Path) -> Path:
        """Return the file that all conversions of a .keras file start from; a translation is written into `folder`.

        Raises:
            StageError: the translation failed.
        """

    def convert(self, source: Path, method: Method, photos: Pixels | None, metadata: ModelMetadata) -> bytes:
        """Convert by a method without shared ranges.

        Args:
            source: from `prepare`.
            method: dtypes of weights and activations.
            photos: photos that set the activation ranges; None for methods that need none.
            metadata: written into the file, where the format has a place for it.

        Raises:
            StageError: the converter failed.
        """

    def calibrate(self, source: Path, photos: Pixels, advance: Callable[[int], None]) -> bytes:
        """Make a float model with the activation ranges of the photos.

        Raises:
            StageError: the calibrator failed.
        """

    def quantize(
        self, calibrated: bytes, method: Method, float_layers: Sequence[str], metadata: ModelMetadata
    ) -> bytes:
        """Quantize a calibrated model to int8.

        Args:
            calibrated: from `calibrate`.
            method: an int8 method.
            float_layers: layers that stay in float, by the names that `measure_layer_errors` gives them.
            metadata: written into the file, where the format has a place for it.

        Raises:
            StageError: the quantizer failed.
        """

    def convert_qat(self, model: Path, photo: Pixels, metadata: ModelMetadata) -> bytes:
        """Convert a quantization-aware model.

        Args:
            model: SavedModel from `tfmot.integer_export`.
            photo: one photo, for converters that demand one; it sets no range.
            metadata: written into the file, where the format has a place for it.

        Raises:
            StageError: the converter failed.
        """

    def measure_layer_errors(self, calibrated: bytes, photos: Pixels) -> tuple[LayerError, ...]:
        """Measure the quantization error of every layer, largest first, on photos that did not set the ranges.

        Raises:
            StageError: the quantizer failed.
        """

    def summarize(self, path: Path) -> ModelSummary:
        """Summarize the content of a file.

        Raises:
            ConfigError: not a file of this format.
        """

    def read_weights(self, path: Path) -> Iterator[np.ndarray]:
        """Yield the weights of every convolution and dense layer, [output channels, weights].

        Raises:
            ConfigError: not a file of this format.
        """

    def check(self, path: Path, method: Method) -> None:
        """Check that a file is what its method promises.

        Raises:
            ConfigError: not a file of this format.
            StageError: it is not what the method promises.
        """

    def predict(self, path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
        """Predict photos with a file in the runtime of the format; `advance` is called from several threads.

        Raises:
            ConfigError: not a file of this format, or its input does not match the photos.
        """


BACKENDS: dict[FormatName, Backend] = {"tflite": TFLiteBackend(), "onnx": OnnxBackend()}
