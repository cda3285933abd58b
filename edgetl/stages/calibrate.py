"""Trained model and photos → ActivationRanges: the ranges of activations and the quantization errors of layers.

Several int8 files are made from the same ranges, each in half a second.
"""

from collections.abc import Sequence
from hashlib import sha256

from edgetl.core.evaluation import metrics
from edgetl.core.photos import calibration_audit, pixel_store
from edgetl.core.records import ActivationRanges, CalibrationSet, Dataset, Photo
from edgetl.core.requests import CalibrationRequest
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS

# Enough to separate layers with a large error from the rest. Each costs about as much as a calibration photo.
_ERROR_PHOTOS = 32


def calibrate_activations(work: Workspace, request: CalibrationRequest) -> ActivationRanges:
    """Write calibrated.tflite or calibrated.onnx; audit the photos before, and the ranges after.

    Raises:
        DataError: photos that cannot set ranges.
        StageError: the converter failed.
    """
    dataset, photos, input_spec = request.dataset, request.photos.photos, request.photos.input_spec
    backend = BACKENDS[request.format_name]
    pixels = calibration_audit.audit_calibration(photos, dataset, input_spec)
    error_photos = [photo.sha256 for photo in _select_error_photos(photos, dataset)]
    with work.console.bar("ranges", len(photos), "photos") as bar:
        model = backend.calibrate(request.source.path, pixels, bar.advance)
    # Measured on other photos: on those that set the ranges, no value is ever outside.
    layers = backend.measure_layer_errors(model, pixel_store.open_pixels(error_photos, input_spec))
    calibration_audit.audit_ranges(layers, len(photos))
    path = work.folder / f"calibrated.{request.format_name}"
    path.write_bytes(model)
    return ActivationRanges(
        path=path,
        sha256=hash_file(path),
        trained_sha256=request.trained.sha256,
        calibration=CalibrationSet(
            photos=len(photos), sha256=sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest()
        ),
        layers=layers,
    )


def _select_error_photos(photos: Sequence[Photo], dataset: Dataset) -> list[Photo]:
    """Select photos that set no range: of the training part, or of the validation part where too few are left."""
    used = {photo.sha256 for photo in photos}
    unused = [photo for photo in dataset.train if photo.sha256 not in used]
    candidates = unused if len(unused) >= _ERROR_PHOTOS else list(dataset.validation)
    return [candidates[row] for row in metrics.sample_evenly(len(candidates), _ERROR_PHOTOS)]
