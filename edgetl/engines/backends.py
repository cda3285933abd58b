"""The table of backends: the code of each file format, behind one interface.

To add a format: a folder beside `tflite` and `onnx` with a `backend.py`, a row in `BACKENDS`, a row in `core.formats`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from edgetl.core.formats import FormatName, KernelSet
from edgetl.core.heat_maps.class_maps import ClassMaps
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelMetadata, ModelSummary
from edgetl.core.network.float_layers import Operator
from edgetl.core.parallel import FeaturePredictions, Predictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.engines.onnx.backend import OnnxBackend
from edgetl.engines.tflite.backend import TFLiteBackend


class Backend(Protocol):
    """Makes, reads and runs the files of one format.

    In all methods, `photos` is uint8 [photos, height, width, 3], and `advance` is called with the number of photos
    since its last call, for a progress bar.
    """

    def prepare(self, model: Path, folder: Path) -> Path:
        """Return the file that all conversions of a model start from.

        Args:
            model: a .keras file.
            folder: a format that starts from a translation of the model writes it here.

        Raises:
            StageError: the translation failed.
        """

    def convert(self, source: Path, method: Method, photos: Pixels | None, metadata: ModelMetadata) -> bytes:
        """Convert a model by a method that does not use shared ranges: see `Method.uses_shared_ranges`.

        Args:
            source: from `prepare`.
            method: dtypes of weights and activations.
            photos: photos that set the activation ranges; None for a method without calibration.
            metadata: written into the file if the format has metadata.

        Raises:
            StageError: the converter failed.
        """

    def calibrate(self, source: Path, photos: Pixels, advance: Callable[[int], None]) -> bytes:
        """Make a float model that contains the activation ranges of the photos.

        Args:
            source: from `prepare`.
            photos: photos that set the activation ranges.
            advance: see above.

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
            float_layers: names of layers that stay in float, from `measure_layer_errors`.
            metadata: written into the file if the format has metadata.

        Raises:
            StageError: the quantizer failed.
        """

    def round_weights(
        self, calibrated: bytes, photos: Pixels, metadata: ModelMetadata, advance: Callable[[int], None]
    ) -> tuple[bytes, tuple[str, ...]]:
        """Quantize a calibrated model to int8, and choose with photos which weights are rounded up and which down.

        Args:
            calibrated: from `calibrate`.
            photos: training photos.
            metadata: written into the file if the format has metadata.
            advance: called with 1 after each layer.

        Returns:
            The content of the file, and the names of layers whose weights are rounded to the nearest.

        Raises:
            StageError: the quantizer failed, or the file does not compute what was optimized.
        """

    def convert_qat(self, model: Path, photo: Pixels, metadata: ModelMetadata) -> bytes:
        """Convert a quantization-aware model.

        Args:
            model: SavedModel from `tfmot.integer_export`.
            photo: one photo, for a converter that requires one; it sets no range.
            metadata: written into the file if the format has metadata.

        Raises:
            StageError: the converter failed.
        """

    def measure_layer_errors(self, calibrated: bytes, photos: Pixels) -> tuple[LayerError, ...]:
        """Measure the quantization error of every layer, largest first.

        Args:
            calibrated: from `calibrate`.
            photos: photos that did not set the ranges.

        Raises:
            StageError: the quantizer failed.
        """

    def list_operators(self, calibrated: bytes) -> tuple[Operator, ...]:
        """List the operators of a calibrated model, and which of them the quantizer leaves in float.

        Args:
            calibrated: from `calibrate`.

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

    def check(self, path: Path, method: Method, in_float: Sequence[str]) -> None:
        """Check that a file has the operators, dtypes and scales of its method, and that it runs.

        Args:
            path: the file.
            method: its method.
            in_float: names of the operators without an integer kernel, which a mixed file may compute in float.

        Raises:
            ConfigError: not a file of this format.
            StageError: the check failed.
        """

    def predict(self, path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
        """Predict photos with a file in the runtime of the format, on all cores.

        Args:
            path: the file.
            photos: of the side of its input.
            kernels: the fast or the reference kernels: see `core.formats`.
            advance: is called from several threads.

        Raises:
            ConfigError: not a file of this format, or its input does not match the photos.
            StageError: the kernel set lacks an operator.
        """

    def add_features(self, content: bytes) -> tuple[int, bytes]:
        """Make the input of the first dense layer of the head the second output of a file.

        Args:
            content: of a file with one output.

        Returns:
            The number of features, and the content with two outputs. The scores stay the same bit for bit.

        Raises:
            StageError: the network does not end in dense layers.
        """

    def predict_features(
        self, path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]
    ) -> FeaturePredictions:
        """Predict photos with both outputs of a file; arguments as in `predict`.

        Raises:
            ConfigError: not a file of this format, or its input does not match the photos.
            StageError: the file has no second output.
        """

    def compute_class_maps(self, path: Path, photos: Pixels, advance: Callable[[int], None]) -> ClassMaps:
        """Compute the class activation maps of photos, from the feature map and the weights in the file.

        Raises:
            ConfigError: not a file of this format, or its input does not match the photos.
            ClassMapError: the network does not end in a mean over its last feature map and one dense layer.
        """


BACKENDS: dict[FormatName, Backend] = {"tflite": TFLiteBackend(), "onnx": OnnxBackend()}
