"""The options of a build: name, type, default, help, and the recipe value that each sets.

The command line and the Python API are both made from these classes, so they have the same names and defaults. None
means that an option is not set: then the recipe or the target decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from edgetl.core.recipe.tables import Tables

_EXTERNAL, _MODEL, _PHOTOS, _TRAINING = "A model made elsewhere, instead of training", "Model", "Photos", "Training"


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """How an option is shown, and what it sets.

    Attributes:
        help: one line of help.
        panel: heading under which the help lists it.
        metavar: placeholder of its value.
        sets: table and key of the recipe.
        flags: names on the command line, where they are not the field's name.
        argument: whether it is positional on the command line.
        minimum: least value.
        maximum: largest value.
    """

    help: str
    panel: str = ""
    metavar: str = ""
    sets: tuple[str, str] | None = None
    flags: tuple[str, ...] = ()
    argument: bool = False
    minimum: float | None = None
    maximum: float | None = None


# Without slots: classes with slots cannot be combined.
@dataclass(frozen=True, kw_only=True)
class PhotosOptions:
    """The photos."""

    photos: Annotated[
        Path | None,
        Option(
            help="Folder of photos, one folder per class, or a CSV file with the columns path and label. "
            "Default: the embedded handwritten digits.",
            argument=True,
        ),
    ] = None
    test: Annotated[
        Path | None,
        Option(
            help="Folder of test photos in the same class folders: all of PHOTOS is for training and validation.",
            panel=_PHOTOS,
            metavar="DIR",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The network and its head."""

    base: Annotated[str | None, Option(help="The network: see edgetl bases.", panel=_MODEL, sets=("base", "name"))] = (
        None
    )
    alpha: Annotated[float | None, Option(help="Its width multiplier.", panel=_MODEL, sets=("base", "alpha"))] = None
    side: Annotated[
        int | None,
        Option(help="Side of the square input.", panel=_MODEL, metavar="PX", sets=("base", "side_px")),
    ] = None
    weights: Annotated[
        str | None,
        Option(help="imagenet, formula, none, or a weights file.", panel=_MODEL, sets=("base", "weights")),
    ] = None
    pooling: Annotated[str | None, Option(help="avg or max.", panel=_MODEL, sets=("base", "pooling"))] = None
    hidden_units: Annotated[
        int | None, Option(help="Units of a hidden layer in the head.", panel=_MODEL, sets=("head", "hidden_units"))
    ] = None
    dropout: Annotated[
        float | None, Option(help="Dropout rate in the head.", panel=_MODEL, sets=("head", "dropout"))
    ] = None
    activation: Annotated[
        str | None,
        Option(help="softmax, or sigmoid: one unit for two classes.", panel=_MODEL, sets=("head", "activation")),
    ] = None
    layout: Annotated[
        str | None,
        Option(
            help="classes, parts (train, val, test), or auto: by the names of the folders.",
            panel=_PHOTOS,
            sets=("photos", "layout"),
        ),
    ] = None
    label_from: Annotated[
        str | None,
        Option(
            help="folder, or name: the class is in the file name, as in cat.12.jpg.",
            panel=_PHOTOS,
            sets=("photos", "label_from"),
        ),
    ] = None
    fit: Annotated[str | None, Option(help="crop, stretch or pad.", panel=_PHOTOS, sets=("photos", "fit"))] = None


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How the model is trained."""

    recipe: Annotated[str | None, Option(help="A preset or a TOML file.", panel=_TRAINING)] = None
    epochs: Annotated[
        int | None,
        Option(
            help="Epochs of phase 1, which trains the head on the frozen base.",
            panel=_TRAINING,
            sets=("phase1", "epochs"),
        ),
    ] = None
    fine_tune_epochs: Annotated[
        int | None,
        Option(
            help="Further epochs of phase 2, which trains the top of the base too; 0 skips it.",
            panel=_TRAINING,
            sets=("phase2", "epochs"),
        ),
    ] = None
    unfreeze: Annotated[
        str | None,
        Option(
            help="all, a layer, a count such as -3, a fraction such as 0.3.",
            panel=_TRAINING,
            sets=("phase2", "unfreeze"),
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        Option(
            help="Learning rate of phase 1. By default phase 2 has a tenth of it.",
            panel=_TRAINING,
            sets=("phase1", "learning_rate"),
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        Option(
            help="Photos per step. The default learning rate scales with its square root.",
            panel=_TRAINING,
            sets=("training", "batch_size"),
        ),
    ] = None
    no_augment: Annotated[bool, Option(help="Train without augmentation.", panel=_TRAINING)] = False
    no_feature_cache: Annotated[bool, Option(help="Compute frozen layers in every epoch.", panel=_TRAINING)] = False
    cache_bytes: Annotated[
        int | None,
        Option(
            help="Disk space for cached features, bytes (default: 10 % of free space).",
            panel=_TRAINING,
            sets=("training", "cache_bytes"),
        ),
    ] = None
    class_weight: Annotated[
        str | None,
        Option(
            help="balanced: all classes count equally; none; auto: balanced if their photos differ by a factor over 3.",
            panel=_TRAINING,
            sets=("training", "class_weight"),
        ),
    ] = None
    precision: Annotated[
        str | None,
        Option(help="float32, or bfloat16 on a GPU.", panel=_TRAINING, sets=("training", "precision")),
    ] = None
    seed: Annotated[
        int | None, Option(help="The same seed gives the same model.", panel=_TRAINING, sets=("training", "seed"))
    ] = None


@dataclass(frozen=True, kw_only=True)
class RetrainOptions:
    """How a trained model is trained further for smaller files."""

    qat_epochs: Annotated[int | None, Option(help="Epochs of qat8.", panel=_TRAINING, sets=("retrain", "epochs"))] = (
        None
    )
    compress_epochs: Annotated[
        int | None,
        Option(help="Epochs of prune and cluster.", panel=_TRAINING, sets=("retrain", "compress_epochs")),
    ] = None
    sparsity: Annotated[
        float | None,
        Option(help="prune: fraction of weights that become zero.", panel=_TRAINING, sets=("retrain", "sparsity")),
    ] = None
    clusters: Annotated[
        int | None,
        Option(help="cluster: different weights in a layer.", panel=_TRAINING, sets=("retrain", "clusters")),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ContractOptions:
    """What conversion may cost."""

    limit_drop: Annotated[
        float | None,
        Option(help="Accuracy that conversion may cost, 0..1: 0.01 is one point.", sets=("contract", "limit_drop")),
    ] = None
    min_accuracy: Annotated[
        float | None,
        Option(
            help="Accuracy that the chosen file must reach on the test photos, 0..1; below it the exit code is 1.",
            sets=("contract", "min_accuracy"),
        ),
    ] = None
    strict: Annotated[bool, Option(help="Count UNDECIDED as a failure; the lower bound must reach --min-accuracy.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """What the model is built for, and by which method."""

    target: Annotated[
        list[str] | None,
        Option(help="What the model is for: see edgetl targets; may be repeated. Default: tflite."),
    ] = None
    target_dir: Annotated[list[Path] | None, Option(help="Folder with targets of your own; may be repeated.")] = None
    method: Annotated[str, Option(help="Pin the conversion method: see edgetl methods.")] = ""
    all_methods: Annotated[bool, Option(help="Make and score every method but prune and cluster.")] = False
    prefer: Annotated[
        str, Option(help="Choose a file by accuracy, bytes, latency, or balanced. Default: the target's.")
    ] = ""


@dataclass(frozen=True, kw_only=True)
class CrossFitOptions:
    """A verdict on the procedure."""

    cross_fit: Annotated[
        int | None,
        Option(
            help="Train and convert K more times, and judge the procedure, not this file, on all photos.",
            metavar="K",
            minimum=2,
            maximum=10,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ExternalOptions:
    """A model made elsewhere."""

    model: Annotated[
        Path | None,
        Option(
            help="A classifier: .keras, or .h5 of Keras 2.", panel=_EXTERNAL, metavar="FILE", sets=("external", "path")
        ),
    ] = None
    scaling: Annotated[
        str | None,
        Option(
            help="How its input was scaled: none, 0..1, tf, torch, caffe, SCALE,OFFSET.",
            panel=_EXTERNAL,
            sets=("external", "scaling"),
        ),
    ] = None
    labels: Annotated[
        Path | None,
        Option(
            help="One name on each line, in the order of its outputs.",
            panel=_EXTERNAL,
            metavar="FILE",
            sets=("external", "labels"),
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions:
    """Which classifier, where a run has several, and what a file alone does not say."""

    method: Annotated[str, Option(help="Of a run: the file by this method. Default: the chosen file.")] = ""
    target: Annotated[str, Option(help="Of a run: one of its targets. Needed where it has several.")] = ""
    labels: Annotated[
        Path | None,
        Option(help="Of a file alone: its class names, one on each line, in the order of its outputs.", metavar="FILE"),
    ] = None
    fit: Annotated[str, Option(help="Of a file alone: crop (the default), stretch or pad.")] = ""


# Fields of the last base come first.
@dataclass(frozen=True, kw_only=True)
class TrainOptions(TrainingOptions, ModelOptions, PhotosOptions):
    """The options of `train`."""


@dataclass(frozen=True, kw_only=True)
class RecipeOptions(ContractOptions, RetrainOptions, TrainingOptions, ModelOptions):
    """The options that set a recipe."""


@dataclass(frozen=True, kw_only=True)
class BuildOptions(
    RetrainOptions,
    TrainingOptions,
    ModelOptions,
    ExternalOptions,
    CrossFitOptions,
    ContractOptions,
    TargetOptions,
    PhotosOptions,
):
    """The options of `build`."""


def list_options(group: type[Any]) -> Iterator[tuple[str, Any, Option, Any]]:
    """Yield name, type, description and default of each option of a group."""
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        annotation = hints[field.name]
        (option,) = [entry for entry in annotation.__metadata__ if isinstance(entry, Option)]
        yield field.name, annotation.__origin__, option, field.default


def name_option(name: str, option: Option) -> str:
    """Return an option as it is typed, as in --fine-tune-epochs; of an argument, its name in capitals."""
    return name.upper() if option.argument else option.flags[0] if option.flags else f"--{name.replace('_', '-')}"


def map_options(group: type[Any]) -> dict[tuple[str, str], str]:
    """Map table and key of the recipe to the option that sets them."""
    return {option.sets: name_option(name, option) for name, _, option, _ in list_options(group) if option.sets}


def collect_tables(options: object) -> Tables:
    """Return the recipe tables that the options set; an option that is None sets nothing."""
    tables: Tables = {}
    for name, _, option, _ in list_options(type(options)):
        value = getattr(options, name)
        if option.sets is not None and value is not None:
            table, key = option.sets
            # Recipes are TOML, which has no paths.
            tables.setdefault(table, {})[key] = str(value) if isinstance(value, Path) else value
    # Switches are True or absent. An absent one must not override a recipe file, so it sets nothing.
    if getattr(options, "strict", False):
        tables.setdefault("contract", {})["strict"] = True
    if getattr(options, "no_augment", False):
        tables["augment"] = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    if getattr(options, "no_feature_cache", False):
        tables.setdefault("training", {})["feature_cache"] = False
    return tables
