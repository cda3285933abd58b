"""Trained + photos → Calibrated: the range of every activation, and what int8 does to every layer. Kept, so that each
int8 file after it takes half a second."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import calibration, pixelstore
from edgetl.core.records import Calibrated, Calibration, Dataset, Photo, Trained
from edgetl.core.runs import sha256_of
from edgetl.engines import calibrated, savedmodel

# Enough to tell a layer that suffers from one that does not; each costs about as much as a calibration photo.
_OTHERS = 32


def calibrate(
    trained: Trained, photos: Sequence[Photo], dataset: Dataset, folder: Path, *, advance: Callable[[int], None]
) -> Calibrated:
    """Write calibrated.tflite into `folder`.

    Args:
        trained: the model.
        photos: those that set the ranges; audited before and after.
        dataset: where they come from.
        folder: where the file goes.
        advance: told how many more photos are done.

    Raises:
        DataError: photos that cannot set ranges.
        StageError: the converter failed.
    """
    calibration.audit_photos(photos, dataset)
    pixels = pixelstore.opened([photo.sha256 for photo in photos], trained.input)
    calibration.audit_pixels(pixels, pixelstore.opened([photo.sha256 for photo in dataset.train], trained.input))
    others = pixelstore.opened([photo.sha256 for photo in _others(photos, dataset)], trained.input)
    with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
        saved_model = Path(work) / "saved_model"
        savedmodel.export(trained.path, saved_model, "ranged")
        model = calibrated.calibrated(saved_model, pixels, advance)
    layers = calibrated.layer_errors(model, others)
    calibration.audit_ranges(layers, len(photos))
    path = folder / "calibrated.tflite"
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
    return from_where[:: max(1, len(from_where) // _OTHERS)][:_OTHERS]
