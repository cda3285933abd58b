"""Trained + photos → Calibrated: the range of every activation, and what int8 does to every layer. Kept, so that each
int8 file after it takes half a second."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import calibration, metrics, pixelstore
from edgetl.core.formats import FormatName
from edgetl.core.records import Calibrated, Calibration, Dataset, Graph, Photo, Trained
from edgetl.core.runs import sha256_of
from edgetl.engines import calibrated, onnx_calibrated, onnx_errors, savedmodel

# Enough to tell a layer that suffers from one that does not; each costs about as much as a calibration photo.
_OTHERS = 32
_LAYER_ERRORS = {"tflite": calibrated.layer_errors, "onnx": onnx_errors.layer_errors}


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibrating:
    """What is asked for: the ranges of a model's activations by photos of a dataset.

    With a `graph`, which is the model in ONNX, for an ONNX file; without one for TFLite.
    """

    trained: Trained
    dataset: Dataset
    photos: tuple[Photo, ...]
    graph: Graph | None = None

    @property
    def form(self) -> FormatName:
        """The format of the files that these ranges are for."""
        return "onnx" if self.graph else "tflite"


def calibrate(asked: Calibrating, folder: Path, *, advance: Callable[[int], None]) -> Calibrated:
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
    pixels = calibration.audit(photos, asked.dataset, trained.input)
    others = pixelstore.opened([photo.sha256 for photo in _others(photos, asked.dataset)], trained.input)
    if asked.graph:
        model = onnx_calibrated.calibrated(asked.graph.path.read_bytes(), pixels, advance)
    else:
        with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
            saved_model = Path(work) / "saved_model"
            savedmodel.export(trained.path, saved_model, "ranged")
            model = calibrated.calibrated(saved_model, pixels, advance)
    layers = _LAYER_ERRORS[asked.form](model, others)
    calibration.audit_ranges(layers, len(photos))
    path = folder / f"calibrated.{asked.form}"
    path.write_bytes(model)
    return Calibrated(
        path=path,
        sha256=sha256_of(path),
        trained_sha256=trained.sha256,
        calibration=Calibration(
            photos=len(photos), sha256=sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest()
        ),
        layers=layers,
    )


def _others(photos: Sequence[Photo], dataset: Dataset) -> list[Photo]:
    """Photos that set no range: of the training part, of the validation part where that has none left."""
    used = {photo.sha256 for photo in photos}
    left = [photo for photo in dataset.train if photo.sha256 not in used]
    from_where = left if len(left) >= _OTHERS else list(dataset.validation)
    return [from_where[row] for row in metrics.evenly(len(from_where), _OTHERS)]
