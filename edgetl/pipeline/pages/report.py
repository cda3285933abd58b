"""A finished run → report.html in its folder. Nothing is trained, converted or scored: what a run lacks is left out."""

import csv
import io
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from edgetl.core.device.benchmark import Benchmark
from edgetl.core.device.measurement import Measurement, read_measurement
from edgetl.core.errors import StageError
from edgetl.core.pages.report_markdown import render_report_markdown
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.record import Record
from edgetl.core.records import ActivationRanges, Bundle, Dataset, Trained
from edgetl.core.rejection.feature_files import ScoresWithFeatures
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.report_page.facts import Epoch, RunFacts, TargetFacts
from edgetl.core.run.build_results import RESULTS_STAGE, BuildResults, TargetResult
from edgetl.core.run.durations import read_costs
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.run.latencies import read_latencies
from edgetl.core.run.run_folder import make_folder_name, read_finished_stage
from edgetl.core.storage.arrays import read_array
from edgetl.core.storage.files import write_text
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, read_regular
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import RECIPE_FILE, load_order
from edgetl.pipeline.pages.findings import open_inspected_thumbnails, read_findings
from edgetl.pipeline.pages.inspection import name_photos
from edgetl.pipeline.pages.pictures import open_thumbnails
from edgetl.pipeline.runs.build_command import format_build_command, show_path
from edgetl.pipeline.workspace import open_workspace

R = TypeVar("R", bound=Record)

