"""An order and a run folder → one trained model, and for each target a chosen file, its verdict and its bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from edgetl.core.device import limits
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.formats import FormatName
from edgetl.core.html_table import render_table
from edgetl.core.records import Artifact, Bundle, LayerError, Trained
from edgetl.core.report import chart
from edgetl.core.storage.files import write_text
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline.context import Context
from edgetl.pipeline.pipeline import Pipeline, TargetPipeline
from edgetl.pipeline.runs.folders import record_order


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """Results of a build for one target.

    Attributes:
        target: id of the target.
        attempts: the methods that were tried.
        verdict: verdict on the chosen file, on the test photos.
        artifact: the chosen file.
        bundle: the folder for the device.
        picture: chart of the methods, an SVG file.
        unmet: the limit of the target that the chosen file exceeds, in words; "" if there is none.
    """

    target: str
    attempts: tuple[Attempt, ...]
    verdict: Verdict
    artifact: Artifact
    bundle: Bundle
    picture: Path
    unmet: str

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The attempts that made a file, with their verdicts on the validation photos."""
        return tuple(attempt.candidate for attempt in self.attempts if attempt.candidate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Comparison of the chosen files of two targets.

    Attributes:
        targets: ids of the two targets.
        photos: number of test photos.
        same: number of photos for which both files predict the same class.
    """

    targets: tuple[str, str]
    photos: int
    same: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """Results of a build.

    Attributes:
        run: the run folder.
        trained: the model.
        targets: results for each target, in the order in which they were ordered.
        agreements: one for each pair of targets.
        seconds: stage name → seconds that it took in this build; 0 for stages that were read back.
    """

    run: Path
    trained: Trained
    targets: tuple[Delivered, ...]
    agreements: tuple[Agreement, ...]
    seconds: dict[str, float]

    @property
    def verdict(self) -> Verdict:
        """The verdict of the only target.

        Raises:
            ValueError: several targets were built; each has its own in `targets`.
        """
        return self._get_only_target().verdict

    @property
    def artifact(self) -> Artifact:
        """The chosen file of the only target; raises as `verdict` does."""
        return self._get_only_target().artifact

    @property
    def bundle(self) -> Bundle:
        """The bundle of the only target; raises as `verdict` does."""
        return self._get_only_target().bundle

    def table(self) -> list[dict[str, object]]:
        """Return a row for every method that was tried, so that `pandas.DataFrame(built.table())` works.

        Methods without a file have None in the columns of the file. Drops are fractions, 0.01 is one point.
        """
        return [_make_row(delivered, attempt) for delivered in self.targets for attempt in delivered.attempts]

    def _repr_html_(self) -> str:
        """Render the methods and the verdict of each target for a notebook."""
        parts = []
        for delivered in self.targets:
            rows = [list(map(_format_cell, _make_row(delivered, attempt).values())) for attempt in delivered.attempts]
            columns = list(_make_row(delivered, delivered.attempts[0]))
            parts.append(render_table(f"methods on validation photos, target {delivered.target}", columns, rows))
            parts.append(delivered.verdict._repr_html_())
        return "".join(parts)

    def _get_only_target(self) -> Delivered:
        if len(self.targets) != 1:
            names = ", ".join(delivered.target for delivered in self.targets)
            raise ValueError(f"{len(self.targets)} targets were built ({names}): use Built.targets")
        return self.targets[0]


def run_build(context: Context) -> Built:
    """Run all stages of an order. Stages that are finished, with the same fingerprint, are read back.

    Raises:
        ConfigError: a method that a target does not accept, or no file could be made.
        DataError: the photos cannot be used.
        StageError: a stage failed.
    """
    # First, so that `verify`, `bundle` and `bench` know the run, whatever fails later.
    record_order(context.order, context.run.root)
    pipeline = Pipeline(context)
    # A method that a target does not accept is an error here, before hours are spent on the other targets.
    parts = [pipeline.for_target(target) for target in context.order.targets]
    delivered = [_deliver(part, pipeline.model.trained) for part in parts]
    return Built(
        run=context.run.root,
        trained=pipeline.model.trained,
        targets=tuple(delivered),
        agreements=_compare_targets(parts, delivered),
        seconds=context.run.seconds,
    )


def rank_layers(context: Context) -> dict[FormatName, tuple[LayerError, ...]]:
    """Return the quantization error of every layer, largest first, for the preferred format of each target.

    Raises:
        DataError: photos that cannot be used, or cannot set ranges.
        StageError: a stage failed.
    """
    files = Pipeline(context).files
    # Two targets may prefer the same format. A dict keeps the order, which a set does not.
    formats = dict.fromkeys(target.accepts.formats[0] for target in context.order.targets)
    return {format_name: files.calibrate(format_name, more=False).layers for format_name in formats}


def _make_row(delivered: Delivered, attempt: Attempt) -> dict[str, object]:
    candidate = attempt.candidate
    verdict = candidate.validation if candidate else None
    return {
        "target": delivered.target,
        "method": attempt.method,
        "chosen": candidate is not None and candidate.artifact.sha256 == delivered.artifact.sha256,
        "validation_accuracy": verdict.accuracy if verdict else None,
        "drop": verdict.drop if verdict else None,
        "drop_low": verdict.drop_low if verdict else None,
        "drop_high": verdict.drop_high if verdict else None,
        "model_bytes": candidate.artifact.bytes if candidate else None,
        "host_ms": verdict.host_ms if verdict else None,
        "seconds": attempt.seconds,
        "reason": attempt.reason,
    }


def _format_cell(value: object) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _deliver(part: TargetPipeline, trained: Trained) -> Delivered:
    target, context = part.target, part.context
    chosen = part.selection.choose(context.order.method)
    verdict = part.delivery.judge(chosen)
    bundle = part.delivery.bundle(chosen, verdict)
    attempts = part.selection.attempts
    pairs = [(attempt.candidate.artifact, attempt.candidate.validation) for attempt in attempts if attempt.candidate]
    # With one target, names need no target.
    several = len(context.order.targets) > 1
    path = context.run.root / (f"methods-{target.id}.svg" if several else "methods.svg")
    title = f"{trained.base} on validation photos" + (f", {target.id}" if several else "")
    write_text(path, chart.draw_drops(pairs, title))
    # A chosen file that exceeds a limit is delivered with the reason: it was the nearest.
    return Delivered(
        target=target.id,
        attempts=attempts,
        verdict=verdict,
        artifact=chosen,
        bundle=bundle,
        picture=path,
        unmet=limits.check_model_bytes(chosen, target.limits),
    )


def _compare_targets(parts: Sequence[TargetPipeline], delivered: Sequence[Delivered]) -> tuple[Agreement, ...]:
    if len(parts) < 2:
        return ()
    predicted = {
        result.target: metrics.predict_classes(
            np.load(part.delivery.score(result.artifact, "test").path, allow_pickle=False)
        )
        for part, result in zip(parts, delivered, strict=True)
    }
    return tuple(
        Agreement(
            targets=(left, right),
            photos=len(predicted[left]),
            same=int(np.count_nonzero(predicted[left] == predicted[right])),
        )
        for left, right in combinations(predicted, 2)
    )
