"""What can be said on the command line: one type for each option, and the recipe tables that the given flags make."""

from pathlib import Path
from typing import Annotated, Any

import typer

_PHOTOS, _MODEL, _TRAINING, _OUTPUT = "Photos", "Model", "Training", "Output"

Photos = Annotated[
    Path | None,
    typer.Argument(help="Folder of photos, a folder for each class. Without it: the embedded handwritten digits."),
]
PhotosOption = Annotated[
    Path | None, typer.Option("--photos", metavar="DIR", help="The same folder, said as an option.")
]
_OWN = "A model of your own, instead of training"
Model = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A classifier: .keras, or .h5 of Keras 2.", rich_help_panel=_OWN)
]
Scaling = Annotated[
    str | None,
    typer.Option(help="How its photos were scaled: none, 0..1, tf, torch, caffe, SCALE,OFFSET.", rich_help_panel=_OWN),
]
Labels = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A name a line, in the order of its outputs.", rich_help_panel=_OWN),
]
RunArgument = Annotated[Path, typer.Argument(help="A run folder that edgetl build or train wrote.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="What the model is for: see edgetl targets; several at once. Default: tflite."),
]
Target = Annotated[str, typer.Option(help="Which of the run's targets, where it has several.")]
TargetDir = Annotated[list[Path] | None, typer.Option(help="A folder with targets of your own.")]
Base = Annotated[str | None, typer.Option(help="The network: see edgetl bases.", rich_help_panel=_MODEL)]
Alpha = Annotated[float | None, typer.Option(help="Its width multiplier.", rich_help_panel=_MODEL)]
Side = Annotated[int | None, typer.Option(metavar="PX", help="Side of the square input.", rich_help_panel=_MODEL)]
Weights = Annotated[
    str | None, typer.Option(help="imagenet, formula, none, or a weights file.", rich_help_panel=_MODEL)
]
Pooling = Annotated[str | None, typer.Option(help="avg or max.", rich_help_panel=_MODEL)]
HiddenUnits = Annotated[int | None, typer.Option(help="A hidden layer in the head.", rich_help_panel=_MODEL)]
Dropout = Annotated[float | None, typer.Option(help="Dropout in the head.", rich_help_panel=_MODEL)]
Activation = Annotated[
    str | None, typer.Option(help="softmax, or sigmoid: one unit for two classes.", rich_help_panel=_MODEL)
]
Fit = Annotated[str | None, typer.Option(help="crop, stretch or pad.", rich_help_panel=_PHOTOS)]
RecipeName = Annotated[str | None, typer.Option(help="A preset or a TOML file.", rich_help_panel=_TRAINING)]
Epochs = Annotated[int | None, typer.Option(help="Epochs of phase 1.", rich_help_panel=_TRAINING)]
FineTuneEpochs = Annotated[int | None, typer.Option(help="Epochs of phase 2; 0 skips it.", rich_help_panel=_TRAINING)]
Unfreeze = Annotated[
    str | None, typer.Option(help="all, a layer, a count as -3, a fraction as 0.3.", rich_help_panel=_TRAINING)
]
LearningRate = Annotated[float | None, typer.Option(help="Rate of phase 1.", rich_help_panel=_TRAINING)]
BatchSize = Annotated[
    int | None, typer.Option(help="Photos in a step; the default rate goes with its root.", rich_help_panel=_TRAINING)
]
Precision = Annotated[str | None, typer.Option(help="float32, or bfloat16 on a GPU.", rich_help_panel=_TRAINING)]
Seed = Annotated[int | None, typer.Option(help="Same seed, same model.", rich_help_panel=_TRAINING)]
CacheBytes = Annotated[
    int | None, typer.Option(help="Disk for cached features; default a tenth of the free.", rich_help_panel=_TRAINING)
]
NoFeatureCache = Annotated[
    bool, typer.Option("--no-feature-cache", help="Compute frozen layers every epoch.", rich_help_panel=_TRAINING)
]
NoAugment = Annotated[bool, typer.Option("--no-augment", help="Photos as they are.", rich_help_panel=_TRAINING)]
LimitDrop = Annotated[float | None, typer.Option(help="Accuracy that conversion may cost, 0..1: 0.01 is one point.")]
Strict = Annotated[bool, typer.Option("--strict", help="UNDECIDED is a failure too.")]
QatEpochs = Annotated[int | None, typer.Option(help="Epochs of qat8.", rich_help_panel=_TRAINING)]
CompressEpochs = Annotated[int | None, typer.Option(help="Epochs of prune and cluster.", rich_help_panel=_TRAINING)]
Sparsity = Annotated[
    float | None, typer.Option(help="prune: how much of the weights becomes zero.", rich_help_panel=_TRAINING)
]
Clusters = Annotated[int | None, typer.Option(help="cluster: values a kernel may hold.", rich_help_panel=_TRAINING)]
Method = Annotated[str, typer.Option(help="Pin the conversion method: see edgetl methods.")]
AllMethods = Annotated[bool, typer.Option("--all-methods", help="Make and score every method but prune and cluster.")]
Explain = Annotated[bool, typer.Option("--explain", help="Rank the layers by what int8 does to them.")]
Soak = Annotated[
    float | None,
    typer.Option(metavar="S", min=0, max=1e6, help="Invoke so long without a pause; 60 on a device."),
]
Device = Annotated[
    list[str] | None, typer.Option(metavar="USER@HOST", help="Measure there, over your own ssh; several at once.")
]
DeviceAccuracy = Annotated[bool, typer.Option("--accuracy", help="Score the run's test photos there too.")]
Out = Annotated[Path | None, typer.Option(metavar="RUN", help="The run folder.", rich_help_panel=_OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Warnings and errors only.", rich_help_panel=_OUTPUT)]

_FLAGS = {
    "model": ("external", "path"),
    "scaling": ("external", "scaling"),
    "labels": ("external", "labels"),
    "base": ("base", "name"),
    "alpha": ("base", "alpha"),
    "side": ("base", "side_px"),
    "weights": ("base", "weights"),
    "pooling": ("base", "pooling"),
    "fit": ("photos", "fit"),
    "hidden_units": ("head", "hidden_units"),
    "dropout": ("head", "dropout"),
    "activation": ("head", "activation"),
    "epochs": ("phase1", "epochs"),
    "learning_rate": ("phase1", "learning_rate"),
    "fine_tune_epochs": ("phase2", "epochs"),
    "unfreeze": ("phase2", "unfreeze"),
    "batch_size": ("training", "batch_size"),
    "precision": ("training", "precision"),
    "qat_epochs": ("retrain", "epochs"),
    "compress_epochs": ("retrain", "compress_epochs"),
    "sparsity": ("retrain", "sparsity"),
    "clusters": ("retrain", "clusters"),
    "seed": ("training", "seed"),
    "cache_bytes": ("training", "cache_bytes"),
    "limit_drop": ("contract", "limit_drop"),
}


def tables(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The recipe tables that the given flags make; what was not given is not there."""
    tables: dict[str, dict[str, Any]] = {}
    for flag, (table, key) in _FLAGS.items():
        if given.get(flag) is not None:
            value = given[flag]
            # A recipe holds plain values.
            tables.setdefault(table, {})[key] = str(value) if isinstance(value, Path) else value
    if given.get("strict"):
        tables.setdefault("contract", {})["strict"] = True
    if given.get("no_augment"):
        tables["augment"] = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    if given.get("no_feature_cache"):
        tables.setdefault("training", {})["feature_cache"] = False
    return tables
