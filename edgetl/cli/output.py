"""Results → stdout for scripts, tables for people."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgetl.core.base_table import BaseNetwork
from edgetl.core.console import Console, build_table, create_terminal
from edgetl.core.device.benchmark import Measurement
from edgetl.core.evaluation.ladder import Attempt
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.methods import find_method
from edgetl.core.records import LayerError, Verdict
from edgetl.core.report import tables as report_tables
from edgetl.pipeline.build import Agreement, Built, Delivered


def print_record(record: object, line: str, *, as_json: bool) -> None:
    """The record on one line of JSON, or the line that says where the result is."""
    print(json.dumps(record, ensure_ascii=False) if as_json else line)


def print_table(record: object, columns: list[str], rows: list[list[str]], *, as_json: bool) -> None:
    """The records as JSON, or a table on stdout."""
    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    create_terminal(sys.stdout).print(build_table("", columns, rows))


def print_shipped_weights(rows: Iterable[BaseNetwork]) -> None:
    """What the weights inside the package are worth, beside random ones and ImageNet's."""
    shown = create_terminal(sys.stdout)
    for base in rows:
        if base.formula is None:
            continue
        title = f"--weights formula: {base.name}, alpha {base.formula.alpha:g}, fine-tuned at {base.formula.side_px} px"
        columns = ["photos", "epochs", "random weights", "formula", "ImageNet"]
        worth = [
            [of.photos, f"{of.epochs}", f"{of.random:.3f}", f"{of.formula:.3f}", f"{of.imagenet:.3f}"]
            for of in base.formula.transfers
        ]
        shown.print()
        shown.print(build_table(title, columns, worth))


def built_json(built: Built) -> dict[str, Any]:
    """What `build --json` prints; lists that grow with the photos stay in the run folder.

    A build for one target has all keys side by side; one for several has those of each in a list under "targets".
    """
    run, seconds = {"run": str(built.run)}, {"seconds": built.seconds}
    if len(built.targets) == 1:
        return {**run, **_delivered_json(built.targets[0]), **seconds}
    return {
        **run,
        "targets": [{"target": one.target, **_delivered_json(one)} for one in built.targets],
        "agreements": [
            {"targets": list(one.targets), "photos": one.photos, "same": one.same} for one in built.agreements
        ],
        **seconds,
    }


def _delivered_json(one: Delivered) -> dict[str, Any]:
    verdict = one.verdict.model_dump(mode="json", exclude={"per_class", "flips", "hops"})
    return {
        "bundle": str(one.bundle.root),
        "method": one.artifact.method,
        "model_bytes": one.artifact.bytes,
        "verdict": verdict,
        "methods": [
            {
                "method": candidate.artifact.method,
                "model_bytes": candidate.artifact.bytes,
                "validation_drop": candidate.validation.drop,
                "host_ms": candidate.validation.host_ms,
            }
            for candidate in one.candidates
        ],
        "ladder": ladder_json(one.rungs),
    }


def ladder_json(rungs: Sequence[Attempt]) -> list[dict[str, Any]]:
    """The steps of the ladder, those included that made no file."""
    return [{"method": rung.method, "seconds": rung.seconds, "told": rung.told} for rung in rungs]


def show_built(built: Built, console: Console) -> None:
    """The tables of a whole build."""
    if built.trained.phases:
        console.table(*report_tables.tabulate_phases(built.trained))
    for one in built.targets:
        if len(built.targets) > 1:
            console.say(f"target {one.target}")
        pairs = [(candidate.artifact, candidate.validation) for candidate in one.candidates]
        console.table(*report_tables.tabulate_methods(pairs, chosen=one.artifact.method))
        if any(find_method(artifact.method).retraining in ("prune", "cluster") for artifact, _ in pairs):
            console.table(*report_tables.tabulate_weights([artifact for artifact, _ in pairs]))
        if len(one.rungs) > 1:
            console.table(*report_tables.tabulate_attempts(one.rungs, chosen=one.artifact.method))
        show_verdict(one.verdict, console)
        console.say(f"picture: {one.picture}")
        console.say(f"bundle: {one.bundle.root} ({one.bundle.bytes / 1e6:.1f} MB)")
    for agreement in built.agreements:
        console.say(_agreed(agreement, built))


def _agreed(agreement: Agreement, built: Built) -> str:
    methods = {one.target: one.artifact.method for one in built.targets}
    left, right = (f"{target} ({methods[target]})" for target in agreement.targets)
    share = agreement.same / agreement.photos
    return f"{left} and {right} name the same class on {agreement.same} of {agreement.photos} test photos ({share:.4f})"


def show_layers(layers: Mapping[FormatName, Sequence[LayerError]], console: Console) -> None:
    """Which layers int8 hurts most, format by format."""
    for form, found in layers.items():
        console.table(*report_tables.tabulate_layers(found, FORMATS[form].title))


def show_verdict(verdict: Verdict, console: Console) -> None:
    """The ledger, the classes and the verdict."""
    console.table(*report_tables.tabulate_ledger(verdict))
    console.table(*report_tables.tabulate_classes(verdict))
    for line in report_tables.describe_verdict(verdict):
        console.say(line)


def show_measures(measured: Sequence[tuple[str, Measurement]], console: Console) -> None:
    """Every measure side by side, a photo's time on each, and what speaks against comparing them."""
    console.table(*report_tables.tabulate_measurements(measured))
    for where, measure in measured:
        console.table(*report_tables.tabulate_photo_times(measure))
        for line in report_tables.list_doubts(where, measure):
            console.warn(line)
