"""Results → JSON for scripts on stdout, tables for people."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgetl.core.console import Console, build_table, create_terminal
from edgetl.core.evaluation.ladder import Attempt
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.methods import find_method
from edgetl.core.network.base_table import BaseNetwork
from edgetl.core.records import LayerError, Verdict
from edgetl.core.report import tables
from edgetl.pipeline.build import Agreement, Built, Delivered
from edgetl.pipeline.devices import Measured


def print_record(record: object, line: str, *, as_json: bool) -> None:
    """Print the record as one line of JSON, or the line that names the result."""
    print(json.dumps(record, ensure_ascii=False) if as_json else line)


def print_table(record: object, columns: list[str], rows: list[list[str]], *, as_json: bool) -> None:
    """Print the record as JSON, or the rows as a table."""
    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    create_terminal(sys.stdout).print(build_table("", columns, rows))


def print_shipped_weights(bases: Iterable[BaseNetwork]) -> None:
    """Print what accuracy the weights inside the package reach, beside random weights and ImageNet's."""
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
        terminal.print(build_table(title, columns, rows))


def built_json(built: Built) -> dict[str, Any]:
    """Return what `build --json` prints. Lists that grow with the photos are in the run folder only.

    A build for one target has all keys side by side. A build for several has the keys of each in the list "targets".
    """
    run, seconds = {"run": str(built.run)}, {"seconds": built.seconds}
    if len(built.targets) == 1:
        return {**run, **_delivered_json(built.targets[0]), **seconds}
    return {
        **run,
        "targets": [{"target": delivered.target, **_delivered_json(delivered)} for delivered in built.targets],
        "agreements": [
            {"targets": list(agreement.targets), "photos": agreement.photos, "same": agreement.same}
            for agreement in built.agreements
        ],
        **seconds,
    }


def _delivered_json(delivered: Delivered) -> dict[str, Any]:
    verdict = delivered.verdict.model_dump(mode="json", exclude={"per_class", "flips", "hops"})
    return {
        "bundle": str(delivered.bundle.root),
        "method": delivered.artifact.method,
        "model_bytes": delivered.artifact.bytes,
        "verdict": verdict,
        "methods": [
            {
                "method": candidate.artifact.method,
                "model_bytes": candidate.artifact.bytes,
                "validation_drop": candidate.validation.drop,
                "host_ms": candidate.validation.host_ms,
            }
            for candidate in delivered.candidates
        ],
        "ladder": attempts_json(delivered.attempts),
    }


def attempts_json(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Return the methods that were tried, those without a file included."""
    return [{"method": attempt.method, "seconds": attempt.seconds, "reason": attempt.reason} for attempt in attempts]


def measured_json(measured: Measured) -> dict[str, Any]:
    """Return what `bench --json` prints."""
    return {
        "measures": {
            where: measurement.model_dump(mode="json") for where, measurement in measured.measurements.items()
        },
        "failed": [error.message for error in measured.errors],
    }


def show_built(built: Built, console: Console) -> None:
    """Show the tables of a build."""
    if built.trained.phases:
        console.table(*tables.tabulate_phases(built.trained))
    for delivered in built.targets:
        if len(built.targets) > 1:
            console.say(f"target {delivered.target}")
        pairs = [(candidate.artifact, candidate.validation) for candidate in delivered.candidates]
        console.table(*tables.tabulate_methods(pairs, chosen=delivered.artifact.method))
        if any(find_method(artifact.method).retraining in ("prune", "cluster") for artifact, _ in pairs):
            console.table(*tables.tabulate_weights([artifact for artifact, _ in pairs]))
        if len(delivered.attempts) > 1:
            console.table(*tables.tabulate_attempts(delivered.attempts, chosen=delivered.artifact.method))
        show_verdict(delivered.verdict, console)
        console.say(f"picture: {delivered.picture}")
        console.say(f"bundle: {delivered.bundle.root} ({delivered.bundle.bytes / 1e6:.1f} MB)")
    for agreement in built.agreements:
        console.say(_describe_agreement(agreement, built))


def _describe_agreement(agreement: Agreement, built: Built) -> str:
    methods = {delivered.target: delivered.artifact.method for delivered in built.targets}
    left, right = (f"{target} ({methods[target]})" for target in agreement.targets)
    share = agreement.same / agreement.photos
    photos = f"{agreement.same} of {agreement.photos} test photos ({share:.4f})"
    return f"{left} and {right} predict the same class for {photos}"


def show_layers(layers: Mapping[FormatName, Sequence[LayerError]], console: Console) -> None:
    """Show the layers with the largest quantization error, format by format."""
    for format_name, errors in layers.items():
        console.table(*tables.tabulate_layers(errors, FORMATS[format_name].title))


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Show the ledger, the classes and the verdict."""
    console.table(*tables.tabulate_ledger(verdict))
    console.table(*tables.tabulate_classes(verdict))
    for line in tables.describe_verdict(verdict):
        console.say(line)


def show_measured(measured: Measured, console: Console) -> None:
    """Show all measurements side by side, the doubts about them, the verdicts, and the devices that failed."""
    if measured.measurements:
        console.table(*tables.tabulate_measurements(list(measured.measurements.items())))
    for where, measurement in measured.measurements.items():
        console.table(*tables.tabulate_photo_times(measurement))
        for line in tables.list_doubts(where, measurement):
            console.warn(line)
    for verdict in measured.verdicts.values():
        show_verdict(verdict, console)
    for error in measured.errors:
        console.error(error.message, error.where, error.hint)