PAGE_FILE, MARKDOWN_FILE = "report.html", "report.md"
REPORT_FORMATS = ("html", "md")
_TRAIN, _INGEST = "train", "ingest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A page that was written.

    Attributes:
        path: the page.
        bytes: its size.
        seconds: that reading the run and writing the page took.
        sections: names of its sections, in order.
    """

    path: Path
    bytes: int
    seconds: float
    sections: tuple[str, ...]


def write_report(context: Context) -> Report:
    """Write report.html into the run folder.

    Raises:
        ConfigError: the run is not finished; the hint is the command that finishes it.
        StageError: a file of the run is damaged.
    """
    start = time.monotonic()
    with context.console.wait("write the report"):
        run, targets = read_run(context)
        path = context.run.output / PAGE_FILE
        sections = stages.report_page.write_report_page(path, run, targets, installed_version("edgetl"))
    return Report(path=path, bytes=path.stat().st_size, seconds=round(time.monotonic() - start, 2), sections=sections)


def read_results(context: Context) -> tuple[BuildResults, Trained, Dataset]:
    """Read the results of a finished build, with its model and its photos.

    Raises:
        ConfigError: the run is not finished; the hint is the command that finishes it.
    """
    results = context.read_kept(RESULTS_STAGE, BuildResults)
    trained = context.read_kept(_TRAIN, Trained)
    dataset = context.read_kept(_INGEST, Dataset)
    # `train` and `build` in the same folder may have been started again since, and stopped.
    if results.trained_sha256 != trained.sha256 or results.dataset_sha256 != dataset.sha256:
        raise context.refuse("the results in the run folder are those of an earlier model or of other photos")
    return results, trained, dataset


def read_run(context: Context, *, pictures: bool = True) -> tuple[RunFacts, tuple[TargetFacts, ...]]:
    """Read what a finished run contains.

    Args:
        context: of the run.
        pictures: whether thumbnails are made, for which the photos or their decoded pixels are needed.

    Raises:
        ConfigError: the run is not finished; the hint is the command that finishes it.
        StageError: a file of the run is damaged.
    """
    results, trained, dataset = read_results(context)
    findings = read_findings(context, dataset)
    thumbnails, inspected = Thumbnails(None), Thumbnails(None)
    notes: tuple[str, ...] = ()
    if pictures:
        thumbnails, notes = open_thumbnails(context, dataset.test, (dataset, trained.input))
        if not notes:
            inspected = open_inspected_thumbnails(context, findings, (dataset, trained.input))
    recipe = context.run.root / RECIPE_FILE
    run = RunFacts(
        root=context.run.root,
        title=name_photos(context.order),
        dataset=dataset,
        trained=trained,
        results=results,
        thumbnails=thumbnails,
        commands=_list_commands(context),
        epochs=_read_epochs(trained.path.parent / "log.csv"),
        recipe=read_regular(recipe, LARGEST_RECORD_BYTES).decode("utf-8", "replace") if recipe.exists() else "",
        notes=notes,
        findings=findings,
        inspected_thumbnails=inspected,
        costs=read_costs(context.run.root),
    )
    return run, tuple(_read_target(context, result, dataset) for result in results.targets)


def _read_target(context: Context, result: TargetResult, dataset: Dataset) -> TargetFacts:
    reference, artifact = (
        _read_scores(context, stage, len(dataset.test), len(dataset.classes)) for stage in result.scores_stages
    )
    ranges = _read_record(context, result.layers_stage, ActivationRanges)
    answers = _read_record(context, result.answers_stage, AnswerRule)
    bundle = _read_record(context, result.bundle_stage, Bundle)
    return TargetFacts(
        # Devices may have been measured since the build.
        result=result.model_copy(update={"device_ms": _copy_latencies(context, result.target)}),
        photos=dataset.test,
        reference=reference,
        artifact=artifact,
        layers=ranges.layers if ranges and result.method != "float32" else (),
        answers=(answers,) if answers and answers.artifact_sha256 == result.sha256 else (),
        measurements=tuple(_list_measurements(context, result)),
        bundled=bundle.method if bundle else "",
    )


def _read_record(context: Context, stage: str, kind: type[R]) -> R | None:
    finished = read_finished_stage(context.run.root / stage, kind)
    return finished.record if finished else None


def _read_scores(context: Context, stage: str, photos: int, classes: int) -> np.ndarray:
    scores = context.read_kept(stage, ScoresWithFeatures)
    array = read_array(scores.path)
    if array.shape != (photos, classes):
        raise context.refuse(f"{scores.path.name} of stage {stage} is for other photos: its shape is {array.shape}")
    return array


def _list_measurements(context: Context, result: TargetResult) -> Iterator[tuple[str, Measurement]]:
    """List the measurements of the chosen file, on this machine and on devices."""
    several = len(context.order.targets) > 1
    prefix = f"{make_folder_name('bench', result.target)}-" if several else "bench-"
    for folder in sorted(context.run.root.glob(f"{prefix}*")):
        benchmark = _read_record(context, folder.name, Benchmark)
        if benchmark is None or benchmark.model_sha256 != result.sha256:
            continue
        try:
            yield benchmark.where, read_measurement(benchmark.path, benchmark.model_sha256)
        except StageError as error:
            # Another machine wrote it: the other results are shown all the same.
            context.console.warn(f"{folder.name} is left out: {error.message}")


def _copy_latencies(context: Context, target: str) -> dict[str, dict[str, float]]:
    return {device: dict(files) for device, files in read_latencies(context.run.root, target).items()}


def _list_commands(context: Context) -> dict[str, str]:
    order, root = context.order, str(show_path(context.run.root))
    commands = {"build": format_build_command(order, context.run.root), "demo": shlex.join(["edgetl", "demo", root])}
    commands["report"] = shlex.join(["edgetl", "report", root, "--open"])
    # A device without Python, such as a microcontroller, has a self-check of its own.
    if any(target.runtime.python for target in order.targets):
        commands["bench"] = shlex.join(["edgetl", "bench", root, "--device", "USER@HOST"])
    if order.photos:
        labels = ["--multi-label"] if order.recipe.photos.multi_label else []
        commands["inspect"] = shlex.join(["edgetl", "inspect", str(show_path(order.photos)), *labels])
    return commands


def _read_epochs(path: Path) -> tuple[Epoch, ...]:
    """Read log.csv of a training; none for a model made elsewhere.

    Raises:
        StageError: not a file that edgetl wrote.
    """
    if not path.exists():
        return ()
    text = read_regular(path, LARGEST_RECORD_BYTES).decode("utf-8", "replace")
    try:
        return tuple(
            Epoch(
                phase=row["phase"],
                number=int(row["epoch"]),
                loss=float(row["loss"]),
                accuracy=float(row["accuracy"]),
                validation_loss=float(row["validation_loss"]),
                validation_accuracy=float(row["validation_accuracy"]),
            )
            for row in csv.DictReader(io.StringIO(text))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StageError("not a log of a training", where=(path,)) from error


def write_markdown(context: Context) -> Report:
    """Write report.md into the run folder, for a pull request: see `write_report`."""
    start = time.monotonic()
    run, targets = read_run(context, pictures=False)
    path = context.run.output / MARKDOWN_FILE
    write_text(path, render_report_markdown(run, targets))
    return Report(path=path, bytes=path.stat().st_size, seconds=round(time.monotonic() - start, 2), sections=())


@contextmanager
def open_report(root: Path, *, quiet: bool) -> Iterator[Context]:
    """Yield the context of a finished run, which is only read.

    Raises:
        ConfigError: not a run folder.
    """
    # Before a build is waited for.
    load_order(root)
    with open_workspace(root, quiet=quiet, finished=True) as (run, console):
        # Again: the build that was waited for may have changed it.
        order = load_order(root)
        if run.output != run.root:
            console.say(f"{run.root} cannot be written: results are in {run.output}")
        yield Context(order=order, run=run, console=console, makes=frozenset())
