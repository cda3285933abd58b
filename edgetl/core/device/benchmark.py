"""What bench.py is asked, and measure.json, in which it answers: read strictly, since it came from another machine.

In: a folder with a measure.json. Out: a Measure, its units in its names; or an error that names what is wrong with it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from edgetl.core.errors import StageError
from edgetl.core.record import Record
from edgetl.core.records import Benchmark, Photo, Scores
from edgetl.core.storage.files import hash_file

Ms = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

NAME = "measure.json"

_LIMIT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkRequest:
    """What is to be measured: a model, for how long, and on which test photos it is scored too (none: on none)."""

    model_sha256: str
    soak_s: float
    classes: tuple[str, ...]
    root: Path
    photos: tuple[Photo, ...]


class Percentile(Record):
    """A percentile with its 95 % bootstrap interval."""

    ms: Ms
    low_ms: Ms
    high_ms: Ms


class LatencyStatistics(Record):
    """What many runs of the same thing took."""

    runs: Annotated[int, Field(ge=1)]
    mean_ms: Ms
    min_ms: Ms
    max_ms: Ms
    p50: Percentile
    p90: Percentile
    p99: Percentile


class InvokeTimes(Record):
    """The model alone on so many threads: loaded, invoked for the first time, and again and again."""

    threads: Annotated[int, Field(ge=1)]
    load_ms: Ms
    first_ms: Ms
    accelerated: bool
    steady: LatencyStatistics


class PhotoTimes(Record):
    """A photo's way from the bytes of its file to its labels."""

    decode: LatencyStatistics
    preprocess: LatencyStatistics
    invoke: LatencyStatistics
    postprocess: LatencyStatistics
    total: LatencyStatistics


class SoakWindow(Record):
    """A stretch of a soak; `at_s` is its end."""

    at_s: Ms
    p50_ms: Ms
    p90_ms: Ms


class Soak(Record):
    """Invoked without a pause; `drift` 0.1 says that the end was ten per cent slower than the beginning."""

    start_s: float
    seconds: Ms
    invokes: Count
    windows: tuple[SoakWindow, ...]
    drift: float


class Proportion(Record):
    """A share with its 95 % interval."""

    value: Fraction
    low: Fraction
    high: Fraction


class PhotoPrediction(Record):
    """What the device answered to one photo: its path in the folder, its label, and the labels' probabilities."""

    photo: str
    label: Count
    probabilities: tuple[float, ...]


class LabelCount(Record):
    """Photos of one label, and how many were named right."""

    photos: Count
    right: Count


class Accuracy(Record):
    """How often the device was right. `unreadable` is photo → why."""

    photos: Count
    right: Count
    accuracy: Proportion
    per_label: dict[str, LabelCount]
    unreadable: dict[str, str]
    answers: tuple[PhotoPrediction, ...]


class Board(Record):
    """The machine it was measured on. None is what that machine does not tell."""

    name: str
    machine: str
    processor: str
    cores: Annotated[int, Field(ge=1)]
    kernel: str
    system: str
    highest_hz: int | None
    governor: str | None
    emulated: bool


class Memory(Record):
    """Resident memory of bench.py, Python and numpy included."""

    mean_bytes: int | None
    peak_bytes: int | None


class Throttled(Record):
    """What a Raspberry Pi says of its supply and heat."""

    now: tuple[str, ...]
    since_boot: tuple[str, ...]


class Measurement(Record):
    """What bench.py wrote. `valid` False: the figures may be shown, never compared; `reasons` say why."""

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    valid: bool
    reasons: tuple[str, ...]
    started_at: str
    seconds: Ms
    target: str
    base: str
    method: str
    model_sha256: str
    board: Board
    versions: dict[str, str]
    accelerated: bool
    golden_photos: Annotated[int, Field(ge=1)]
    sweep: Annotated[tuple[InvokeTimes, ...], Field(min_length=1)]
    best_threads: int
    photo: PhotoTimes
    soak: Soak | None
    accuracy: Accuracy | None
    memory: Memory
    throttled: Throttled | None
    others_cores: float | None
    watch: dict[str, tuple[float | None, ...]]
    unwatched: dict[str, str]

    @property
    def best(self) -> InvokeTimes:
        """The model alone on the best number of threads."""
        return next(invoked for invoked in self.sweep if invoked.threads == self.best_threads)


