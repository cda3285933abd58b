"""Trained model and photos → ActivationRanges: the ranges of activations and the quantization errors of layers.

Several int8 files are made from the same ranges, each in half a second.
"""

from collections.abc import Sequence
from hashlib import sha256

from edgetl.core.evaluation import ladder, metrics
from edgetl.core.network.float_layers import Operator, group_float_layers
from edgetl.core.network.layer_names import read_layers
from edgetl.core.photos import calibration_audit
from edgetl.core.records import ActivationRanges, CalibrationSet, Dataset, LayerError, Photo
from edgetl.core.requests import CalibrationRequest
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.conversion.conversions import run_conversion
from edgetl.engines.conversion.tasks import ConversionTask

# Enough to separate layers with a large error from the rest. Each costs about as much as a calibration photo.
_ERROR_PHOTOS = 32


def calibrate_activations(work: Workspace, request: CalibrationRequest) -> ActivationRanges:
    """Write calibrated.tflite or calibrated.onnx; audit the photos before, and the ranges after.

    Raises:
        DataError: photos that cannot set ranges.
        StageError: the calibrator failed, or other photos often exceed the ranges.
    """
    dataset, photos, input_spec = request.dataset, request.photos.photos, request.photos.input_spec
    calibration_audit.audit_calibration(photos, dataset, input_spec)
    error_photos = tuple(photo.sha256 for photo in _select_error_photos(photos, dataset))
    path = work.folder / f"calibrated.{request.format_name}"
    keras_path = request.trained.path
    with work.console.bar("ranges", len(photos), "photos") as bar:
        calibration = ConversionTask(
            action="calibrate",
            format=request.format_name,
            source=request.source.path,
            output=path,
            input=input_spec,
            photos=tuple(photo.sha256 for photo in photos),
        )
        run_conversion(calibration, keras_path, bar.advance)
    # Measured on other photos: on those that set the ranges, no value is ever outside.
    errors = calibration.model_copy(update={"action": "measure_layer_errors", "source": path, "photos": error_photos})
    layers = tuple(LayerError.model_validate(value) for value in run_conversion(errors, keras_path))
    calibration_audit.audit_ranges(layers, len(photos))
    listing = calibration.model_copy(update={"action": "list_operators", "source": path, "photos": ()})
    operators = [Operator.model_validate(value) for value in run_conversion(listing, keras_path)]
    return ActivationRanges(
        path=path,
        sha256=hash_file(path),
        trained_sha256=request.trained.sha256,
        calibration=CalibrationSet(
            photos=len(photos), sha256=sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest()
        ),
        layers=layers,
        in_float=group_float_layers(operators, read_layers(keras_path), ladder.WEIGHTED_OPERATORS),
    )


def _select_error_photos(photos: Sequence[Photo], dataset: Dataset) -> list[Photo]:
    """Select photos that set no range: of the training part, or of the validation part where too few are left."""
    used = {photo.sha256 for photo in photos}
    unused = [photo for photo in dataset.train if photo.sha256 not in used]
    candidates = unused if len(unused) >= _ERROR_PHOTOS else list(dataset.validation)
    return [candidates[row] for row in metrics.sample_evenly(len(candidates), _ERROR_PHOTOS)]
