"""Prints results: JSON or paths for scripts on stdout, tables for people on the console."""

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgetl.core.console import Console, create_terminal, print_rows
from edgetl.core.device.answer_agreement import describe_agreement
from edgetl.core.device.fleet import MANY_DEVICES
from edgetl.core.device.targets import list_targets
from edgetl.core.evaluation.quality.model_quality import ModelQuality
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.methods import find_method
from edgetl.core.microcontroller.memory_table import describe_memory, summarize_memory, tabulate_fit
from edgetl.core.network.base_network import BaseNetwork
from edgetl.core.records import LayerError
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.report import answer_tables, left_out, measurement_tables, procedure_tables, quality_tables, tables
from edgetl.core.report.gain import Gain, describe_gain
from edgetl.core.screen.printable import escape_controls, format_json_line
from edgetl.core.tracking.stored_run import StoredRun
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline.build import Built, Delivered
from edgetl.pipeline.devices import Measured
from edgetl.pipeline.runs.agreements import Agreement

# All are in the JSON record and on the page of the report.
_MOST_DEVICES = 40


def print_record(record: object, line: str, *, as_json: bool) -> None:
    """Print the record as one line of JSON, or the line that names the result.

    A script gets the name of a file as it is. On a terminal its control characters are escaped.
    """
    if as_json:
        print(format_json_line(record))
    else:
        print("\n".join(map(escape_controls, line.split("\n"))) if sys.stdout.isatty() else line)


def print_table(record: object, columns: list[str], rows: list[list[str]], *, as_json: bool, title: str = "") -> None:
    """Print the record as JSON, or the rows as a table, with a title above it unless it is empty."""
    if as_json:
        print(format_json_line(record))
        return
    # A table that is piped into a file has no colours.
    print_rows(create_terminal(sys.stdout), title, columns, rows)


def print_shipped_weights(bases: Iterable[BaseNetwork]) -> None:
    """Print the accuracy that the weights inside the package reach, compared with random and ImageNet weights."""
    terminal = create_terminal(sys.stdout)
    for base in bases:
        if base.formula is None:
            continue
        title = f"--weights formula: {base.name}, alpha {base.formula.alpha:g}, fine-tuned at {base.formula.side_px} px"
        columns = ["photos", "epochs", "random weights", "formula", "ImageNet"]
        rows = [
            [row.photos, f"{row.epochs}", f"{row.random:.3f}", f"{row.formula:.3f}", f"{row.imagenet:.3f}"]
            for row in base.formula.transfers
        ]
        terminal.print()
        print_rows(terminal, title, columns, rows)


def dump_built(built: Built, layers: Mapping[FormatName, Sequence[LayerError]] | None = None) -> dict[str, Any]:
    """Return the JSON value of `build --json`. Lists with an entry for each photo are in the run folder only.

    A build for one target has all keys side by side. A build for several has the keys of each in the list "targets".

    Args:
        built: results of the build.
        layers: quantization errors by format, with --explain.
    """
    record: dict[str, Any] = {"run": str(built.run)}
    if len(built.targets) == 1:
        record |= _dump_delivered(built.targets[0])
    else:
        record["targets"] = [{"target": delivered.target, **_dump_delivered(delivered)} for delivered in built.targets]
        record["agreements"] = [
            {"targets": list(agreement.targets), "photos": agreement.photos, "same": agreement.same}
            for agreement in built.agreements
        ]
    if built.procedures:
        record["cross_fit"] = [verdict.model_dump(mode="json") for verdict in built.procedures]
    record["left_out"] = {
        "files": len(built.left_out),
        "reasons": left_out.count_reasons(built.left_out),
        # Without such files there is no list.
        "list": str(built.run / left_out.LEFT_OUT_FILE) if built.left_out else "",
    }
    record["report"] = str(built.report or "")
    record["seconds"] = built.seconds
    if layers is not None:
        record["layers"] = {name: [layer.model_dump() for layer in errors] for name, errors in layers.items()}
    return record


