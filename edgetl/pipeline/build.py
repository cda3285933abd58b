"""An order and a run folder → one trained model, and for each target a chosen file, its verdict and its bundle."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from edgetl.core.device import limits
from edgetl.core.evaluation import ladder
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.evaluation.procedure import ProcedureVerdict
from edgetl.core.evaluation.quality.model_quality import ModelQuality
from edgetl.core.evaluation.verdict import assess_verdict
from edgetl.core.formats import FormatName
from edgetl.core.html_table import render_table
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import Artifact, Bundle, LayerError, LeftOut, Trained
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.report import chart
from edgetl.core.report.answer_tables import render_answers
from edgetl.core.report.gain import Gain
from edgetl.core.report.procedure_tables import render_procedure
from edgetl.core.report.quality_tables import render_quality
from edgetl.core.run.latencies import DeviceLatencies, read_latencies
from edgetl.core.storage.files import write_text
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline.context import Context
from edgetl.pipeline.cross_fit.procedure import ChosenFile, run_cross_fit
from edgetl.pipeline.pages.findings import add_findings
from edgetl.pipeline.pages.heat_maps import add_heat_maps
from edgetl.pipeline.pages.report import write_report
from edgetl.pipeline.pages.results import keep_results
from edgetl.pipeline.pipeline import Pipeline, TargetPipeline
from edgetl.pipeline.runs.agreements import Agreement, compare_targets
from edgetl.pipeline.runs.build_command import describe_unpinned, format_bundle_command
from edgetl.pipeline.runs.folders import record_order


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """Results of a build for one target.

    Attributes:
        target: id of the target.
        attempts: the methods that were tried, each with the reason why it was chosen or not.
        verdict: verdict on the chosen file, on the test photos.
        artifact: the chosen file.
        bundle: the folder for the device.
        picture: chart of the methods, an SVG file.
        unmet: the limit of the target that the chosen file exceeds, in words; "" if there is none.
        next_method: method of the file within the limit that would be chosen next; "" if there is none.
        gain: the chosen file beside the float32 file; None if it is that file.
        device_ms: name of a device → sha256 of a file → its latency there, where `bench --device` has measured it.
        advice: what would decide an UNDECIDED verdict, one option a line.
        answers: thresholds of the file, with counts of accepted and rejected photos; empty without features.
        unmet_answers: the limits of the target on these answers that are exceeded, in words.
        memory: what the file needs on a microcontroller; empty for other targets.
    """

    target: str
    attempts: tuple[Attempt, ...]
    verdict: Verdict
    artifact: Artifact
    bundle: Bundle
    picture: Path
    unmet: str
    next_method: str = ""
    gain: Gain | None = None
    device_ms: DeviceLatencies = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    answers: tuple[AnswerRule, ...] = ()
    unmet_answers: tuple[str, ...] = ()
    memory: tuple[MemoryUse, ...] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The attempts that made a file, with their verdicts on the validation photos."""
        return ladder.list_candidates(self.attempts)

    @property
    def quality(self) -> ModelQuality:
        """How good the chosen file is on the test photos, compared with the validation photos."""
        validations = (
            candidate.validation
            for candidate in self.candidates
            if candidate.validation.artifact_sha256 == self.verdict.artifact_sha256
        )
        return assess_verdict(self.verdict, next(validations, None))


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """Results of a build.

    Attributes:
        run: the run folder.
        trained: the model.
        targets: results for each target, in the order in which they were ordered.
        agreements: one for each pair of targets.
        seconds: stage name → seconds that it took in this build; 0 for stages that were read back.
        procedures: verdicts on the procedure, one for each target; empty without --cross-fit.
        left_out: the files that are not used; left-out.csv in the run folder has them, too.
        report: the page with all results, report.html.
    """

    run: Path
    trained: Trained
    targets: tuple[Delivered, ...]
    agreements: tuple[Agreement, ...]
    seconds: dict[str, float]
    procedures: tuple[ProcedureVerdict, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    report: Path | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict of the only target.

        Raises:
            ValueError: several targets were built; each has its own in `targets`.
        """
        return self._get_only_target().verdict

    @property
    def quality(self) -> ModelQuality:
        """How good the chosen file of the only target is; raises as `verdict` does."""
        return self._get_only_target().quality

    @property
    def artifact(self) -> Artifact:
        """The chosen file of the only target; raises as `verdict` does."""
        return self._get_only_target().artifact

    @property
    def bundle(self) -> Bundle:
        """The bundle of the only target; raises as `verdict` does."""
        return self._get_only_target().bundle

    def list_next_files(self) -> dict[str, str]:
        """Map the id of each target to a hint that names the next file in the table, with its command, or to ""."""
        several = len(self.targets) > 1
        return {
            delivered.target: f"the next file is {delivered.next_method}: "
            + format_bundle_command(self.run, delivered.target if several else "", delivered.next_method)
            if delivered.next_method
            else ""
            for delivered in self.targets
        }

    def table(self) -> list[dict[str, object]]:
        """Return a row for every method that was tried, so that `pandas.DataFrame(built.table())` works.

        Methods without a file have None in the columns of the file. Drops are fractions, 0.01 is one point.
        """
        return [_make_row(delivered, attempt) for delivered in self.targets for attempt in delivered.attempts]

    def _repr_html_(self) -> str:
        """Render how good the model is, the methods and the verdict of each target for a notebook."""
        parts = []
        for delivered in self.targets:
            parts.append(render_quality(delivered.quality))
            rows = [list(map(_format_cell, _make_row(delivered, attempt).values())) for attempt in delivered.attempts]
            columns = list(_make_row(delivered, delivered.attempts[0]))
            parts.append(render_table(f"methods on validation photos, target {delivered.target}", columns, rows))
            parts.append(delivered.verdict.render_cost())
            parts += map(render_answers, delivered.answers)
        return "".join([*parts, *map(render_procedure, self.procedures)])

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
    with context.console.follow(context.plan):
        # Before the training: photos that cannot be used are an error now.
        _ = pipeline.model.foreign
        delivered = [_deliver(part, pipeline.model.trained) for part in parts]
        for part, result in zip(parts, delivered, strict=True):
            add_heat_maps(pipeline, part, result.artifact)
        add_findings(pipeline)
    chosen = [
        ChosenFile(target=part.target, artifact=result.artifact) for part, result in zip(parts, delivered, strict=True)
    ]
    built = Built(
        run=context.run.root,
        trained=pipeline.model.trained,
        targets=tuple(delivered),
        agreements=compare_targets([(part, result.artifact) for part, result in zip(parts, delivered, strict=True)]),
        procedures=run_cross_fit(context, pipeline.model, chosen) if context.order.cross_fit else (),
        seconds=context.run.seconds,
        left_out=pipeline.model.dataset.left_out,
    )
    keep_results(pipeline, parts, built)
    return replace(built, report=write_report(context).path)


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
        "validation_balanced_accuracy": verdict.balanced_accuracy if verdict else None,
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
    pinned = part.selection.unpin()
    chosen = part.selection.choose(context.order.method)
    verdict = part.delivery.judge(chosen)
    answers = part.delivery.set_answers(chosen)
    bundle = part.delivery.bundle(chosen, verdict)
    memory = part.delivery.measure_memory(chosen)
    if pinned and not context.order.method:
        context.console.warn(describe_unpinned(context.order, context.run.root, target.id, (pinned, chosen.method)))
    choice = part.selection.explain(chosen)
    pairs = [(file.artifact, file.validation) for file in ladder.list_candidates(choice.attempts)]
    # With one target, names need no target.
    several = len(context.order.targets) > 1
    path = context.run.root / (f"methods-{target.id}.svg" if several else "methods.svg")
    title = f"{trained.base} on validation photos" + (f", {target.id}" if several else "")
    write_text(path, chart.draw_drops(pairs, title, chosen=chosen.sha256))
    # A chosen file that exceeds a limit is delivered with the reason: it was the nearest.
    return Delivered(
        target=target.id,
        attempts=choice.attempts,
        verdict=verdict,
        artifact=chosen,
        bundle=bundle,
        picture=path,
        unmet=limits.check_file_limits(chosen, memory, target.limits),
        next_method=choice.next_method,
        gain=None if chosen.method == "float32" else part.delivery.compare_float32(chosen),
        device_ms=read_latencies(context.run.root, target.id),
        advice=part.delivery.advise(verdict),
        answers=answers,
        unmet_answers=limits.check_answers(answers, target.limits),
        memory=memory,
    )
