"""What the user wants: flags over a TOML file over a preset over the defaults, resolved into one frozen Recipe.

In: a preset's name or a TOML file, and the flags that were given. Out: a Recipe in which nothing is left open.
Every default is stated here, once: plain ones as field defaults, those that hang on another choice in `_dependent`.
"""

import json
import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgetl.core import bases, input_scaling
from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.records import Fit, Precision

Fraction = Annotated[float, Field(ge=0, le=1)]
PartFraction = Annotated[float, Field(gt=0, lt=1)]

_BATCH_SIZE = 32
_LARGEST_BATCH = 4096
# What names a file.
_FILES = (("base", "weights"), ("external", "path"), ("external", "labels"))

Tables = dict[str, dict[str, Any]]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class BaseRecipe(_Table):
    """The network. `weights` is "imagenet", "formula", "none", or a file; `alpha` is its width multiplier."""

    name: str = "mobilenet_v2"
    alpha: Annotated[float, Field(gt=0, le=2)] = 1.0
    side_px: Annotated[int, Field(ge=32, le=1024)]
    weights: str = "imagenet"
    pooling: Literal["avg", "max"] = "avg"


class ExternalRecipe(_Table):
    """A model made elsewhere, instead of training: the file, how its photos were scaled, and the names of its outputs.

    `scaling` is what `core.scalings.stated` reads; "" where the model scales inside. `labels` is a file with a name a
    line in the order of the outputs; "" where that is the order of the folders.
    """

    path: str = ""
    scaling: str = ""
    labels: str = ""


class PhotosRecipe(_Table):
    """How a photo is fitted into the square, and which fractions are kept for validation and test."""

    fit: Fit = "crop"
    validation: PartFraction = 0.15
    test: PartFraction = 0.2


class HeadRecipe(_Table):
    """What is trained on the base: an optional hidden layer, dropout, then one unit a class or one sigmoid unit."""

    hidden_units: Annotated[int, Field(ge=0, le=8192)] = 0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    activation: Literal["softmax", "sigmoid"] = "softmax"


class AugmentRecipe(_Table):
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


class TrainingRecipe(_Table):
    """What both phases share.

    `patience` is in epochs without a better validation accuracy; 0 never stops early. `feature_cache` computes frozen
    layers once per photo and view; `cache_bytes` bounds what a training may add to them on disk, 0 is a tenth of what
    is free. `precision` is what layers compute in, for GPUs; the weights, and the model that leaves, are float32 either
    way.
    """

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    batch_size: Annotated[int, Field(ge=1, le=_LARGEST_BATCH)] = _BATCH_SIZE
    patience: Annotated[int, Field(ge=0)] = 4
    batch_norm: Literal["inference", "training"]
    batch_norm_momentum: Annotated[float, Field(gt=0, lt=1)] = 0.9
    feature_cache: bool = True
    cache_bytes: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "float32"


class Phase1Recipe(_Table):
    """The head on the frozen base."""

    epochs: Annotated[int, Field(ge=1, le=10000)] = 12
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class Phase2Recipe(_Table):
    """The top of the base and the head, at `learning_rate_ratio` times the rate of phase 1; 0 epochs skips it.

    `unfreeze` is "all", a layer's name, a negative count of layers such as "-3", or a fraction of them such as "0.3".
    """

    epochs: Annotated[int, Field(ge=0, le=10000)] = 10
    learning_rate_ratio: Annotated[float, Field(gt=0, le=10)] = 0.1
    unfreeze: str


# Trainings after the training: see `retraining`.
RetrainKind = Literal["qat", "prune", "cluster"]


class RetrainRecipe(_Table):
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


class ConvertRecipe(_Table):
    """How many photos of the training part set the ranges of a statically quantized file (all, where fewer)."""

    calibration_photos: Annotated[int, Field(ge=1, le=100_000)] = 500