def _dump_delivered(delivered: Delivered) -> dict[str, Any]:
    # These lists have an entry for each class, photo and hop: too long for one line.
    verdict = delivered.verdict.model_dump(mode="json", exclude={"per_class", "flips", "hops", "counts", "thresholds"})
    return {
        "bundle": str(delivered.bundle.root),
        "method": delivered.artifact.method,
        "model_bytes": delivered.artifact.bytes,
        "quality": delivered.quality.model_dump(mode="json"),
        "verdict": verdict,
        "answers": dump_answers(delivered.answers),
        "unmet_answers": list(delivered.unmet_answers),
        "memory": [summarize_memory(memory, delivered.artifact) for memory in delivered.memory],
        "advice": list(delivered.advice),
        "next_method": delivered.next_method,
        "gain": _dump_gain(delivered.gain) if delivered.gain else None,
        "methods": [
            {
                "method": candidate.artifact.method,
                "model_bytes": candidate.artifact.bytes,
                "validation_accuracy": candidate.validation.accuracy,
                "validation_balanced_accuracy": candidate.validation.balanced_accuracy,
                "validation_drop": candidate.validation.drop,
                "host_ms": candidate.validation.host_ms,
                "host_disturbed": candidate.validation.host_disturbed,
                "device_ms": {
                    device: measured[candidate.artifact.sha256]
                    for device, measured in delivered.device_ms.items()
                    if candidate.artifact.sha256 in measured
                },
                "chosen": candidate.artifact.sha256 == delivered.artifact.sha256,
            }
            for candidate in delivered.candidates
        ],
        # All attempts, also those that made no file, which are not in "methods".
        "ladder": [
            {"method": attempt.method, "seconds": attempt.seconds, "reason": attempt.reason}
            for attempt in delivered.attempts
        ],
    }


def dump_answers(answers: Sequence[AnswerRule]) -> dict[str, Any] | None:
    """Return the thresholds and counts of accepted and rejected photos as JSON; None without features.

    The threshold of each class is in the run folder and in the bundle only.
    """
    for rule in answers:
        return rule.model_dump(mode="json", exclude={"path", "least_similarities"})
    return None


def _dump_gain(gain: Gain) -> dict[str, Any]:
    return {**dataclasses.asdict(gain), "latencies": [dataclasses.asdict(entry) for entry in gain.latencies]}


def dump_measured(measured: Measured) -> dict[str, Any]:
    """Return the JSON value of `bench --json`."""
    return {
        # With the keys of measure.json.
        "measures": {
            where: measurement.model_dump(mode="json", by_alias=True)
            for where, measurement in measured.measurements.items()
        },
        "answers": {where: agreement.model_dump(mode="json") for where, agreement in measured.agreements.items()},
        "failed": [error.message for error in measured.errors],
    }


def show_built(built: Built, console: Console) -> None:
    """Show the results of a build: quality, phases, methods, ladder and verdict, and where to find them."""
    # First of all, because a satisfied contract is no statement about the model.
    for delivered in built.targets:
        if len(built.targets) > 1:
            console.say(f"target {delivered.target}")
        show_quality(delivered.quality, console)
    if built.trained.phases:
        console.table(*tables.tabulate_phases(built.trained))
    for delivered in built.targets:
        if len(built.targets) > 1:
            console.say(f"target {delivered.target}")
        pairs = [(candidate.artifact, candidate.validation) for candidate in delivered.candidates]
        console.table(*tables.tabulate_methods(pairs, delivered.artifact.method, delivered.device_ms))
        if any(find_method(artifact.method).retraining in ("prune", "cluster") for artifact, _ in pairs):
            console.table(*tables.tabulate_weights([artifact for artifact, _ in pairs]))
        # A ladder of one step is the table of methods once more.
        if len(delivered.attempts) > 1:
            console.table(*tables.tabulate_attempts(delivered.attempts))
        show_verdict(delivered.verdict, console, delivered.advice)
        show_answers(delivered.answers, console)
        show_memory(delivered, console)
        for line in describe_gain(delivered.gain) if delivered.gain else ():
            console.say(line)
        console.say(f"chart: {delivered.picture}")
        console.say(f"bundle: {delivered.bundle.root} ({delivered.bundle.bytes / 1e6:.1f} MB)")
    for procedure in built.procedures:
        console.table(*procedure_tables.tabulate_procedure(procedure))
        for line in procedure_tables.describe_procedure(procedure):
            console.say(line)
    for agreement in built.agreements:
        console.say(_describe_agreement(agreement, built))
    _show_files(built, console)


