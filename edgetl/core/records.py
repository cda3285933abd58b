"""What flows between the stages: frozen records of paths and facts, each kept as JSON beside what it describes.

Fractions are 0..1 and a unit is part of the name. In memory a path is absolute; on disk it is relative to the folder
of its JSON file, so that a run folder can be moved (`write` and `read` see to it).
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, SerializationInfo, ValidationInfo

from edgetl.core.formats import FormatName

Part = Literal["train", "validation", "test"]
Fit = Literal["crop", "stretch", "pad"]
Precision = Literal["float32", "bfloat16"]
Outcome = Literal["PASS", "FAIL", "UNDECIDED"]


def _anchored(path: Path, info: ValidationInfo) -> Path:
    return info.context["folder"] / path if info.context else path


def _relative(path: Path, info: SerializationInfo) -> str:
    return str(path.relative_to(info.context["folder"]) if info.context else path)


PathInside = Annotated[Path, AfterValidator(_anchored), PlainSerializer(_relative, return_type=str)]


class Record(BaseModel):
    """A frozen, keyword-only set of facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def contents(self) -> dict[Path, str]:
        """The files this record describes, each with its sha256."""
        return {}

    def to_json(self, folder: Path) -> dict[str, Any]:
        """The record as JSON values, paths relative to `folder`."""
        return self.model_dump(mode="json", context={"folder": folder})

    @classmethod
    def from_json(cls, value: object, folder: Path) -> Self:
        """The record read back, paths inside `folder`."""
        return cls.model_validate(value, context={"folder": folder}, strict=False)


class Photo(Record):
    """One usable photo: its path relative to the dataset's root (posix), its class, the sha256 of its file."""

    path: str
    label: int
    sha256: str


class LeftOut(Record):
    """A file that is not used, and why in one phrase."""

    path: str
    reason: str


class Dataset(Record):
    """The photos in three parts that share no photo and no near duplicate.

    `sha256` covers the classes and every photo's part, label and content, in order; not their names or place.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    sha256: str

    def part(self, name: Part) -> tuple[Photo, ...]:
        """The photos of one part."""
        parts: dict[Part, tuple[Photo, ...]] = {"train": self.train, "validation": self.validation, "test": self.test}
        return parts[name]


class InputSpec(Record):
    """What the model eats: uint8 RGB [side_px, side_px, 3], fitted from the photo by `fit`."""

    side_px: int
    fit: Fit


class TrainingPhase(Record):
    """What one phase of training did. Epochs count from 1 through both phases; accuracy is 0..1."""

    name: Literal["head", "fine_tune"]
    learning_rate: float
    first_epoch: int
    last_epoch: int
    best_epoch: int
    trainable_parameters: int
    first_trainable_layer: str
    validation_accuracy: float
    validation_loss: float
    kept: bool
    note: str
    seconds: float


class Trained(Record):
    """A trained Keras model on disk."""

    path: PathInside
    sha256: str
    base: str
    alpha: float
    weights: str
    input: InputSpec
    classes: tuple[str, ...]
    activation: Literal["softmax", "sigmoid"]
    parameters: int
    phases: tuple[TrainingPhase, ...]
    dataset_sha256: str
    backend: str
    device: str
    precision: Precision

    def contents(self) -> dict[Path, str]:
        """The model file."""
        return {self.path: self.sha256}


class TensorSpec(Record):
    """One input or output of an artifact. `scale` 0 says that the numbers are not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class CalibrationSet(Record):
    """Which photos set the activation ranges: how many, and the sha256 over theirs. Zero photos for most methods."""

    photos: int
    sha256: str


class LayerError(Record):
    """What int8 does to one layer, on photos that did not set its range.

    `scale` is the step of its output, `error_steps` the root mean square error in such steps (rounding alone makes
    0.29); `saturated` is the fraction 0..1 of its numbers that lie beyond the range.
    """

    name: str
    operator: str
    scale: float
    error_steps: float
    saturated: float


class SourceModel(Record):
    """A trained model as a float .onnx without labels: what all its ONNX files are made of."""

    path: PathInside
    sha256: str

    def contents(self) -> dict[Path, str]:
        """The model file."""
        return {self.path: self.sha256}


