"""One glance: the verdict in plain words, photos with right and wrong predictions, size, latency, what to do next."""

from typing import Any

import numpy as np

from edgetl.core.evaluation.metrics import sample_evenly
from edgetl.core.evaluation.quality.model_quality import ModelQuality, select_worst_classes
from edgetl.core.report.changes import format_change
from edgetl.core.report.tables import format_bytes
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.verdict_records import MEASURE_TITLES, Verdict

# Hundreds of classes must not fill the page: those with the lowest recall are shown.
_CLASSES, _RIGHT, _WRONG, _SIDE = 12, 3, 4, 80
_WARNINGS = 5
_HEADLINES = {
    "PASS": "{method} holds the contract",
    "FAIL": "{method} breaks the contract",
    "UNDECIDED": "{method} is undecided: more test photos are needed",
}


def collect_glance(run: RunFacts, target: TargetFacts) -> dict[str, Any]:
    """Collect what a reader must know first."""
    result, verdict = target.result, target.result.verdict
    return {
        "outcome": verdict.outcome,
        "headline": _HEADLINES[verdict.outcome].format(method=result.method),
        "sentences": describe_outcome(verdict),
        "quality": _describe_quality(result.quality, target.has_labels),
        "facts": list_facts(target),
        "gain": result.gain,
        "is_disturbed": any("~" in line for line in result.gain),
        "classes": _show_classes(run, target),
        "classes_total": len(run.classes),
        "thing": "label" if target.has_labels else "class",
        "warnings": [
            {"message": warning.message, "hint": warning.hint} for warning in result.quality.warnings[:_WARNINGS]
        ],
        "steps": list_next_steps(run, target),
        "bundled": target.bundled if target.bundled not in ("", result.method) else "",
        "method": result.method,
    }


def describe_outcome(verdict: Verdict) -> list[str]:
    """Say what the conversion cost, and what it may cost, in plain words."""
    title = MEASURE_TITLES[verdict.measure]
    change = format_change(verdict.drop, 0)
    bounds = f"{format_change(verdict.drop_high, 0)} and {format_change(verdict.drop_low, 0)}"
    one = verdict.broke == 1
    things = f"decision{'' if one else 's'}" if verdict.labels else f"photo{'' if one else 's'}"
    lines = [
        f"Keras predicts {verdict.reference_accuracy:.1%} of {verdict.describe_photos('test')} correctly, "
        f"{verdict.method} {verdict.accuracy:.1%}.",
        f"The conversion changes the {title} by {change} points; with a confidence of {verdict.confidence:.0%} each, "
        f"the true change is between {bounds}. The contract allows a loss of {verdict.limit_drop * 100:g}.",
        f"{verdict.broke} {things} broke (only Keras is right), and {verdict.fixed} "
        f"{'is' if verdict.fixed == 1 else 'are'} fixed (only {verdict.method} is right).",
    ]
    if verdict.outcome == "UNDECIDED" and verdict.photos_needed:
        lines.append(f"About {verdict.photos_needed:,} more test photos would decide it.")
    if verdict.not_judged:
        lines.append(f"The verdict is {verdict.not_judged}.")
    return lines


def _describe_quality(quality: ModelQuality, has_labels: bool) -> str:
    """Say how good the model is, whatever its conversion cost."""
    things = "decisions" if has_labels else "photos"
    if has_labels:
        simple = f"deciding each label as it is on most photos reaches {quality.majority_accuracy:.1%}"
    else:
        simple = f"always predicting the largest class reaches {quality.majority_accuracy:.1%}"
    return (
        f"How good it is by itself: {quality.accuracy:.1%} of the {things} are right (between "
        f"{quality.accuracy_low:.1%} and {quality.accuracy_high:.1%}); {simple}."
    )


def list_facts(target: TargetFacts) -> list[tuple[str, str]]:
    """List the figures of a file: accuracy, size and latencies, each with what it is."""
    result, verdict = target.result, target.result.verdict
    facts = [
        ("accuracy", f"{verdict.accuracy:.1%}"),
        ("change", f"{format_change(verdict.drop, 0)} points"),
        ("size of the file", format_bytes(result.bytes)),
    ]
    if verdict.host_ms:
        mark = ", disturbed" if verdict.host_disturbed else ""
        facts.append((f"a photo, one thread of the build machine{mark}", f"{verdict.host_ms:.2f} ms"))
    facts += [
        (f"a photo on {device}", f"{files[result.sha256]:.2f} ms")
        for device, files in result.device_ms.items()
        if result.sha256 in files
    ]
    return facts


def list_next_steps(run: RunFacts, target: TargetFacts) -> list[tuple[str, str]]:
    """List what to do next: a sentence and its command, or "" for a step without one."""
    result, outcome = target.result, target.result.verdict.outcome
    steps = [(f"The file exceeds a limit of the target: {sentence}.", "") for sentence in result.unmet]
    if outcome == "FAIL":
        steps.append(("Do not use this file where the limit matters: take another method, or train longer.", ""))
    if result.next_file and (result.unmet or outcome == "FAIL"):
        steps.append((f"Take another file: {result.next_file}", ""))
    steps += [(f"To decide the verdict: {line}", "") for line in result.advice]
    names = {
        "inspect": "Look for wrong labels, near duplicates and shortcuts among the photos:",
        "demo": "Try the model on a camera or on photos:",
        "bench": "Measure it on the device:",
    }
    return [*steps, *((sentence, run.commands[name]) for name, sentence in names.items() if name in run.commands)]


def _show_classes(run: RunFacts, target: TargetFacts) -> list[dict[str, Any]]:
    """Show photos of each class with right and wrong predictions, the classes with the lowest recall first."""
    if target.has_labels:
        return [_show_label(run, target, index) for index in range(min(len(run.classes), _CLASSES))]
    names = [row.name for row in select_worst_classes(target.result.quality, _CLASSES)]
    chosen = sorted(run.classes.index(name) for name in names)
    return [_show_class(run, target, index) for index in chosen]


def _show_class(run: RunFacts, target: TargetFacts, index: int) -> dict[str, Any]:
    rows = np.flatnonzero(target.truth == index)
    predicted = target.decisions[rows]
    right, wrong = rows[predicted == index], rows[predicted != index]
    # The most confident mistakes are the most informative ones.
    confidence = target.artifact[wrong, target.decisions[wrong]]
    return {
        "name": run.classes[index],
        "photos": len(rows),
        "right_total": len(right),
        "right": [run.show(row, _SIDE) for row in _select_evenly(right, _RIGHT)],
        "wrong": [
            {**run.show(row, _SIDE), "predicted": run.classes[target.decisions[row]]}
            for row in wrong[np.argsort(-confidence, kind="stable")][:_WRONG].tolist()
        ],
    }


def _show_label(run: RunFacts, target: TargetFacts, index: int) -> dict[str, Any]:
    truth, decided = target.truth[:, index], target.decisions[:, index]
    right, wrong = np.flatnonzero(truth & decided), np.flatnonzero(truth != decided)
    words = ("not found", "found by mistake")
    return {
        "name": run.classes[index],
        "photos": len(truth),
        "right_total": int((truth == decided).sum()),
        "right": [run.show(row, _SIDE) for row in _select_evenly(right, _RIGHT)],
        "wrong": [
            {**run.show(row, _SIDE), "predicted": words[int(decided[row])]} for row in _select_evenly(wrong, _WRONG)
        ],
    }


def _select_evenly(rows: np.ndarray, most: int) -> list[int]:
    return [int(row) for row in rows[sample_evenly(len(rows), most)]]
