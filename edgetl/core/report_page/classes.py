"""Which classes are confused: matrices of Keras and the file, their difference, precision and recall by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds
from edgetl.core.report_page.facts import RunFacts, TargetFacts

# A larger matrix cannot be read, and 1000 classes have a million cells.
_MATRIX_CLASSES = 30
_TABLE_CLASSES = 300
_PAIRS = 10
_SHORT_NAME = 5


def collect_classes(run: RunFacts, target: TargetFacts) -> dict[str, Any]:
    """Collect the matrices, the pairs that are confused most, and the table of the classes."""
    counts, confidence = target.result.verdict.counts, target.result.verdict.confidence
    before = {change.name: change.reference_accuracy for change in target.result.verdict.per_class}
    rows = [_describe_class(count, confidence, before.get(count.name)) for count in counts]
    # The classes with the lowest recall, in the order of the classes; those without photos are the first to go.
    worst = sorted(
        range(len(rows)), key=lambda index: (rows[index]["recall"] is None, rows[index]["recall"] or 0, index)
    )
    values = {
        "thing": "label" if target.has_labels else "class",
        "method": target.result.method,
        "confidence": confidence,
        "rows": [rows[index] for index in sorted(worst[:_TABLE_CLASSES])],
        "total": len(rows),
        "matrices": [],
        "pairs": [],
    }
    if target.has_labels:
        # Decisions about labels are not exclusive: no label is predicted in place of another one.
        return values | {"names": []}
    matrices = [
        count_confusions(target.truth, decisions, len(run.classes))
        for decisions in (target.reference_decisions, target.decisions)
    ]
    shown = select_confused_classes(matrices, _MATRIX_CLASSES)
    names = [run.classes[index] for index in shown]
    return values | {
        "names": names,
        # Longer names do not fit above a column: the number of the row is there.
        "has_short_names": max(map(len, names)) <= _SHORT_NAME,
        "pairs": _list_pairs(matrices, run.classes),
        "matrices": _list_matrices(matrices, shown, target.result.method),
    }


def count_confusions(truth: NDArray[np.int64], decisions: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count the photos of each class by the predicted class: int64 [true classes, predicted classes]."""
    return np.bincount(truth * classes + decisions, minlength=classes**2).reshape(classes, classes)


def select_confused_classes(matrices: Sequence[NDArray[np.int64]], most: int) -> list[int]:
    """Select the classes with the most mistakes, as their photos and in place of others, in all matrices together.

    Returns:
        At most `most` classes, in their order.
    """
    total = np.sum(matrices, axis=0)
    mistakes = total.sum(axis=0) + total.sum(axis=1) - 2 * np.diag(total)
    return sorted(np.argsort(-mistakes, kind="stable")[:most].tolist())


def _list_matrices(matrices: Sequence[NDArray[np.int64]], shown: list[int], method: str) -> list[dict[str, Any]]:
    reference, artifact = (matrix[np.ix_(shown, shown)] for matrix in matrices)
    return [
        {"title": "Keras", "rows": _shade_counts(reference)},
        {"title": method, "rows": _shade_counts(artifact)},
        {"title": f"{method} minus Keras", "rows": _shade_changes(artifact - reference)},
    ]


def _shade_counts(matrix: NDArray[np.int64]) -> list[list[dict[str, Any]]]:
    """Return the cells of a matrix: text, share of the photos of the class in percent, and kind."""
    totals = np.maximum(matrix.sum(axis=1), 1)
    return [
        [
            {
                "text": str(count) if count else "",
                # The square root shows rare mistakes, too.
                "share": round(55 * (count / totals[row]) ** 0.5),
                "kind": "d" if row == column else "loss" if count else "",
            }
            for column, count in enumerate(counts)
        ]
        for row, counts in enumerate(matrix.tolist())
    ]


def _shade_changes(matrix: NDArray[np.int64]) -> list[list[dict[str, Any]]]:
    """Return the cells of a difference: more right predictions and fewer mistakes are gains."""
    highest = max(1, int(np.abs(matrix).max(initial=0)))
    return [
        [
            {
                "text": f"{change:+d}" if change else "",
                "share": round(60 * (abs(change) / highest) ** 0.5),
                "kind": f"{'d ' if row == column else ''}{_name_change(change, is_right=row == column)}".strip(),
            }
            for column, change in enumerate(changes)
        ]
        for row, changes in enumerate(matrix.tolist())
    ]


def _name_change(change: int, *, is_right: bool) -> str:
    return "" if not change else "gain" if (change > 0) is is_right else "loss"


def _list_pairs(matrices: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> list[dict[str, Any]]:
    """List the most frequent mistakes of the file: the class, what it is taken for, and the counts of both models."""
    reference, artifact = matrices
    wrong = artifact.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    places = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [
        {
            "label": classes[row],
            "predicted": classes[column],
            "photos": int(wrong[row, column]),
            "reference": int(reference[row, column]),
            "total": int(artifact[row].sum()),
        }
        for row, column in places
        if wrong[row, column]
    ]


def _describe_class(count: ClassCount, confidence: float, before: float | None) -> dict[str, Any]:
    return {
        "name": count.name,
        "photos": count.photos,
        "predicted": count.predicted,
        "correct": count.correct,
        "before": before,
        **_measure(count.correct, count.photos, confidence, "recall"),
        **_measure(count.correct, count.predicted, confidence, "precision"),
    }


def _measure(correct: int, photos: int, confidence: float, name: str) -> dict[str, Any]:
    """Return a proportion with its bounds; None where there is nothing to measure."""
    if not photos:
        return {name: None, f"{name}_bounds": None}
    return {name: correct / photos, f"{name}_bounds": compute_wilson_bounds(correct, photos, confidence=confidence)}
