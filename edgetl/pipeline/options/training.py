"""Options of the training and of further trainings for smaller files."""

from dataclasses import dataclass
from typing import Annotated

from edgetl.pipeline.options.option import IN_TRAINING, Option


@dataclass(frozen=True, kw_only=True)
class SharedTrainingOptions:
    """How a model is trained, alone or as one of several that are compared."""

    recipe: Annotated[str | None, Option(help="A preset or a TOML file.", panel=IN_TRAINING)] = None
    epochs: Annotated[
        int | None,
        Option(
            help="Epochs of phase 1, which trains the head on the frozen base.",
            panel=IN_TRAINING,
            sets=("phase1", "epochs"),
        ),
    ] = None
    fine_tune_epochs: Annotated[
        int | None,
        Option(
            help="Further epochs of phase 2, which trains the top of the base too; 0 skips it.",
            panel=IN_TRAINING,
            sets=("phase2", "epochs"),
        ),
    ] = None
    unfreeze: Annotated[
        str | None,
        Option(
            help="all, a layer, a count such as -3, a fraction such as 0.3.",
            panel=IN_TRAINING,
            sets=("phase2", "unfreeze"),
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        Option(
            help="Learning rate of phase 1. By default phase 2 has a tenth of it.",
            panel=IN_TRAINING,
            sets=("phase1", "learning_rate"),
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        Option(
            help="Photos per step. The default learning rate scales with its square root.",
            panel=IN_TRAINING,
            sets=("training", "batch_size"),
        ),
    ] = None
    no_augment: Annotated[bool, Option(help="Train without augmentation.", panel=IN_TRAINING)] = False
    no_feature_cache: Annotated[bool, Option(help="Compute frozen layers in every epoch.", panel=IN_TRAINING)] = False
    cache_bytes: Annotated[
        int | None,
        Option(
            help="Disk space for cached features, bytes (default: 10 % of free space).",
            panel=IN_TRAINING,
            sets=("training", "cache_bytes"),
        ),
    ] = None
    class_weight: Annotated[
        str | None,
        Option(
            help="balanced: all classes count equally; none; auto: balanced if their photos differ by a factor over 3.",
            panel=IN_TRAINING,
            sets=("training", "class_weight"),
        ),
    ] = None
    precision: Annotated[
        str | None,
        Option(help="float32, or bfloat16 on a GPU.", panel=IN_TRAINING, sets=("training", "precision")),
    ] = None
    no_temperature: Annotated[
        bool, Option(help="Leave probabilities as the training left them, mostly too high.", panel=IN_TRAINING)
    ] = False
    seed: Annotated[
        int | None, Option(help="The same seed gives the same model.", panel=IN_TRAINING, sets=("training", "seed"))
    ] = None


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(SharedTrainingOptions):
    """How one model is trained."""

    time_budget: Annotated[
        str | None,
        Option(
            help="Time for the training, as 90s, 10m or 1h: epochs, views and --unfreeze are those that fit.",
            panel=IN_TRAINING,
            metavar="TIME",
            sets=("training", "time_budget"),
        ),
    ] = None
    teacher: Annotated[
        str | None,
        Option(
            help="A larger base, which is trained first, a finished run, or a .keras file: it teaches the model.",
            panel=IN_TRAINING,
            metavar="NAME",
            sets=("teacher", "source"),
        ),
    ] = None
    teacher_side: Annotated[
        int | None,
        Option(
            help="Side of the input of a base that teaches (default: that of its weights, or the model's if larger).",
            panel=IN_TRAINING,
            metavar="PX",
            sets=("teacher", "side_px"),
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RetrainOptions:
    """How a trained model is trained further for smaller files."""

    qat_epochs: Annotated[int | None, Option(help="Epochs of qat8.", panel=IN_TRAINING, sets=("retrain", "epochs"))] = (
        None
    )
    compress_epochs: Annotated[
        int | None,
        Option(help="Epochs of prune and cluster.", panel=IN_TRAINING, sets=("retrain", "compress_epochs")),
    ] = None
    sparsity: Annotated[
        float | None,
        Option(help="prune: fraction of weights that become zero.", panel=IN_TRAINING, sets=("retrain", "sparsity")),
    ] = None
    clusters: Annotated[
        int | None,
        Option(help="cluster: different weights in a layer.", panel=IN_TRAINING, sets=("retrain", "clusters")),
    ] = None
