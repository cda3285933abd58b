"""The tables of a recipe, with every plain default. Defaults that depend on other choices are in `resolve`."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from edgetl.core.records import Fit, Precision

Fraction = Annotated[float, Field(ge=0, le=1)]
PartFraction = Annotated[float, Field(gt=0, lt=1)]
Tables = dict[str, dict[str, Any]]
T = TypeVar("T", bound="RecipeTable")

BATCH_SIZE = 32
LARGEST_BATCH = 4096


class RecipeTable(BaseModel):
    """A frozen table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def key(self) -> object:
        """Return all values, for the fingerprint of a stage."""
        return self.model_dump(mode="json")


class BaseRecipe(RecipeTable):
    """The network. `weights` is "imagenet", "formula", "none", or a file; `alpha` is its width multiplier."""

    name: str = "mobilenet_v2"
    alpha: Annotated[float, Field(gt=0, le=2)] = 1.0
    side_px: Annotated[int, Field(ge=32, le=1024)]
    weights: str = "imagenet"
    pooling: Literal["avg", "max"] = "avg"


class ExternalRecipe(RecipeTable):
    """A model made elsewhere, instead of training: the file, how its photos were scaled, and the names of its outputs.

    `scaling` is what `core.scalings.stated` reads; "" where the model scales inside. `labels` is a file with a name a
    line in the order of the outputs; "" where that is the order of the folders.
    """

    path: str = ""
    scaling: str = ""
    labels: str = ""

    def key(self) -> object:
        """Return the content of the files instead of their names."""
        files = [Path(name) if name else None for name in (self.path, self.labels)]
        return self.scaling, *files


class PhotosRecipe(RecipeTable):
    """How a photo is fitted into the square, and which fractions are kept for validation and test."""

    fit: Fit = "crop"
    validation: PartFraction = 0.15
    test: PartFraction = 0.2


class HeadRecipe(RecipeTable):
    """What is trained on the base: an optional hidden layer, dropout, then one unit a class or one sigmoid unit."""

    hidden_units: Annotated[int, Field(ge=0, le=8192)] = 0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    activation: Literal["softmax", "sigmoid"] = "softmax"


class AugmentRecipe(RecipeTable):
    """How far a training photo may be changed. `shift`, `zoom`, `brightness` are fractions either way; 0 is off.

    Each photo has `views` variants, drawn from the seed, which the epochs take in turn: a frozen network computes each
    of them once.
    """

    views: Annotated[int, Field(ge=1, le=1000)] = 4
    flip: bool = True
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.08
    zoom: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    brightness: Annotated[float, Field(ge=0, le=0.5)] = 0.1

    @property
    def on(self) -> bool:
        """Whether anything is changed at all."""
        return self.flip or max(self.shift, self.zoom, self.brightness) > 0


class TrainingRecipe(RecipeTable):
    """What both phases share.

    `patience` is in epochs without a better validation accuracy; 0 never stops early. `feature_cache` computes frozen
    layers once per photo and view; `cache_bytes` bounds what a training may add to them on disk, 0 is a tenth of what
    is free. `precision` is what layers compute in, for GPUs; the weights, and the model that leaves, are float32 either
    way.
    """

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    batch_size: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] = BATCH_SIZE
    patience: Annotated[int, Field(ge=0)] = 4
    batch_norm: Literal["inference", "training"]
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)] = 0.9
    feature_cache: bool = True
    cache_bytes: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "float32"


class Phase1Recipe(RecipeTable):
    """The head on the frozen base."""

    epochs: Annotated[int, Field(ge=1, le=10000)] = 12
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class Phase2Recipe(RecipeTable):
    """The top of the base and the head, at `learning_rate_ratio` times the rate of phase 1; 0 epochs skips it.

    `unfreeze` is "all", a layer's name, a negative count of layers such as "-3", or a fraction of them such as "0.3".
    """

    epochs: Annotated[int, Field(ge=0, le=10000)] = 10
    learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.1
    unfreeze: str


# Trainings after the training: see `retraining`.
RetrainKind = Literal["qat", "prune", "cluster"]


class RetrainRecipe(RecipeTable):
    """Training after the training. qat8 takes `epochs` at `learning_rate_ratio` times the rate of phase 1; prune and
    cluster, which have more to heal, `compress_epochs` at `compress_learning_rate_ratio` times.

    `sparsity` is how much of each pruned kernel becomes zero; `clusters` is how many values a clustered one may hold.
    """

    epochs: Annotated[int, Field(ge=1, le=1000)] = 4
    compress_epochs: Annotated[int, Field(ge=1, le=1000)] = 16
    learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.02
    compress_learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.1
    sparsity: Annotated[float, Field(gt=0, lt=1)] = 0.5
    clusters: Annotated[int, Field(ge=2, le=256)] = 32

    def epochs_of(self, kind: RetrainKind) -> int:
        """How long that kind of training lasts."""
        return self.epochs if kind == "qat" else self.compress_epochs

    def learning_rate_ratio_of(self, kind: RetrainKind) -> float:
        """Its rate over that of phase 1."""
        return self.learning_rate_ratio if kind == "qat" else self.compress_learning_rate_ratio


class ConvertRecipe(RecipeTable):
    """How many photos of the training part set the ranges of a statically quantized file (all, where fewer)."""

    calibration_photos: Annotated[int, Field(ge=1, le=100_000)] = 500


class ContractRecipe(RecipeTable):
    """How much accuracy the conversion may cost, and how sure we want to be. `strict` fails what is undecided."""

    limit_drop: Annotated[float, Field(gt=0, lt=1)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    strict: bool = False


class TrainingTables(RecipeTable):
    """The tables that decide what training computes."""

    base: BaseRecipe
    head: HeadRecipe
    augment: AugmentRecipe
    training: TrainingRecipe
    phase1: Phase1Recipe
    phase2: Phase2Recipe


class RetrainingTables(RecipeTable):
    """The tables that decide what quantization-aware training, pruning and clustering compute."""

    head: HeadRecipe
    augment: AugmentRecipe
    training: TrainingRecipe
    phase1: Phase1Recipe
    retrain: RetrainRecipe
    convert: ConvertRecipe


class Recipe(RecipeTable):
    """All choices of a build, every value set."""

    base: BaseRecipe
    external: ExternalRecipe
    photos: PhotosRecipe
    head: HeadRecipe
    augment: AugmentRecipe
    training: TrainingRecipe
    phase1: Phase1Recipe
    phase2: Phase2Recipe
    retrain: RetrainRecipe
    convert: ConvertRecipe
    contract: ContractRecipe

    def tables(self) -> Tables:
        """Return the recipe as plain values, table by table."""
        return self.model_dump(mode="json")

    def select(self, group: type[T]) -> T:
        """Return the tables of a group. A stage gets no other tables, so that its fingerprint covers all it reads."""
        return group(**{name: getattr(self, name) for name in group.model_fields})
