"""The tables of a recipe, with all constant defaults. `resolve` derives the defaults that depend on other values."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.recipe_table import RecipeTable
from edgetl.core.recipe.teacher import TeacherRecipe
from edgetl.core.records import Fit, Precision

PartFraction = Annotated[float, Field(gt=0, lt=1)]
Tables = dict[str, dict[str, Any]]
T = TypeVar("T", bound="RecipeTable")

BATCH_SIZE = 32
LARGEST_BATCH = 4096


class BaseRecipe(RecipeTable):
    """The base network.

    `alpha` is its width multiplier. `weights` is "imagenet", "formula", "none" (random), or the path of a file.
    `pooling` reduces its output [height, width, channels] to [channels].
    """

    name: str = "mobilenet_v2"
    alpha: Annotated[float, Field(gt=0, le=2)] = 1.0
    side_px: Annotated[int, Field(ge=32, le=1024)]
    weights: str = "imagenet"
    pooling: Literal["avg", "max"] = "avg"


class ExternalRecipe(RecipeTable):
    """An external model that replaces training.

    `path` is its file. `scaling` is the input scaling of its training, as `core.network.input_scaling.parse_scaling`
    reads it; "" for a model that contains its scaling. `labels` is a text file with one class name per line, in the
    order of the outputs; "" if that is the order of the class folders.
    """

    path: str = ""
    scaling: str = ""
    labels: str = ""

    def key(self) -> object:
        """Return the files as paths, so that their content counts and not their names."""
        files = [Path(name) if name else None for name in (self.path, self.labels)]
        return self.scaling, *files


class PhotosRecipe(RecipeTable):
    """How a folder of photos is read, how a photo is made square, and the fractions for validation and test.

    `layout` is what the folders of the first level are; "auto" decides by their names. `label_from` is whether the
    class of a photo is the name of its folder or in the name of the file. With `multi_label`, a photo may have several
    labels or none; `label_separator` is what separates them in a list. `group_by` selects photos that stay together in
    one part, as `core.photos.groups.rules` reads it; "" if only near duplicates do. `near_duplicates` is whether they
    form groups, are left out of validation and test if they are near photos of an earlier part, or are kept.
    """

    layout: Literal["auto", "classes", "parts"] = "auto"
    label_from: Literal["folder", "name"] = "folder"
    multi_label: bool = False
    label_separator: Literal["auto", "semicolon", "pipe", "comma", "space", "none"] = "auto"
    group_by: str = ""
    near_duplicates: Literal["group", "drop", "keep"] = "group"
    fit: Fit = "crop"
    validation: PartFraction = 0.15
    test: PartFraction = 0.2


class HeadRecipe(RecipeTable):
    """The head on the base: an optional hidden layer, dropout, and one unit per class or a single sigmoid unit.

    Where a photo may have several labels, it has one sigmoid unit per label.
    """

    hidden_units: Annotated[int, Field(ge=0, le=8192)] = 0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    activation: Literal["softmax", "sigmoid"] = "softmax"

    def check_classes(self, classes: int) -> None:
        """Check that the head can predict this number of classes.

        Raises:
            ConfigError: a sigmoid with other than two classes.
        """
        if self.activation == "sigmoid" and classes != 2:
            raise ConfigError(
                f"one sigmoid unit predicts two classes, the photos have {classes}", hint="use --activation softmax"
            )


class AugmentRecipe(RecipeTable):
    """Augmentation of the training photos.

    `shift`, `zoom` and `brightness` are the largest changes in both directions, as fractions; 0 disables them. Each
    photo has `views` variants, drawn from the seed, and the epochs use them in turn. A frozen network can therefore
    compute the features of each view once. `crop` is the largest part of the area that a random crop removes, with an
    aspect ratio from 3:4 to 4:3, and `colour` the largest change of contrast and saturation in both directions.
    """

    views: Annotated[int, Field(ge=1, le=1000)] = 4
    flip: bool = True
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.08
    zoom: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    brightness: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    crop: Annotated[float, Field(ge=0, le=0.95)] = 0.0
    colour: Annotated[float, Field(ge=0, le=0.9)] = 0.0

    @property
    def on(self) -> bool:
        """Whether any augmentation is enabled."""
        return self.flip or max(self.shift, self.zoom, self.brightness, self.crop, self.colour) > 0


class TrainingRecipe(RecipeTable):
    """Settings of both training phases.

    `patience` is the number of epochs without a better validation accuracy after which a phase stops; 0 disables this.
    With `batch_norm` "inference", the BatchNormalization layers of the base stay frozen. `feature_cache` computes the
    frozen layers once per photo and view. `cache_bytes` limits what one training may add to these features on disk; 0
    is 10 % of the free space. Both hold for quantization-aware training, too. `precision` is the dtype of the
    computation, for GPUs. The weights and the saved model are always float32. With `class_weight` "balanced", all
    classes count equally in the loss and in the choice of the best epoch, whatever their numbers of photos; "auto" does
    so if the numbers differ by more than a factor of 3. With `temperature`, the last layer's weights are divided by the
    temperature that fits the validation photos best, so that probabilities mean what they say.

    The learning rate of a phase is constant, or with `schedule` "cosine" decays to 0, after it has risen for the
    fraction `warmup` of the steps. `weight_decay` is that of AdamW; 0 is Adam. `average_epochs` is the time constant
    of an exponential moving average of the weights; 0 averages none. `label_smoothing` is the probability that targets
    give to all classes alike. `mixup` is the parameter of the beta distribution by which inputs and targets of two
    photos are mixed; 0 mixes none. `epoch_choice` keeps the weights of the best epoch on the validation photos, or of
    the last one. With a `time_budget`, as "90s", "10m" or "1h", views, epochs and `unfreeze` are those that fit.
    """

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    batch_size: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] = BATCH_SIZE
    patience: Annotated[int, Field(ge=0)] = 4
    batch_norm: Literal["inference", "training"]
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)] = 0.9
    feature_cache: bool = True
    cache_bytes: Annotated[int, Field(ge=0)] = 0
    class_weight: Literal["auto", "balanced", "none"] = "auto"
    precision: Precision = "float32"
    temperature: bool = True
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    average_epochs: Annotated[float, Field(ge=0, le=1000)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    epoch_choice: Literal["best", "last"] = "best"
    time_budget: Annotated[str, Field(pattern=r"^(\d+(\.\d+)?[smh])?$")] = ""


class Phase1Recipe(RecipeTable):
    """Phase 1: training of the head on the frozen base."""

    epochs: Annotated[int, Field(ge=1, le=10000)] = 12
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class Phase2Recipe(RecipeTable):
    """Phase 2: fine-tuning of the upper layers of the base and the head. 0 epochs skip it.

    The learning rate is `learning_rate_ratio` times that of phase 1. `unfreeze` selects the trained layers of the base:
    "all", the name of the first one, a negative number such as "-3" for the last ones, or a fraction such as "0.3".
    The rate of each layer is `layer_decay` times that of the next one towards the output.
    """

    epochs: Annotated[int, Field(ge=0, le=10000)] = 10
    learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.1
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    unfreeze: str


# Quantization-aware training, pruning, clustering: see `core.retrain_job`.
RetrainKind = Literal["qat", "prune", "cluster"]


class RetrainRecipe(RecipeTable):
    """Retraining: quantization-aware training, pruning and clustering.

    Quantization-aware training runs for `epochs` at `learning_rate_ratio` times the learning rate of phase 1, and
    changes at least the fraction `trained_layers` of the layers with weights, the upper ones. Pruning and clustering
    change the weights more, so they run for `compress_epochs` at `compress_learning_rate_ratio` times that rate.
    `sparsity` is the fraction of zeros in a pruned tensor, `clusters` the number of distinct values in a clustered one.
    """

    epochs: Annotated[int, Field(ge=1, le=1000)] = 4
    compress_epochs: Annotated[int, Field(ge=1, le=1000)] = 16
    learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.02
    trained_layers: Annotated[float, Field(gt=0, le=1)] = 0.5
    compress_learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.1
    sparsity: Annotated[float, Field(gt=0, lt=1)] = 0.5
    clusters: Annotated[int, Field(ge=2, le=256)] = 32

    def get_epochs(self, kind: RetrainKind) -> int:
        """Return the number of epochs of a kind of retraining."""
        return self.epochs if kind == "qat" else self.compress_epochs

    def get_learning_rate_ratio(self, kind: RetrainKind) -> float:
        """Return the learning rate of a kind of retraining, relative to phase 1."""
        return self.learning_rate_ratio if kind == "qat" else self.compress_learning_rate_ratio


class ConvertRecipe(RecipeTable):
    """Conversion: the number of training photos that set activation ranges. If there are fewer, all are used."""

    calibration_photos: Annotated[int, Field(ge=1, le=100_000)] = 500


class ContractRecipe(RecipeTable):
    """The accuracy contract of the conversion, and the accuracy that the model must reach.

    `measure` is what it holds: accuracy, or balanced accuracy, which is the mean of the recalls of the classes.
    `limit_drop` is the largest allowed drop of it, as a fraction. `confidence` is that of its one-sided bounds.
    `min_accuracy` is the value of the measure that the chosen file must reach on the test photos; 0 requires none.
    `strict` rejects an undecided verdict, and a value whose lower bound is below `min_accuracy`.
    `full_ledger` is whether the ledger has all test photos on reference kernels, too. No outcome depends on it.
    """

    measure: Literal["accuracy", "balanced"] = "accuracy"
    limit_drop: Annotated[float, Field(gt=0, lt=1)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    min_accuracy: Annotated[float, Field(ge=0, lt=1)] = 0.0
    strict: bool = False
    full_ledger: bool = False


class AnswersRecipe(RecipeTable):
    """The thresholds below which a prediction is rejected as none of the classes, or as unsure.

    With `features`, model files have their pooled features as a second output, with which photos of other things are
    recognized. `reject_own` is the share of photos like the user's own that may be rejected; `by_class` is whether it
    holds within each class. `error_accepted` is the error rate allowed among accepted predictions; 0 is half
    the error rate without a threshold.
    """

    features: bool = True
    reject_own: Annotated[float, Field(gt=0, lt=1)] = 0.05
    by_class: bool = False
    error_accepted: Annotated[float, Field(ge=0, lt=1)] = 0.0


class TrainingTables(RecipeTable):
    """The tables that determine the result of training."""

    base: BaseRecipe
    head: HeadRecipe
    augment: AugmentRecipe
    training: TrainingRecipe
    phase1: Phase1Recipe
    phase2: Phase2Recipe
    teacher: TeacherRecipe = TeacherRecipe()

    def key(self) -> object:
        """Return the keys of the tables."""
        return {name: getattr(self, name).key() for name in type(self).model_fields}


class RetrainingTables(RecipeTable):
    """The tables that determine the result of quantization-aware training, pruning and clustering."""

    head: HeadRecipe
    augment: AugmentRecipe
    training: TrainingRecipe
    phase1: Phase1Recipe
    retrain: RetrainRecipe
    convert: ConvertRecipe


class Recipe(RecipeTable):
    """All settings of a build. Every value is set."""

    base: BaseRecipe
    external: ExternalRecipe
    photos: PhotosRecipe
    head: HeadRecipe
    augment: AugmentRecipe
    training: TrainingRecipe
    phase1: Phase1Recipe
    phase2: Phase2Recipe
    # A run of an earlier version has no such table.
    teacher: TeacherRecipe = TeacherRecipe()
    retrain: RetrainRecipe
    convert: ConvertRecipe
    contract: ContractRecipe
    answers: AnswersRecipe

    def tables(self) -> Tables:
        """Return the recipe as plain values: table → key → value."""
        return self.model_dump(mode="json")

    def select(self, group: type[T]) -> T:
        """Return the tables of a group. A stage receives no other tables, and its fingerprint covers all of these."""
        return group(**{name: getattr(self, name) for name in group.model_fields})
