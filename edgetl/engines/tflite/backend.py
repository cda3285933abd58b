"""TFLite behind the interface of `engines.backends`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgetl.core.formats import KernelSet
from edgetl.core.heat_maps.class_maps import ClassMaps
from edgetl.core.methods import METHODS, Method
from edgetl.core.model_file import ModelMetadata, ModelSummary
from edgetl.core.network.float_layers import Operator
from edgetl.core.parallel import FeaturePredictions, Predictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import saved_model
from edgetl.engines.tflite import (
    activation_ranges,
    calibrate,
    class_maps,
    convert,
    features,
    inspect,
    layer_errors,
    rounding,
    runtime,
)


class TFLiteBackend:
    """Makes, reads and runs .tflite files. They contain no metadata: model.json in a bundle has classes and input."""

    def __init__(self) -> None:
        # sha256 of the .keras file that was calibrated last, and its calibrated file.
        self._calibrated = "", b""

    def prepare(self, model: Path, folder: Path) -> Path:  # noqa: ARG002
        """Return the .keras file itself: each method exports a SavedModel with another input."""
        return model

    def convert(self, source: Path, method: Method, photos: Pixels | None, metadata: ModelMetadata) -> bytes:  # noqa: ARG002
        """Convert a .keras file: see `convert.convert_saved_model`."""
        with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
            folder = Path(work) / "saved_model"
            kind = convert.choose_input_kind(method)
            saved_model.export_saved_model(source, folder, kind, unroll=method.calibrated)
            return convert.convert_saved_model(folder, method, photos)

    def calibrate(self, source: Path, photos: Pixels, advance: Callable[[int], None]) -> bytes:
        """Calibrate a .keras file: see `calibrate.calibrate_model`.

        A file that was calibrated last is not converted again: only its ranges are measured, from the new photos.
        """
        sha256 = hash_file(source)
        if sha256 == self._calibrated[0]:
            return activation_ranges.measure_ranges(self._calibrated[1], photos, advance)
        with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
            folder = Path(work) / "saved_model"
            saved_model.export_saved_model(source, folder, "ranged", unroll=True)
            content = calibrate.calibrate_model(folder, photos, advance)
        # The ranges of a network with loops are those of TFLite's calibrator, which needs the SavedModel.
        if not activation_ranges.has_loops(content):
            self._calibrated = sha256, content
        return content

    def quantize(
        self,
        calibrated: bytes,
        method: Method,  # noqa: ARG002
        float_layers: Sequence[str],
        metadata: ModelMetadata,  # noqa: ARG002
    ) -> bytes:
        """Quantize a calibrated model: see `calibrate.quantize_model`."""
        return calibrate.quantize_model(calibrated, float_layers)

    def round_weights(
        self,
        calibrated: bytes,
        photos: Pixels,
        metadata: ModelMetadata,  # noqa: ARG002
        advance: Callable[[int], None],
    ) -> tuple[bytes, tuple[str, ...]]:
        """Quantize a calibrated model with AdaRound: see `rounding.round_model`."""
        return rounding.round_model(calibrated, photos, advance)

    def convert_qat(self, model: Path, photo: Pixels, metadata: ModelMetadata) -> bytes:  # noqa: ARG002
        """Convert the SavedModel of a quantization-aware model.

        The converter demands a representative photo. The model contains every range, so the photo sets none.
        """
        return convert.convert_saved_model(model, METHODS["qat8"], photo)

    def measure_layer_errors(self, calibrated: bytes, photos: Pixels) -> tuple[LayerError, ...]:
        """Measure the quantization error of every layer: see `layer_errors.measure_layer_errors`."""
        return layer_errors.measure_layer_errors(calibrated, photos)

    def list_operators(self, calibrated: bytes) -> tuple[Operator, ...]:
        """List the operators of a calibrated model: see `inspect.list_operators`."""
        with TemporaryDirectory(prefix="edgetl-tflite-") as work:
            float_file, int8_file = Path(work) / "float.tflite", Path(work) / "int8.tflite"
            float_file.write_bytes(calibrated)
            int8_file.write_bytes(calibrate.quantize_model(calibrated))
            left = [operator for operator in inspect.list_operators(int8_file) if not operator.quantized]
            operators = inspect.list_operators(float_file)
        names = set(map(inspect.strip_number, (operator.name for operator in left)))
        return tuple(
            operator.model_copy(update={"quantized": inspect.strip_number(operator.name) not in names})
            for operator in operators
        )

    def summarize(self, path: Path) -> ModelSummary:
        """Summarize a file: see `inspect.summarize_file`."""
        return inspect.summarize_file(path)

    def read_weights(self, path: Path) -> Iterator[np.ndarray]:
        """Yield the weights of a file: see `inspect.read_weights`."""
        return inspect.read_weights(path)

    def check(self, path: Path, method: Method, in_float: Sequence[str]) -> None:
        """Check a file against its method, and predict one photo: see `inspect.check_file`."""
        inspect.check_file(path, method, in_float)
        runtime.try_file(path)

    def predict(self, path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
        """Predict photos: see `runtime.predict_file`."""
        return runtime.predict_file(path, photos, kernels, advance)

    def add_features(self, content: bytes) -> tuple[int, bytes]:
        """Add a second output to a file: see `features.add_features`."""
        return features.add_features(content)

    def predict_features(
        self, path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]
    ) -> FeaturePredictions:
        """Predict photos with both outputs of a file: see `features.predict_features`."""
        return features.predict_features(path, photos, kernels, advance)

    def compute_class_maps(self, path: Path, photos: Pixels, advance: Callable[[int], None]) -> ClassMaps:
        """Compute the class activation maps of photos: see `class_maps.compute_class_maps`."""
        return class_maps.compute_class_maps(path, photos, advance)
