"""ONNX behind the interface of `engines.backends`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from edgetl.core.formats import KernelSet
from edgetl.core.heat_maps.class_maps import ClassMaps
from edgetl.core.methods import METHODS, Method
from edgetl.core.model_file import ModelMetadata, ModelSummary
from edgetl.core.network.float_layers import Operator
from edgetl.core.parallel import FeaturePredictions, Predictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.engines.keras import saved_model
from edgetl.engines.onnx import (
    calibrate,
    class_maps,
    convert,
    features,
    graph,
    inspect,
    layer_errors,
    qat,
    rounding,
    runtime,
)


class OnnxBackend:
    """Makes, reads and runs .onnx files."""

    def prepare(self, model: Path, folder: Path) -> Path:
        """Translate a .keras file to graph.onnx, float, in `folder`: see `convert.translate_saved_model`."""
        path = folder / "graph.onnx"
        with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
            exported = Path(work) / "saved_model"
            saved_model.export_saved_model(model, exported, "uint8", unroll=True)
            path.write_bytes(convert.translate_saved_model(exported))
        return path

    def convert(self, source: Path, method: Method, photos: Pixels | None, metadata: ModelMetadata) -> bytes:
        """Convert a translated graph: see `convert.convert_graph`, or `calibrate` for a method with photos."""
        if photos is None:
            return convert.convert_graph(source.read_bytes(), method, metadata)
        calibrated = calibrate.calibrate_model(source.read_bytes(), photos, lambda _: None)
        return calibrate.quantize_model(calibrated, method, (), metadata)

    def calibrate(self, source: Path, photos: Pixels, advance: Callable[[int], None]) -> bytes:
        """Calibrate a translated graph: see `calibrate.calibrate_model`."""
        return calibrate.calibrate_model(source.read_bytes(), photos, advance)

    def quantize(
        self, calibrated: bytes, method: Method, float_layers: Sequence[str], metadata: ModelMetadata
    ) -> bytes:
        """Quantize a calibrated graph: see `calibrate.quantize_model`."""
        return calibrate.quantize_model(calibrated, method, float_layers, metadata)

    def round_weights(
        self, calibrated: bytes, photos: Pixels, metadata: ModelMetadata, advance: Callable[[int], None]
    ) -> tuple[bytes, tuple[str, ...]]:
        """Quantize a calibrated graph with AdaRound: see `rounding.round_model`."""
        return rounding.round_model(calibrated, photos, metadata, advance)

    def convert_qat(self, model: Path, photo: Pixels, metadata: ModelMetadata) -> bytes:  # noqa: ARG002
        """Convert the SavedModel of a quantization-aware model: see `qat.convert_qat`."""
        return qat.convert_qat(model, metadata)

    def measure_layer_errors(self, calibrated: bytes, photos: Pixels) -> tuple[LayerError, ...]:
        """Measure the quantization error of every layer: see `layer_errors.measure_layer_errors`."""
        return layer_errors.measure_layer_errors(calibrated, photos)

    def list_operators(self, calibrated: bytes) -> tuple[Operator, ...]:
        """List the operators of a calibrated graph, without the input scaling and the last softmax."""
        model = onnx.load_model_from_string(calibrated)
        operators = [(node.name, node.op_type) for layer in graph.iterate_layers(model) for node in layer]
        left = {name for name, _ in inspect.find_float_tensors(calibrate.quantize_graph(model, METHODS["int8"]))}
        return tuple(Operator(name=name, type=kind, quantized=name not in left) for name, kind in operators)

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
