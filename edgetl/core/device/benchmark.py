"""A run of bench.py: what it measures, the photos that it predicts, and the record of its result."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.core.device import measurement
from edgetl.core.device.measurement import Accuracy
from edgetl.core.errors import StageError
from edgetl.core.record import PathInside, Record
from edgetl.core.records import Photo, Scores
from edgetl.core.storage.files import hash_file


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkRequest:
    """What to measure.

    Attributes:
        model_sha256: hash of the model file.
        soak_s: duration of the soak test, 0 for none.
        classes: class names.
        root: folder of the photos.
        photos: test photos to score the model on; empty for a measurement without accuracy.
    """

    model_sha256: str
    soak_s: float
    classes: tuple[str, ...]
    root: Path
    photos: tuple[Photo, ...]

    def key(self) -> object:
        """Return all fields but the folder: a photo is identified by its sha256."""
        return self.model_sha256, self.soak_s, self.classes, self.photos


class Benchmark(Record):
    """A run of bench.py on `where`, which is "host" or the ssh name of a device.

    `path` is measure.json. `scores` are the predictions of the device, None if no photos were scored.
    """

    where: str
    path: PathInside
    sha256: str
    model_sha256: str
    scores: Scores | None

    def contents(self) -> dict[Path, str]:
        """Map measure.json and the scores to their sha256."""
        return {self.path: self.sha256, **(self.scores.contents() if self.scores else {})}


def link_photos(request: BenchmarkRequest, folder: Path) -> None:
    """Link the photos as bench.py expects them: in folders named after their labels, each named after its index."""
    for index, photo in enumerate(request.photos):
        # Names of photos may repeat in several folders of a class, and may contain any character.
        link = folder / request.classes[photo.label] / f"{_name_photo(index)}{Path(photo.path).suffix.lower()}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((request.root / photo.path).absolute())


def read_benchmark(where: str, request: BenchmarkRequest, folder: Path) -> Benchmark:
    """Make the record of a measurement in `folder`, and write its scores, if there are any, to scores.npy beside it.

    Raises:
        StageError: see `measurement.read_measurement` and `arrange_probabilities`; or bench.py scored no photos.
    """
    path = folder / measurement.NAME
    result = measurement.read_measurement(path, request.model_sha256)
    scores = None
    if request.photos:
        if result.accuracy is None:
            raise StageError("bench.py scored no photos", where=(path,))
        array = arrange_probabilities(result.accuracy, len(request.photos), len(request.classes))
        np.save(folder / "scores.npy", array, allow_pickle=False)
        scores = Scores(
            path=folder / "scores.npy",
            sha256=hash_file(folder / "scores.npy"),
            model_sha256=request.model_sha256,
            part="test",
            kernels=f"bench.py on {where}",
            photos=len(array),
            accelerated=result.accelerated,
            invoke_ms=result.best.steady.p50.ms,
            # An INVALID measurement has reasons of its own, which `bench` shows.
            disturbed=not result.valid,
        )
    return Benchmark(where=where, path=path, sha256=hash_file(path), model_sha256=request.model_sha256, scores=scores)


def arrange_probabilities(accuracy: Accuracy, photos: int, classes: int) -> np.ndarray:
    """Sort the predictions of a device in the order of the photos: float32 [photos, classes].

    Args:
        accuracy: of photos that `link_photos` has named, as in "daisy/000012.jpg".
        photos: number of photos.
        classes: number of classes.

    Raises:
        StageError: a photo is unreadable or missing, or has another number of probabilities, or one is not a number.
    """
    for photo, reason in accuracy.unreadable.items():
        raise StageError(f"the device cannot read a photo that this machine can read: {reason}", where=(photo,))
    rows = {Path(prediction.photo).stem: prediction.probabilities for prediction in accuracy.answers}
    # The order of the answers is that of the device's file system.
    complete = set(rows) == {_name_photo(index) for index in range(photos)}
    if not complete or any(len(row) != classes for row in rows.values()):
        raise StageError(
            f"the device predicted {len(rows)} photos, expected are {photos} with {classes} probabilities each"
        )
    array = np.array([rows[_name_photo(index)] for index in range(photos)], dtype=np.float32)
    if not np.isfinite(array).all():
        raise StageError("the device predicted probabilities that are not finite numbers")
    return array


def _name_photo(index: int) -> str:
    return f"{index:06}"
