"""The Python API: the verbs of the command line as functions.

Names, defaults and meanings of options are those of the command line. Progress is shown in terminals and notebooks.
Errors are the exceptions of `edgetl.core.errors`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from edgetl.api_options import PathLike, collect_options, make_options, show_options, to_path
from edgetl.core.device.fleet import MeasurementOrder
from edgetl.core.records import Artifact, Bundle, Trained
from edgetl.core.report.predictions import Predicted
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import orders
from edgetl.pipeline.build import Built, run_build
from edgetl.pipeline.context import BUNDLING, CONVERTING, MEASURING, SCORING
from edgetl.pipeline.devices import Measured
from edgetl.pipeline.execution.cluster import check_cluster, use_cluster
from edgetl.pipeline.options import BuildOptions, ClassifierOptions, TrainOptions
from edgetl.pipeline.pipeline import Pipeline
from edgetl.pipeline.runs.delivered import find_artifact, find_bundle
from edgetl.pipeline.runs.folders import open_build, open_training
from edgetl.pipeline.sweep.chosen_network import copy_chosen, take_chosen
from edgetl.pipeline.usage.classifiers import find_classifier
from edgetl.pipeline.usage.predictions import predict_photos
from edgetl.pipeline.workspace import open_workspace, reopen


class TrainKeywords(TypedDict, total=False):
    """Keyword options of `train`: see `edgetl train --help`."""

    test: PathLike | None
    exclude: PathLike | None
    base: str | None
    alpha: float | None
    side: int | None
    weights: str | None
    pooling: str | None
    hidden_units: int | None
    dropout: float | None
    activation: str | None
    fit: str | None
    layout: str | None
    label_from: str | None
    multi_label: bool
    label_separator: str | None
    group_by: str | None
    near_duplicates: str | None
    recipe: str | None
    time_budget: str | None
    epochs: int | None
    fine_tune_epochs: int | None
    unfreeze: str | None
    learning_rate: float | None
    batch_size: int | None
    no_augment: bool
    no_feature_cache: bool
    cache_bytes: int | None
    class_weight: str | None
    precision: str | None
    no_temperature: bool
    teacher: str | None
    teacher_side: int | None
    seed: int | None
    cluster: str


class BuildKeywords(TrainKeywords, total=False):
    """Keyword options of `build`: see `edgetl build --help`."""

    target: str | Sequence[str] | None
    target_dir: PathLike | Sequence[PathLike] | None
    method: str
    all_methods: bool
    prefer: str
    contract: str | None
    limit_drop: float | None
    min_accuracy: float | None
    strict: bool
    full_ledger: bool
    cross_fit: int | None
    foreign: PathLike | None
    no_features: bool
    reject_own: float | None
    reject_by_class: bool
    error_accepted: float | None
    from_sweep: PathLike | None
    model: PathLike | None
    scaling: str | None
    labels: PathLike | None
    qat_epochs: int | None
    compress_epochs: int | None
    sparsity: float | None
    clusters: int | None


@show_options(BuildOptions)
def build(
    photos: PathLike | None = None,
    *,
    out: PathLike | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **options: Unpack[BuildKeywords],
) -> Built:
    """Fine-tune, convert, verify and bundle; what is finished in the run folder is not made again.

    A broken contract is no exception here: look at `built.verdict.outcome` and `built.quality.accuracy`.

    Args:
        photos: folder of photos, one folder per class; None for the embedded handwritten digits.
        out: the run folder; by default one in edgetl-runs for each order, named after photos and network.
        overwrite: replace what was trained in the run folder with other options.
        quiet: show warnings and errors only.
        **options: as on the command line, for example `target="raspberry-pi-4"`, `alpha=0.35`.

    Returns:
        The model, and the chosen file with its verdict and bundle for each target.

    Raises:
        ConfigError: an option that does not exist, or has a wrong value; or the run folder contains another build.
        DataError: the photos cannot be used.
        StageError: a library failed.
    """
    settings = collect_options(BuildOptions, photos, options)
    check_cluster(settings.cluster)
    order = orders.make_order(take_chosen(settings))
    with (
        open_build(order, to_path(out), overwrite=overwrite, quiet=quiet) as local,
        use_cluster(local, settings.cluster) as context,
    ):
        for sentence in orders.list_overridden_limits(order):
            context.console.warn(sentence)
        return run_build(copy_chosen(context, settings.from_sweep))


@show_options(TrainOptions)
def train(
    photos: PathLike | None = None,
    *,
    out: PathLike | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **options: Unpack[TrainKeywords],
) -> Trained:
    """Fine-tune a base on the photos.

    Args:
        photos: folder of photos, one folder per class; None for the embedded handwritten digits.
        out: the run folder; by default one in edgetl-runs for each order, named after photos and network.
        overwrite: replace what was trained in the run folder with other options.
        quiet: show warnings and errors only.
        **options: as on the command line.

    Returns:
        The trained model; `trained.path` is a .keras file.

    Raises:
        ConfigError: an option that does not exist, or has a wrong value; or the run folder contains another build.
        DataError: the photos cannot be used.
        StageError: training diverged.
    """
    settings = collect_options(TrainOptions, photos, options)
    check_cluster(settings.cluster)
    order = orders.make_order(settings)
    with (
        open_training(order, to_path(out), overwrite=overwrite, quiet=quiet) as local,
        use_cluster(local, settings.cluster) as context,
    ):
        return Pipeline(context).model.trained


def convert(run: PathLike, *, method: str = "int8", target: str = "", quiet: bool = False) -> Artifact:
    """Convert the model of a run by one method. Nothing is trained.

    Args:
        run: a run folder.
        method: the conversion method.
        target: which of the run's targets, where it has several.
        quiet: show warnings and errors only.

    Raises:
        ConfigError: not a run folder, no such method or target, or the trained model is missing or out of date.
        StageError: the conversion failed.
    """
    with reopen(Path(run), target, makes=CONVERTING, quiet=quiet) as pipeline:
        return pipeline.selection.convert(method)


def verify(run: PathLike, *, method: str = "", target: str = "", quiet: bool = False) -> Verdict:
    """Judge the file in the bundle of a run again, or the file of one method, on the test photos.

    Nothing is trained or converted.

    Args:
        run: a run folder.
        method: the conversion method; by default that of the file in the bundle.
        target: which of the run's targets, where it has several.
        quiet: show warnings and errors only.

    Raises:
        ConfigError: not a run folder, no such method or target, or the file is missing or out of date.
        StageError: the scores cannot be judged.
    """
    with reopen(Path(run), target, makes=SCORING, quiet=quiet) as pipeline:
        return pipeline.delivery.judge(find_artifact(pipeline, method), again=True)


def bundle(run: PathLike, *, method: str = "", target: str = "", quiet: bool = False) -> Bundle:
    """Make the bundle of a run, with its chosen file or that of one method. Nothing is trained.

    Args:
        run: a run folder.
        method: the conversion method; by default that of the chosen file.
        target: which of the run's targets, where it has several.
        quiet: show warnings and errors only.

    Returns:
        The bundle; `bundle.root` is the folder for the device.

    Raises:
        ConfigError: not a run folder, no such method or target, or the trained model is missing or out of date.
    """
    with reopen(Path(run), target, makes=BUNDLING, quiet=quiet) as pipeline:
        artifact = pipeline.selection.choose_pinned(method)
        return pipeline.delivery.bundle(artifact, pipeline.delivery.judge(artifact))


def bench(
    run: PathLike,
    *,
    device: str | Sequence[str] | None = None,
    soak: float | None = None,
    accuracy: bool = False,
    quiet: bool = False,
) -> Measured:
    """Measure the bundle of a run on this machine or on devices. Nothing is trained or converted.

    Args:
        run: a run folder with one target.
        device: ssh name of a device, or several.
        soak: seconds of invocations without a pause; None for 60 on devices and 0 here.
        accuracy: score the test photos of the run there too, which it was not trained on.
        quiet: show warnings and errors only.

    Returns:
        Measurements and verdicts by host or device, and the errors of devices that failed.

    Raises:
        ConfigError: not a run folder, not a name for ssh, or the bundle is missing or out of date.
        StageError: this machine could not be measured.
    """
    names = [device] if isinstance(device, str) else list(device or ())
    with reopen(Path(run), "", makes=MEASURING, quiet=quiet) as pipeline:
        artifact, made = find_bundle(pipeline)
        return pipeline.devices.measure_everywhere(
            artifact, made, MeasurementOrder(names=tuple(names), soak_s=soak, accuracy=accuracy)
        )


class PredictKeywords(TypedDict, total=False):
    """Keyword options of `predict`: see `edgetl predict --help`."""

    method: str
    target: str
    labels: PathLike | None
    fit: str


@show_options(ClassifierOptions)
def predict(
    source: PathLike,
    photos: PathLike | Sequence[PathLike],
    *,
    top: int = 3,
    quiet: bool = False,
    **options: Unpack[PredictKeywords],
) -> Predicted:
    """Classify photos with a finished file, on this machine. No code of a bundle is run.

    Args:
        source: a run folder, a bundle, or a .tflite or .onnx file.
        photos: a photo or a folder of photos, or several of them.
        top: how many classes each prediction has.
        quiet: show warnings and errors only.
        **options: method and target of a run folder; labels and fit of a file alone.

    Returns:
        The most probable classes of each photo, and the photos that could not be read.

    Raises:
        ConfigError: no such file, a bundle that was changed, or a file that cannot be run.
        DataError: no photos.
    """
    paths = [Path(photos)] if isinstance(photos, str | Path) else [Path(path) for path in photos]
    choice = make_options(ClassifierOptions, {}, options)
    with open_workspace(None, quiet=quiet) as (_, console):
        return predict_photos(find_classifier(Path(source), choice), paths, top, console=console)