def _show_files(built: Built, console: Console) -> None:
    """Name the files that list more than the tables: the photos that are left out, and the report, which is last."""
    if built.left_out:
        console.say(left_out.describe_left_out(built.left_out), wrap=True)
        console.say(f"all of them: {built.run / left_out.LEFT_OUT_FILE}")
    if built.report is not None:
        console.say(f"report: {built.report}")


def _describe_agreement(agreement: Agreement, built: Built) -> str:
    methods = {delivered.target: delivered.artifact.method for delivered in built.targets}
    left, right = (f"{target} ({methods[target]})" for target in agreement.targets)
    fraction = agreement.same / agreement.photos
    photos = f"{agreement.same} of {agreement.photos} test photos ({fraction:.4f})"
    alike = "decide all labels alike" if built.trained.thresholds else "predict the same class"
    return f"{left} and {right} {alike} for {photos}"


def show_logged(logged: Sequence[StoredRun], console: Console) -> None:
    """Say where the results were stored, and whether they were there before."""
    for row in logged:
        word = "brought up to date" if row.updated else "stored"
        console.say(f"{row.name}: {word} in {row.store}, experiment {row.experiment}, run {row.run_id}")


def show_layers(layers: Mapping[FormatName, Sequence[LayerError]], console: Console) -> None:
    """Show the layers with the largest quantization error, format by format."""
    for format_name, errors in layers.items():
        console.table(*tables.tabulate_layers(errors, FORMATS[format_name].title))


def show_quality(quality: ModelQuality, console: Console) -> None:
    """Show how good the model is, its worst classes, and what is wrong with it.

    Warnings about classes are shown with the verdict, at the end of the summary.
    """
    for line in quality_tables.describe_quality(quality):
        console.say(line, wrap=True)
    console.table(*quality_tables.tabulate_class_quality(quality))
    for line in quality_tables.list_quality_warnings(quality, without_classes=True):
        console.warn(line)


def show_verdict(verdict: Verdict, console: Console, advice: Sequence[str] = ()) -> None:
    """Show the ledger, the classes and the verdict, and what would decide it if it is UNDECIDED."""
    console.table(*tables.tabulate_ledger(verdict))
    console.table(*tables.tabulate_classes(verdict))
    for line in tables.describe_verdict(verdict):
        console.say(line, wrap=True)
    for line in quality_tables.list_warning_lines(verdict.warnings):
        console.warn(line)
    for line in advice:
        console.say(f"  to decide it: {line}", wrap=True)


def show_answers(answers: Sequence[AnswerRule], console: Console) -> None:
    """Show the shares of accepted and rejected photos, and the bounds of the thresholds."""
    for rule in answers:
        console.table(*answer_tables.tabulate_answers(rule))
        if rule.hops:
            console.table(*answer_tables.tabulate_hops(rule))
        for line in answer_tables.describe_answers(rule):
            console.say(line, wrap=True)


def show_memory(delivered: Delivered, console: Console) -> None:
    """Show what a file needs on a microcontroller, and the boards that it fits into; nothing for other targets."""
    for memory in delivered.memory:
        targets = list_targets()
        for line in describe_memory(memory, delivered.artifact, targets):
            console.say(line, wrap=True)
        console.table(*tabulate_fit(memory, delivered.artifact, targets))


def show_measured(measured: Measured, console: Console) -> None:
    """Show all measurements side by side, warnings about them, the verdicts, and the devices that failed."""
    rows = list(measured.measurements.items())
    many = len(rows) + len(measured.errors) >= MANY_DEVICES
    if rows and many:
        console.table(*measurement_tables.tabulate_fleet(rows, _MOST_DEVICES))
    elif rows:
        console.table(*measurement_tables.tabulate_measurements(rows))
        console.table(*measurement_tables.tabulate_boards(rows))
    for where, measurement in rows:
        if not many:
            console.table(*measurement_tables.tabulate_photo_times(measurement))
        for line in measurement_tables.list_measurement_issues(where, measurement):
            console.warn(line)
    for verdict in measured.verdicts.values():
        show_verdict(verdict, console)
    for where, agreement in measured.agreements.items():
        console.say(describe_agreement(where, agreement))
    for error in measured.errors:
        console.error(error.message, error.where, error.hint)
    if many:
        console.say(measurement_tables.summarize_fleet([row for _, row in rows], len(measured.errors)), wrap=True)
