"""The records that flow between the stages, in the order in which a build makes them."""

from pathlib import Path
from typing import Literal

from edgetl.core.formats import FormatName
from edgetl.core.record import PathInside, Record

Part = Literal["train", "validation", "test"]
Fit = Literal["crop", "stretch", "pad"]
Precision = Literal["float32", "bfloat16"]
Outcome = Literal["PASS", "FAIL", "UNDECIDED"]


class Photo(Record):
    """A usable photo: its path relative to the dataset's root (posix), its class index, the sha256 of its file."""

    path: str
    label: int
    sha256: str


class LeftOut(Record):
    """A file that is not used, and the reason in one phrase."""

    path: str
    reason: str


class Dataset(Record):
    """The photos in three parts that share no photo and no near duplicate.

    `sha256` covers the class names and every photo's part, label and content, in order, but no file names.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    sha256: str

    def key(self) -> object:
        """Return `sha256`: a renamed photo or a moved folder changes no number."""
        return self.sha256

    def part(self, name: Part) -> tuple[Photo, ...]:
        """Return the photos of one part."""
        parts: dict[Part, tuple[Photo, ...]] = {"train": self.train, "validation": self.validation, "test": self.test}
        return parts[name]


class InputSpec(Record):
    """Input of a model: uint8 RGB [side_px, side_px, 3]. `fit` is how a photo is brought to a square."""

    side_px: int
    fit: Fit


class TrainingPhase(Record):
    """Result of one training phase. Epochs count from 1 through both phases."""

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
        """Map the model file to its sha256."""
        return {self.path: self.sha256}


class TensorSpec(Record):
    """Input or output tensor of a model file. `scale` is 0 where the tensor is not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class CalibrationSet(Record):
    """The photos that set activation ranges: their number, and the sha256 over their sha256s. None for most methods."""

    photos: int
    sha256: str


class LayerError(Record):
    """Quantization error of one layer's output, on photos that did not set its range.

    `scale` is the quantization scale of the output. `error_steps` is the root mean square error in quantization steps;
    rounding alone gives 1 / sqrt(12) = 0.29. `saturated` is the fraction of values outside the range.
    """

    name: str
    operator: str
    scale: float
    error_steps: float
    saturated: float


class SourceModel(Record):
    """The file that all conversions to one format start from: the Keras model, or its translation to ONNX."""

    path: PathInside
    sha256: str

    def contents(self) -> dict[Path, str]:
        """Map the model file to its sha256."""
        return {self.path: self.sha256}


class ActivationRanges(Record):
    """A float model with activation ranges from calibration photos; layers with the largest error come first."""

    path: PathInside
    sha256: str
    trained_sha256: str
    calibration: CalibrationSet
    layers: tuple[LayerError, ...]

    def contents(self) -> dict[Path, str]:
        """Map the model file to its sha256."""
        return {self.path: self.sha256}


class ExternalModelInfo(Record):
    """A model made elsewhere: the side of its input, known before any photo is decoded."""

    side_px: int


class Refusal(Record):
    """Why a converted file must not be used, and what to do instead. Both are empty for a usable file."""

    message: str
    hint: str


class Artifact(Record):
    """A converted model on disk, described by what was read back from the file.

    `sparsity` is the fraction of zero weights, `distinct_weights` the largest number of different weights in one
    output channel, `gzip_bytes` the size after gzip. `agreement` is the fraction of photos for which the file and the
    quantization-aware model that it was made from predict the same class; 1 for all other methods. An artifact with a
    `refusal` is never bundled.
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
        """Map the model file to its sha256."""
        return {self.path: self.sha256}


class Scores(Record):
    """Predictions of one model for one part of the photos: float32 [photos, classes] as .npy, in the part's order.

    `kernels` names the kernels that computed them; `accelerated` says whether the optimized ones ran. `invoke_ms` is
    the median for one photo on one thread of this host, 0 where it was not timed.
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
        """Map the array file to its sha256."""
        return {self.path: self.sha256}


class ClassChange(Record):
    """Accuracy on one class before and after conversion."""

    name: str
    photos: int
    reference_accuracy: float
    accuracy: float


class Flip(Record):
    """A photo for which reference and artifact predict different classes."""

    path: str
    truth: str
    reference: str
    artifact: str
    confidence: float


class Comparison(Record):
    """Predictions of a candidate against those of a reference, on the same photos.

    `broke` counts photos that only the reference predicts correctly, `fixed` photos that only the candidate does.
    `agreement` is the fraction of photos with the same predicted class; `worst_difference` is the largest absolute
    difference of any score.
    """

    photos: int
    reference_accuracy: float
    accuracy: float
    broke: int
    fixed: int
    agreement: float
    worst_difference: float


class LedgerHop(Comparison):
    """A step from the Keras model to the artifact, compared with the step before."""

    name: str


class Verdict(Comparison):
    """The cost of conversion on one part of the photos, and whether it satisfies the contract.

    `drop` is reference accuracy minus accuracy; `drop_low` and `drop_high` are its one-sided bounds at `confidence`.
    `photos_needed` is how many more photos would decide: 0 when decided, None when no number would at this drop.
    """

    method: str
    artifact_sha256: str
    part: str
    drop: float
    drop_low: float
    drop_high: float
    confidence: float
    limit_drop: float
    outcome: Outcome
    photos_needed: int | None
    reference_calibration_error: float
    calibration_error: float
    per_class: tuple[ClassChange, ...]
    worst_class: str
    flips: tuple[Flip, ...]
    hops: tuple[LedgerHop, ...]
    host_ms: float


class Bundle(Record):
    """A folder that runs on the device. `files` maps every file in it to its sha256."""

    root: PathInside
    target: str
    method: str
    artifact_sha256: str
    files: dict[str, str]
    bytes: int

    def contents(self) -> dict[Path, str]:
        """Map every file of the bundle to its sha256."""
        return {self.root / name: digest for name, digest in self.files.items()}


class Benchmark(Record):
    """A run of bench.py: where ("host" or the device's ssh name), its measure.json, and the scores if it made any."""

    where: str
    path: PathInside
    sha256: str
    model_sha256: str
    scores: Scores | None

    def contents(self) -> dict[Path, str]:
        """Map measure.json and the scores to their sha256."""
        return {self.path: self.sha256, **(self.scores.contents() if self.scores else {})}
