"""Results → stdout for scripts, tables for people."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from edgetl.build import Built
from edgetl.core import tell
from edgetl.core.bases import Base
from edgetl.core.console import Console, table, terminal
from edgetl.core.measures import Measure
from edgetl.core.records import Verdict


def print_record(record: object, line: str, *, as_json: bool) -> None:
    """The record on one line of JSON, or the line that says where the result is."""
    print(json.dumps(record, ensure_ascii=False) if as_json else line)


def print_table(record: object, columns: list[str], rows: list[list[str]], *, as_json: bool) -> None:
    """The records as JSON, or a table on stdout."""
    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    terminal(sys.stdout).print(table("", columns, rows))


def print_shipped_weights(rows: Iterable[Base]) -> None:
    """What the weights inside the package are worth, beside random ones and ImageNet's."""
    shown = terminal(sys.stdout)
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
        shown.print(table(title, columns, worth))


def built_json(built: Built) -> dict[str, Any]:
    """What `build --json` prints; lists that grow with the photos stay in the run folder."""
    verdict = built.verdict.model_dump(mode="json", exclude={"per_class", "flips", "hops"})
    return {
        "run": str(built.run),
        "bundle": str(built.bundle.root),
        "method": built.artifact.method,
        "model_bytes": built.artifact.bytes,
        "verdict": verdict,
        "methods": [
            {
                "method": candidate.artifact.method,
                "model_bytes": candidate.artifact.bytes,
                "validation_drop": candidate.validation.drop,
                "host_ms": candidate.validation.host_ms,
            }
            for candidate in built.candidates
        ],
        "seconds": built.seconds,
    }


def show_built(built: Built, console: Console) -> None:
    """The tables of a whole build."""
    if built.trained.phases:
        console.table(*tell.phases(built.trained))
    pairs = [(candidate.artifact, candidate.validation) for candidate in built.candidates]
    console.table(*tell.methods(pairs, chosen=built.artifact.method))
    show_verdict(built.verdict, console)
    console.say(f"picture: {built.run / 'methods.svg'}")
    console.say(f"bundle: {built.bundle.root} ({built.bundle.bytes / 1e6:.1f} MB)")


def show_verdict(verdict: Verdict, console: Console) -> None:
    """The ledger, the classes and the verdict."""
    console.table(*tell.ledger(verdict))
    console.table(*tell.classes(verdict))
    for line in tell.verdict(verdict):
        console.say(line)


def show_measures(measured: Sequence[tuple[str, Measure]], console: Console) -> None:
    """Every measure side by side, a photo's time on each, and what speaks against comparing them."""
    console.table(*tell.measures(measured))
    for where, measure in measured:
        console.table(*tell.photo_times(measure))
        for line in tell.doubts(where, measure):
            console.warn(line)
