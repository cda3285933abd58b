"""The Python API: the verbs of the command line as functions.

Names, defaults and meanings of options are those of the command line. Progress is shown in terminals and notebooks.
Errors are the exceptions of `edgetl.core.errors`.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

from edgetl.core.errors import ConfigError, unknown_name
from edgetl.core.records import Artifact, Bundle, Trained
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import orders
from edgetl.pipeline.build import Built, run_build
from edgetl.pipeline.context import BUNDLING, CONVERTING, MEASURING, SCORING
from edgetl.pipeline.devices import Measured
from edgetl.pipeline.options import BuildOptions, TrainOptions, list_options
from edgetl.pipeline.pipeline import Pipeline
from edgetl.pipeline.runs.delivered import find_artifact, find_bundle
from edgetl.pipeline.runs.folders import open_build, open_training
from edgetl.pipeline.workspace import reopen

F = TypeVar("F", bound=Callable[..., object])
PathLike = str | Path


class TrainKeywords(TypedDict, total=False):
    """Keyword options of `train`: see `edgetl train --help`."""

    base: str | None
    alpha: float | None
    side: int | None
    weights: str | None
    pooling: str | None
    hidden_units: int | None
    dropout: float | None
    activation: str | None
    fit: str | None
    recipe: str | None
    epochs: int | None
    fine_tune_epochs: int | None
    unfreeze: str | None
    learning_rate: float | None
    batch_size: int | None
    no_augment: bool
    no_feature_cache: bool
    cache_bytes: int | None
    precision: str | None
    seed: int | None


class BuildKeywords(TrainKeywords, total=False):
    """Keyword options of `build`: see `edgetl build --help`."""

    target: str | Sequence[str] | None
    target_dir: PathLike | Sequence[PathLike] | None
    method: str
    all_methods: bool
    prefer: str
    limit_drop: float | None
    strict: bool
    model: PathLike | None
    scaling: str | None
    labels: PathLike | None
    qat_epochs: int | None
    compress_epochs: int | None
    sparsity: float | None
    clusters: int | None


def _show_options(group: type[Any]) -> Callable[[F], F]:
    """Give a function with **options the signature of its options, for `help` and for editors."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        named = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        names = {parameter.name for parameter in named}
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, annotation, _, default in list_options(group)
            if name not in names
        ]
        function.__signature__ = signature.replace(parameters=[*named, *options])  # type: ignore[attr-defined]
        return function

    return decorate


@_show_options(BuildOptions)
def build(
    photos: PathLike | None = None,
    *,
    out: PathLike | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **options: Unpack[BuildKeywords],
) -> Built:
    """Fine-tune, convert, verify and bundle; what is finished in the run folder is not made again.

    A broken contract is no exception here: look at `built.verdict.outcome`.

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
    order = orders.make_order(_collect(BuildOptions, photos, options))
    with open_build(order, _to_path(out), overwrite=overwrite, quiet=quiet) as context:
        for sentence in orders.list_overridden_limits(order):
            context.console.warn(sentence)
        return run_build(context)


@_show_options(TrainOptions)
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
    order = orders.make_order(_collect(TrainOptions, photos, options))
    with open_training(order, _to_path(out), overwrite=overwrite, quiet=quiet) as context:
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
        pipeline.selection.pin(method)
        artifact = pipeline.selection.choose(method)
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
        return pipeline.devices.measure_everywhere(artifact, made, names, soak_s=soak, accuracy=accuracy)


G = TypeVar("G")


def _collect(group: type[G], photos: PathLike | None, options: Any) -> G:
    """Make an options record from keywords: text becomes paths, and one target becomes a list, where the record has so.

    Raises:
        ConfigError: an option that does not exist, with the closest known one.
    """
    known = {name: annotation for name, annotation, _, _ in list_options(group)}
    values: dict[str, Any] = {"photos": _to_path(photos)}
    for name, value in options.items():
        if name not in known or name == "photos":
            raise unknown_name("option", name, [known_name for known_name in known if known_name != "photos"])
        values[name] = _adapt(name, value, known[name])
    return group(**values)


def _adapt(name: str, value: Any, annotation: Any) -> Any:
    text = str(annotation)
    if value is None:
        return None
    if "list[" in text:
        entries = [value] if isinstance(value, str | Path) else list(value)
        return [Path(entry) for entry in entries] if "Path" in text else entries
    if "Path" in text:
        return Path(value)
    if "float" not in text and isinstance(value, float) and "int" in text:
        raise ConfigError(f"{name} must be a whole number, not {value!r}")
    return value


def _to_path(value: PathLike | None) -> Path | None:
    return None if value is None else Path(value)
