"""The records that flow between the stages, in the order of a build. `verdict_records` has those of an evaluation."""

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from edgetl.core.formats import FormatName
from edgetl.core.network.float_layers import FloatLayer
from edgetl.core.record import PathInside, Record
from edgetl.core.tasks.label_threshold import LabelThreshold

Part = Literal["train", "validation", "test"]
Fit = Literal["crop", "stretch", "pad"]
Precision = Literal["float32", "bfloat16"]


def expand_side(value: Any) -> Any:
    """Replace the `side_px` of earlier versions, whose inputs were squares, by `height_px` and `width_px`."""
    if not isinstance(value, dict) or "side_px" not in value:
        return value
    sides = {"height_px": value["side_px"], "width_px": value["side_px"]}
    return sides | {name: entry for name, entry in value.items() if name != "side_px"}


class Photo(Record):
    """A usable photo.

    `path` is relative to the root of the dataset, with forward slashes; that of a test photo from another folder is
    absolute. `label` is the index of the class. `group` names the photos that this one stays together with, as of one
    burst or one object; "" if it is in no group.

    Where a photo may have several labels, `labels` has 1 or 0 for each; else it is empty. `label`, by which photos are
    sorted and drawn, is then the rarest that the photo has, or without any the number of labels.
    """

    path: str
    label: int
    sha256: str
    group: str = ""
    labels: tuple[int, ...] = ()

    def list_classes(self) -> tuple[int, ...]:
        """Return the index of the class, or of each label that the photo has."""
        return tuple(index for index, value in enumerate(self.labels) if value) if self.labels else (self.label,)


class LeftOut(Record):
    """A file that is not used, and the reason."""

    path: str
    reason: str


class Dataset(Record):
    """The photos, divided into three parts that share no photo and no group.

    `sha256` covers the class names and the part, label and content of every photo, in order, but no file names. `notes`
    are sentences about the groups. With `multi_label`, the classes are labels, of which a photo may have several.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    sha256: str
    notes: tuple[str, ...] = ()
    multi_label: bool = False

    def key(self) -> object:
        """Return `sha256`. A renamed photo or a moved folder changes no result."""
        return self.sha256

    def part(self, name: Part) -> tuple[Photo, ...]:
        """Return the photos of one part."""
        # A dict and not getattr: a misspelled part is a type error.
        parts: dict[Part, tuple[Photo, ...]] = {"train": self.train, "validation": self.validation, "test": self.test}
        return parts[name]


class InputSpec(Record):
    """Input of a model: uint8 RGB [height_px, width_px, 3]. `fit` is how a photo is brought to that shape."""

    height_px: int
    width_px: int
    fit: Fit

    _expand_side = model_validator(mode="before")(expand_side)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the pixels of a photo: height, width, 3 channels."""
        return self.height_px, self.width_px, 3

    @property
    def size(self) -> str:
        """Size for messages: "96 px" for a square, "96 x 128 px" for a height of 96 and a width of 128."""
        return f"{self.height_px} px" if self.height_px == self.width_px else f"{self.height_px} x {self.width_px} px"


class TrainingPhase(Record):
    """Result of one training phase. Epochs are numbered from 1 through both phases.

    `accepted` is False for a phase after which the weights of the phase before were restored. With `class_weighted`,
    all classes count equally in its loss and accuracy.
    """

    name: Literal["head", "fine_tune"]
    learning_rate: float
    first_epoch: int
    last_epoch: int
    best_epoch: int
    trainable_parameters: int
    first_trainable_layer: str
    validation_accuracy: float
    validation_loss: float
    class_weighted: bool
    accepted: bool
    note: str
    seconds: float


class Trained(Record):
    """A trained Keras model on disk.

    `weights` are the initial ones, `thresholds` those of several labels. A temperature of 1, "" and 0 mean none.
    """

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
    thresholds: tuple[LabelThreshold, ...] = ()
    temperature: float = 1.0
    teacher: str = ""
    effort: str = ""
    cross_fitted_accuracy: float = 0.0

    @property
    def threshold_values(self) -> tuple[float, ...]:
        """The thresholds alone, in the order of the classes."""
        return tuple(row.value for row in self.thresholds)

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
    """The photos that set activation ranges: their number, 0 without any, and the sha256 over theirs, in order."""

    photos: int
    sha256: str


class LayerError(Record):
    """Quantization error of one layer's output, on photos that did not set its range.

    `scale` is the quantization scale of the output. `error_steps` is the root mean square error in quantization steps;
    rounding alone causes 1 / sqrt(12) = 0.29. `saturated` is the fraction of values outside the range.
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
    """A float model with activation ranges. `layers`: largest error first. `in_float`: those without an int8 kernel."""

    path: PathInside
    sha256: str
    trained_sha256: str
    calibration: CalibrationSet
    layers: tuple[LayerError, ...]
    in_float: tuple[FloatLayer, ...]

    def contents(self) -> dict[Path, str]:
        """Map the model file to its sha256."""
        return {self.path: self.sha256}


class ExternalModelInfo(Record):
    """What is read from an external model before any photo is decoded: height and width of its input, its outputs."""

    height_px: int
    width_px: int
    outputs: int


class Refusal(Record):
    """The reason why a converted file must not be used, and a hint. Both are empty for a usable file."""

    message: str
    hint: str


class Artifact(Record):
    """A converted model on disk, described by what was read back from the file.

    `sparsity` is the fraction of zero weights, `distinct_weights` the largest number of different weights in one
    output channel, and `gzip_bytes` the size after gzip. `agreement` is the fraction of photos for which the file and
    its quantization-aware model predict the same class; it is 1 for all other methods. An artifact with a `refusal` is
    never bundled. `features` is the length of its second output, 0 for a file with one output.
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
    features: int = 0

    def contents(self) -> dict[Path, str]:
        """Map the model file to its sha256."""
        return {self.path: self.sha256}


class Scores(Record):
    """Predictions of one model for one part of the photos, in an .npy file: float32 [photos, classes], in photo order.

    `kernels` names the kernel set that computed them, and `accelerated` is whether optimized kernels ran. `invoke_ms`
    is the latency of one photo on one thread of the host, and `disturbed` is whether other processes disturbed its
    measurement; it is 0 if it was not measured.
    """

    path: PathInside
    sha256: str
    model_sha256: str
    part: Part
    kernels: str
    photos: int
    accelerated: bool
    invoke_ms: float
    disturbed: bool

    def contents(self) -> dict[Path, str]:
        """Map the array file to its sha256."""
        return {self.path: self.sha256}


class Bundle(Record):
    """A folder for the device. `files` maps every file in it, relative to `root`, to its sha256."""

    root: PathInside
    target: str
    method: str
    artifact_sha256: str
    files: dict[str, str]
    bytes: int

    def contents(self) -> dict[Path, str]:
        """Map every file of the bundle to its sha256."""
        return {self.root / name: digest for name, digest in self.files.items()}
