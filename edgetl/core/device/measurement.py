"""Content of measure.json, which bench.py writes on a device; it is read strictly, because another machine wrote it.

The fields of the records are the keys of measure.json; `targets/common/bench.py` describes how they are measured.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from edgetl.core.errors import StageError
from edgetl.core.record import Record
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, explain_os_error, read_regular

Ms = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

NAME = "measure.json"


class Percentile(Record):
    """A percentile with its 95 % bootstrap interval."""

    ms: Ms
    low_ms: Ms
    high_ms: Ms


class LatencyStatistics(Record):
    """Latency of many runs of the same code."""

    runs: Annotated[int, Field(ge=1)]
    mean_ms: Ms
    min_ms: Ms
    max_ms: Ms
    p50: Percentile
    p90: Percentile
    p99: Percentile


class InvokeTimes(Record):
    """Latency of the model alone on a number of threads: loading, first invocation, steady state."""

    threads: Annotated[int, Field(ge=1)]
    load_ms: Ms
    first_ms: Ms
    accelerated: bool
    steady: LatencyStatistics


class PhotoTimes(Record):
    """Latency of each step from the bytes of a photo file to its labels."""

    decode: LatencyStatistics
    preprocess: LatencyStatistics
    invoke: LatencyStatistics
    postprocess: LatencyStatistics
    total: LatencyStatistics


class SoakWindow(Record):
    """A time window of a soak test; `at_s` is its end."""

    at_s: Ms
    p50_ms: Ms
    p90_ms: Ms


class Soak(Record):
    """Soak test: invocations without a pause. A `drift` of 0.1 is an end that is 10 % slower than the beginning."""

    start_s: float
    seconds: Ms
    invokes: Count
    windows: tuple[SoakWindow, ...]
    drift: float


class Proportion(Record):
    """A fraction with its 95 % interval."""

    value: Fraction
    low: Fraction
    high: Fraction


class DevicePrediction(Record):
    """Prediction for one photo: its path in the folder, the index of its label, and the probabilities of all labels.

    `similarity` to the reference features, `known` and `accepted` are None in a bundle without thresholds.
    """

    photo: str
    label: Count
    probabilities: tuple[float, ...]
    similarity: Annotated[float, Field(ge=-1.001, le=1.001)] | None = None
    known: bool | None = None
    accepted: bool | None = None


class LabelCount(Record):
    """Number of photos of one label, and how many of them are predicted correctly."""

    photos: Count
    right: Count


class Decisions(Record):
    """Number of photos that get a label, that of them whose label is right, unsure photos, and those of no label."""

    answered: Count
    right: Count
    unsure: Count
    none: Count


class Accuracy(Record):
    """Accuracy on the device. `answers` are its predictions; `unreadable` is photo → reason.

    `decisions` are None in a bundle without thresholds.
    """

    photos: Count
    right: Count
    accuracy: Proportion
    per_label: dict[str, LabelCount]
    unreadable: dict[str, str]
    answers: tuple[DevicePrediction, ...]
    decisions: Decisions | None = None


class Board(Record):
    """The machine of the measurement. A value is None if the machine does not report it."""

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
    """Problems with power supply and temperature that a Raspberry Pi reports."""

    now: tuple[str, ...]
    since_boot: tuple[str, ...]


class Measurement(Record):
    """Content of measure.json. If `valid` is False, its figures must not be compared; `reasons` state why."""

    # A field called schema would hide a method of pydantic's models.
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
        """The latency of the model alone on the best number of threads."""
        return next(times for times in self.sweep if times.threads == self.best_threads)


def read_measurement(path: Path, model_sha256: str) -> Measurement:
    """Read and check a measure.json.

    Args:
        path: the file.
        model_sha256: hash of the model file that bench.py has measured.

    Raises:
        StageError: not a measure.json of bench.py, an inconsistent one, or one for a different model.
    """
    try:
        content = read_regular(path, LARGEST_RECORD_BYTES, follow_links=False)
        measurement = Measurement.model_validate_json(content)
    except OSError as error:
        raise StageError(f"bench.py wrote no measure.json: {explain_os_error(error)}", where=(path,)) from error
    except ValidationError as error:
        # The first problem is enough: the file is not written by hand.
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise StageError(f"not a measure.json of bench.py: {key}: {problem['msg'].lower()}", where=(path,)) from error
    if measurement.model_sha256 != model_sha256:
        raise StageError("measure.json is for a different model", where=(path,))
    has_best = measurement.best_threads in {times.threads for times in measurement.sweep}
    # A measurement is valid if and only if there are no reasons against it.
    if not has_best or measurement.valid is bool(measurement.reasons):
        raise StageError("measure.json is inconsistent", where=(path,))
    return measurement