def link_photos(wanted: BenchmarkRequest, folder: Path) -> None:
    """Links to the photos as bench.py wants them: in folders named after their labels, each named by its row."""
    for row, photo in enumerate(wanted.photos):
        link = folder / wanted.classes[photo.label] / f"{row:06}{Path(photo.path).suffix.lower()}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((wanted.root / photo.path).absolute())


def read_benchmark(where: str, wanted: BenchmarkRequest, folder: Path) -> Benchmark:
    """The record of what bench.py left in `folder`; its answers, if there are any, go into scores.npy beside.

    Raises:
        StageError: see `read` and `probabilities`; or photos were not scored that should have been.
    """
    path = folder / NAME
    measure = read_measurement(path, wanted.model_sha256)
    scores = None
    if wanted.photos:
        if measure.accuracy is None:
            raise StageError("bench.py scored no photos", where=(path,))
        array = arrange_probabilities(measure.accuracy, len(wanted.photos), len(wanted.classes))
        np.save(folder / "scores.npy", array, allow_pickle=False)
        scores = Scores(
            path=folder / "scores.npy",
            sha256=hash_file(folder / "scores.npy"),
            model_sha256=wanted.model_sha256,
            part="test",
            kernels=f"bench.py on {where}",
            photos=len(array),
            accelerated=measure.accelerated,
            invoke_ms=measure.best.steady.p50.ms,
        )
    return Benchmark(where=where, path=path, sha256=hash_file(path), model_sha256=wanted.model_sha256, scores=scores)


def read_measurement(path: Path, model_sha256: str) -> Measurement:
    """What stands in a measure.json.

    Args:
        path: the file.
        model_sha256: of the model that was to be measured.

    Raises:
        StageError: no measure.json of bench.py's, one that contradicts itself, or one about another model.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise StageError(f"measure.json is over the limit of {_LIMIT_BYTES >> 20} MiB", where=(path,))
        measure = Measurement.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StageError(f"bench.py left no measure.json: {error.strerror}", where=(path,)) from error
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise StageError(f"not a measure.json of bench.py's: {key}: {problem['msg'].lower()}", where=(path,)) from error
    if measure.model_sha256 != model_sha256:
        raise StageError("measured another model than this run's", where=(path,))
    if measure.best_threads not in {invoked.threads for invoked in measure.sweep} or measure.valid is bool(
        measure.reasons
    ):
        raise StageError("measure.json contradicts itself", where=(path,))
    return measure


def arrange_probabilities(accuracy: Accuracy, photos: int, classes: int) -> np.ndarray:
    """The device's answers in the order of the photos: float32 [photos, classes].

    Args:
        accuracy: of photos whose file names are their rows, as in "daisy/000012.jpg".
        photos: how many there must be.
        classes: the model's.

    Raises:
        StageError: a photo that could not be read, is missing, or was answered with something else.
    """
    for photo, why in accuracy.unreadable.items():
        raise StageError(f"the device could not read a photo that was read here: {why}", where=(photo,))
    rows = {Path(answer.photo).stem: answer.probabilities for answer in accuracy.answers}
    if set(rows) != {f"{row:06}" for row in range(photos)} or any(len(row) != classes for row in rows.values()):
        raise StageError(f"the device gave {len(rows)} answers where {photos} of {classes} numbers each were expected")
    array = np.array([rows[f"{row:06}"] for row in range(photos)], dtype=np.float32)
    if not np.isfinite(array).all():
        raise StageError("the device answered with something that is no number")
    return array