class ContractRecipe(_Table):
    """How much accuracy the conversion may cost, and how sure we want to be. `strict` fails what is undecided."""

    limit_drop: Annotated[float, Field(gt=0, lt=1)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    strict: bool = False


class Recipe(_Table):
    """Everything a build is told, with nothing left open."""

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
        """The recipe as plain values, table by table."""
        return self.model_dump(mode="json")


PRESETS: dict[str, tuple[str, Tables]] = {
    "default": ("light augmentation, a plain head, the top third of the base fine-tuned", {}),
    "classic": (
        "the textbook recipe to the letter: Dense(512), Adam 5e-4 then 5e-5, 12 + 10 epochs, last three layers",
        {
            "photos": {"fit": "stretch"},
            "head": {"hidden_units": 512, "dropout": 0.0},
            "augment": {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0},
            # What `base.trainable = True` and `fit` do in Keras, with the momentum of its MobileNetV2.
            "training": {"patience": 0, "batch_norm": "training", "batch_norm_momentum": 0.999},
            "phase1": {"epochs": 12, "learning_rate": 5e-4},
            "phase2": {"epochs": 10, "learning_rate_ratio": 0.1, "unfreeze": "-3"},
        },
    ),
    "digits": (
        "the embedded default: a small network that has seen drawn images only, for handwritten digits, half of them "
        "test photos",
        {
            "base": {"alpha": 0.35, "side_px": 64, "weights": "formula"},
            "photos": {"validation": 0.1, "test": 0.5},
            "augment": {"flip": False, "shift": 0.05, "zoom": 0.05, "views": 10},
            "training": {"patience": 0},
            "phase1": {"epochs": 3},
            "phase2": {"epochs": 10, "learning_rate_ratio": 1.0},
            "contract": {"limit_drop": 0.01},
        },
    ),
}


def resolve_recipe(source: str = "default", flags: Tables | None = None, *, below: Tables | None = None) -> Recipe:
    """The recipe that a preset or a TOML file and the given flags add up to.

    Args:
        source: a preset's name, or the path of a TOML file; a file may say `preset = "classic"` to start from one.
        flags: table → key → value, only what was given; they win over the file, the file over the preset. Files that
            they name lie where the current folder says, files in a TOML file where that lies.
        below: what stands below all of these and above the defaults: a target's limits.

    Raises:
        ConfigError: unknown preset, table or key (with the closest known one), or a value out of its range.
    """
    given, origin = _read(source)
    flags = _anchored(flags or {}, Path.cwd())
    return _validated(_merge(below or {}, _merge(given, flags)), origin)


def parse_recipe(tables: object, origin: str) -> Recipe:
    """A recipe read back from where `Recipe.tables` was written."""
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        raise _explained(error, origin) from error


def format_recipe(recipe: Recipe) -> str:
    """The recipe as TOML that `resolve` reads back."""
    lines: list[str] = []
    for table, values in recipe.tables().items():
        lines += [f"[{table}]", *(f"{key} = {_toml_value(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


def _read(source: str) -> tuple[Tables, str]:
    if source in PRESETS:
        return PRESETS[source][1], f"preset {source}"
    path = Path(source)
    if not path.is_file():
        if path.suffix == ".toml" or "/" in source:
            raise ConfigError("no such recipe file", where=(path,))
        raise unknown_name("recipe", source, PRESETS)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ConfigError(f"the recipe cannot be read: {error}", where=(path,)) from error
    preset = tables.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise unknown_name("preset", str(preset), PRESETS)
    for table, values in tables.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{table!r} stands outside any table", where=(path,), hint="write [table] above it")
    return _merge(PRESETS[preset][1], _anchored(tables, path.parent.absolute())), str(path)


def _anchored(tables: Tables, folder: Path) -> Tables:
    """The tables with every file as seen from `folder`, absolute: a recipe outlives the folder it was told in."""
    made = {table: dict(values) for table, values in tables.items()}
    for table, key in _FILES:
        name = made.get(table, {}).get(key)
        if isinstance(name, str) and name and name not in bases.WEIGHTS:
            made[table][key] = str(folder / name)
    return made


def strip_folders(tables: Tables) -> Tables:
    """The tables with the bare names of files: what may be told elsewhere of a recipe."""
    made = {table: dict(values) for table, values in tables.items()}
    for table, key in _FILES:
        if key in made.get(table, {}):
            made[table][key] = Path(made[table][key]).name
    return made


def _merge(below: Tables, above: Tables) -> Tables:
    return {table: {**below.get(table, {}), **above.get(table, {})} for table in (*below, *above)}


def _dependent(given: Tables) -> Tables:
    """Fill in what depends on another choice: the side on the base, the rate on the batch, the rest on the weights."""
    base = {"name": "mobilenet_v2", "alpha": 1.0, "weights": "imagenet", **given.get("base", {})}
    row = bases.find_base(str(base["name"]))
    # Random weights have no statistics worth keeping and no top worth singling out; what was learned on drawn images
    # is far from photos. Source: README, "Without a network".
    whole = base["weights"] in ("none", "formula")
    narrow = isinstance(base["alpha"], int | float) and base["alpha"] <= 0.5
    batch_size = given.get("training", {}).get("batch_size", _BATCH_SIZE)
    # Adam's rate goes with the square root of the batch. Source: Malladi et al., "On the SDEs and Scaling Rules for
    # Adaptive Gradient Algorithms", NeurIPS 2022.
    larger = min(max(batch_size, 1), _LARGEST_BATCH) / _BATCH_SIZE if isinstance(batch_size, int) else 1
    return {
        "base": {"side_px": row.default_side_px},
        "phase1": {"learning_rate": round(1e-3 * math.sqrt(larger), 6)},
        "training": {"batch_norm": "training" if whole else "inference"},
        "phase2": {"unfreeze": "all" if whole else "0.35"},
        # Narrow networks lose two to three points where wide ones lose half a point.
        "contract": {"limit_drop": 0.02 if narrow else 0.01},
    }


def _validated(given: Tables, origin: str) -> Recipe:
    for table, values in given.items():
        if table not in Recipe.model_fields:
            raise unknown_name("recipe table", table, Recipe.model_fields)
        known = Recipe.model_fields[table].annotation
        assert isinstance(known, type) and issubclass(known, _Table)
        for key in values:
            if key not in known.model_fields:
                raise unknown_name(f"key in [{table}]", key, known.model_fields)
    merged = _merge({table: {} for table in Recipe.model_fields}, _merge(_dependent(given), given))
    recipe = parse_recipe(merged, origin)
    _check_own(recipe.external, given, origin)
    bases.check_base(recipe.base.name, recipe.base.side_px, recipe.base.alpha)
    if recipe.photos.validation + recipe.photos.test > 0.9:
        raise ConfigError("validation and test leave less than a tenth of the photos to train on", where=(origin,))
    return recipe


def _check_own(own: ExternalRecipe, given: Tables, origin: str) -> None:
    if not own.path:
        if own.scaling or own.labels:
            hint = "with --model FILE they say how that model is fed and read; a base of ours knows by itself"
            raise ConfigError("scaling and labels are given, and no model", where=(origin,), hint=hint)
        return
    if own.scaling:
        input_scaling.parse_scaling(own.scaling)
    trained = [table for table in ("base", "head", "augment", "phase1", "phase2", "retrain") if given.get(table)]
    if trained:
        raise ConfigError(
            f"a model of your own is not trained here, and [{trained[0]}] says how to",
            where=(origin,),
            hint="give --model with --fit, --scaling and --labels only, or leave it out",
        )


def _explained(error: ValidationError, origin: str) -> ConfigError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return ConfigError(f"{place}: {first['msg'].lower()}, got {first['input']!r}", where=(origin,))


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are all TOML's too; only DEL must be escaped here and need not be there.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