class ActivationRanges(Record):
    """A float model with the ranges that its activations had on the calibration photos; layers, the worst first."""

    path: PathInside
    sha256: str
    trained_sha256: str
    calibration: CalibrationSet
    layers: tuple[LayerError, ...]

    def contents(self) -> dict[Path, str]:
        """The model file."""
        return {self.path: self.sha256}


class ExternalModelInfo(Record):
    """A model that was given instead of trained: the side of the photos that it takes."""

    side_px: int


class Refusal(Record):
    """Why a finished file is not good enough, and what to do; empty where it is."""

    message: str
    hint: str


class Artifact(Record):
    """A converted model on disk, described by what was read back from the file itself.

    `sparsity` is the part of its kernel weights that is zero, `distinct_weights` how many different ones the richest
    output channel holds, `gzip_bytes` what gzip makes of the file. `agreement` is with the quantization-aware model
    that the file was made from, on photos; 1 for all other methods. One that is `refused` goes nowhere.
    """

    path: PathInside
    format: FormatName
    method: str
    input: TensorSpec
    output: TensorSpec
    operators: dict[str, int]
    tensor_dtypes: dict[str, int]
    bytes: int
    gzip_bytes: int
    sparsity: float
    distinct_weights: int
    agreement: float
    refusal: Refusal
    sha256: str
    trained_sha256: str
    calibration: CalibrationSet

    def contents(self) -> dict[Path, str]:
        """The model file."""
        return {self.path: self.sha256}


class Scores(Record):
    """What one model answered to one part of the photos: float32 [photos, classes] as .npy, in the part's order.

    `kernels` names what computed them. `accelerated` says whether XNNPACK took part; `invoke_ms` is the median of one
    photo on one thread of this host, 0 where it was not timed.
    """

    path: PathInside
    sha256: str
    model_sha256: str
    part: Part
    kernels: str
    photos: int
    accelerated: bool
    invoke_ms: float

    def contents(self) -> dict[Path, str]:
        """The array file."""
        return {self.path: self.sha256}


class ClassChange(Record):
    """One class before and after conversion."""

    name: str
    photos: int
    reference_accuracy: float
    accuracy: float


class Flip(Record):
    """A photo on which reference and artifact name different classes."""

    path: str
    truth: str
    reference: str
    artifact: str
    confidence: float


class LedgerHop(Record):
    """One step of the ledger: the model so far, and what changed against the step before, on the same photos."""

    name: str
    photos: int
    accuracy: float
    broke: int
    fixed: int
    agreement: float
    worst_difference: float


class Verdict(Record):
    """What conversion cost on one part of the photos, paired, and whether that keeps the contract.

    `drop` is reference minus artifact accuracy; `drop_low` and `drop_high` are its one-sided bounds at `confidence`.
    `photos_needed` is how many more photos would decide (0 when decided; None when at this drop no number would).
    """

    method: str
    artifact_sha256: str
    part: str
    photos: int
    reference_accuracy: float
    accuracy: float
    broke: int
    fixed: int
    drop: float
    drop_low: float
    drop_high: float
    confidence: float
    limit_drop: float
    outcome: Outcome
    photos_needed: int | None
    agreement: float
    reference_calibration_error: float
    calibration_error: float
    per_class: tuple[ClassChange, ...]
    worst_class: str
    flips: tuple[Flip, ...]
    hops: tuple[LedgerHop, ...]
    host_ms: float


class Bundle(Record):
    """A folder that runs on the device; `files` maps every file in it to its sha256."""

    root: PathInside
    target: str
    method: str
    artifact_sha256: str
    files: dict[str, str]
    bytes: int

    def contents(self) -> dict[Path, str]:
        """Every file of the bundle."""
        return {self.root / name: digest for name, digest in self.files.items()}


class Benchmark(Record):
    """One run of bench.py: where ("host", or a device as ssh knows it), its measure.json, and scores if it gave any."""

    where: str
    path: PathInside
    sha256: str
    model_sha256: str
    scores: Scores | None

    def contents(self) -> dict[Path, str]:
        """The measure and the scores."""
        return {self.path: self.sha256, **(self.scores.contents() if self.scores else {})}
