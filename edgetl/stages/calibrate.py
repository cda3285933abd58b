"""Trained + photos → Calibrated: the range of every activation, and what int8 does to every layer. Kept, so that each
int8 file after it takes half a second."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.evaluation import metrics
from edgetl.core.formats import FormatName
from edgetl.core.photos import calibration_audit, pixel_store
from edgetl.core.records import ActivationRanges, CalibrationSet, Dataset, Photo, SourceModel, Trained
from edgetl.core.runs import hash_file
from edgetl.engines.keras import saved_model as savedmodel
from edgetl.engines.onnx import calibrate as onnx_calibrate
from edgetl.engines.onnx import layer_errors as onnx_layer_errors
from edgetl.engines.tflite import calibrate as tflite_calibrate

# Enough to tell a layer that suffers from one that does not; each costs about as much as a calibration photo.
_OTHERS = 32
_LAYER_ERRORS = {"tflite": tflite_calibrate.measure_layer_errors, "onnx": onnx_layer_errors.measure_layer_errors}


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibrating:
    """What is asked for: the ranges of a model's activations by photos of a dataset.

    With a `graph`, which is the model in ONNX, for an ONNX file; without one for TFLite.
    """

    trained: Trained
    dataset: Dataset
    photos: tuple[Photo, ...]
    graph: SourceModel | None = None

    @property
    def form(self) -> FormatName:
        """The format of the files that these ranges are for."""
        return "onnx" if self.graph else "tflite"


def calibrate(asked: Calibrating, folder: Path, *, advance: Callable[[int], None]) -> ActivationRanges:
    """Write calibrated.tflite or calibrated.onnx into `folder`.

    Args:
        asked: for what; its photos are audited before and after.
        folder: where the file goes.
        advance: told how many more photos are done.

    Raises:
        DataError: photos that cannot set ranges.
        StageError: the converter failed.
    """
    trained, photos = asked.trained, asked.photos
    pixels = calibration_audit.audit_calibration(photos, asked.dataset, trained.input)
    others = pixel_store.open_pixels([photo.sha256 for photo in _others(photos, asked.dataset)], trained.input)
    if asked.graph:
        model = onnx_calibrate.calibrate_model(asked.graph.path.read_bytes(), pixels, advance)
    else:
        with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
            saved_model = Path(work) / "saved_model"
            savedmodel.export_saved_model(trained.path, saved_model, "ranged")
            model = tflite_calibrate.calibrate_model(saved_model, pixels, advance)
    layers = _LAYER_ERRORS[asked.form](model, others)
    calibration_audit.audit_ranges(layers, len(photos))
    path = folder / f"calibrated.{asked.form}"
    path.write_bytes(model)
    return ActivationRanges(
        path=path,
        sha256=hash_file(path),
        trained_sha256=trained.sha256,
        calibration=CalibrationSet(
            photos=len(photos), sha256=sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest()
        ),
        layers=layers,
    )


def _others(photos: Sequence[Photo], dataset: Dataset) -> list[Photo]:
    """Photos that set no range: of the training part, of the validation part where that has none left."""
    used = {photo.sha256 for photo in photos}
    left = [photo for photo in dataset.train if photo.sha256 not in used]
    from_where = left if len(left) >= _OTHERS else list(dataset.validation)
    return [from_where[row] for row in metrics.sample_evenly(len(from_where), _OTHERS)]
