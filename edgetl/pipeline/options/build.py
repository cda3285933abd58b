"""Options of the contract and of targets, and the groups of all options of a command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.pipeline.options.cluster import ClusterOptions
from edgetl.pipeline.options.model import ExternalOptions, ModelOptions, PhotosOptions
from edgetl.pipeline.options.option import IN_ANSWERS, Option
from edgetl.pipeline.options.sweep import ChosenNetworkOptions
from edgetl.pipeline.options.training import RetrainOptions, TrainingOptions


@dataclass(frozen=True, kw_only=True)
class ContractOptions:
    """What conversion may cost."""

    contract: Annotated[
        str | None,
        Option(
            help="What conversion may cost: accuracy, or balanced: accuracy with all classes counting equally.",
            sets=("contract", "measure"),
        ),
    ] = None
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
    full_ledger: Annotated[
        bool, Option(help="Predict all test photos on the slow reference kernels, not 200; no verdict depends on it.")
    ] = False


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
class AnswerOptions:
    """Thresholds below which a prediction is rejected as none of the classes, or as unsure."""

    no_features: Annotated[
        bool, Option(help="Leave out the features with which photos of other things are recognized.", panel=IN_ANSWERS)
    ] = False
    reject_own: Annotated[
        float | None,
        Option(
            help="Share of photos of your own classes that may be rejected as none of them (default: 0.05).",
            panel=IN_ANSWERS,
            sets=("answers", "reject_own"),
        ),
    ] = None
    reject_by_class: Annotated[bool, Option(help="Keep that share within each class.", panel=IN_ANSWERS)] = False
    error_accepted: Annotated[
        float | None,
        Option(
            help="Error rate allowed among accepted predictions; others are unsure. Default: half the rate of all.",
            panel=IN_ANSWERS,
            sets=("answers", "error_accepted"),
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ForeignOptions:
    """Photos of other things, with which the rejection rate is measured."""

    foreign: Annotated[
        Path | None,
        Option(
            help="Photos of other things, in folders of any layout: how often are they rejected? Never used to fit.",
            panel=IN_ANSWERS,
            metavar="DIR",
        ),
    ] = None


# Fields of the last base come first.
@dataclass(frozen=True, kw_only=True)
class TrainOptions(TrainingOptions, ModelOptions, ClusterOptions, PhotosOptions):
    """The options of `train`."""


@dataclass(frozen=True, kw_only=True)
class RecipeOptions(AnswerOptions, ContractOptions, RetrainOptions, TrainingOptions, ModelOptions):
    """The options that set a recipe."""


@dataclass(frozen=True, kw_only=True)
class BuildOptions(
    RetrainOptions,
    TrainingOptions,
    ModelOptions,
    ChosenNetworkOptions,
    ExternalOptions,
    CrossFitOptions,
    ForeignOptions,
    AnswerOptions,
    ContractOptions,
    ClusterOptions,
    TargetOptions,
    PhotosOptions,
):
    """The options of `build`."""
