"""What a contract holds, accuracy or balanced accuracy: a verdict → the counts that its drop and bounds follow from."""

from collections.abc import Callable, Sequence

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.balanced.class_counts import BalancedCounts
from edgetl.core.evaluation.balanced.class_design_effect import measure_class_design_effect
from edgetl.core.evaluation.contract import DropCounts, PairCounts, count_decisions
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.verdict_records import Comparison, Measure, Verdict


def count_pairs(verdict: Verdict) -> DropCounts:
    """Return the counts of a verdict, for the measure that its contract holds."""
    return _COUNTS[verdict.measure](verdict)


def count_scores(
    comparison: Comparison,
    measure: Measure,
    labels: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray],
    groups: Sequence[str],
) -> DropCounts:
    """Return the counts of two models for a measure, with the design effect of the groups on it.

    Args:
        comparison: of the scores, by `metrics.compare_scores`.
        measure: what the contract holds.
        labels: int [photos]; for accuracy also int [photos, labels].
        scores: float [photos, classes] of reference and candidate.
        groups: name of the group of each photo; see `metrics.compare_scores`.
    """
    if measure == "accuracy":
        return count_decisions(comparison)
    reference, candidate = (metrics.find_correct(array, labels) for array in scores)
    differences = reference.astype(np.int64) - candidate
    effect = measure_class_design_effect(differences, labels, number_groups(groups)) if any(groups) else 1.0
    present = np.unique(labels)
    broke, fixed, photos = (
        tuple(np.bincount(rows, minlength=len(present)).tolist())
        for rows in (
            np.searchsorted(present, labels[differences > 0]),
            np.searchsorted(present, labels[differences < 0]),
            np.searchsorted(present, labels),
        )
    )
    return BalancedCounts(broke, fixed, photos, effect)


def compare_files(first: Verdict, second: Verdict) -> DropCounts:
    """Return the counts of two files on the same photos: broke are those that only the first predicts correctly.

    A verdict does not contain the groups of its photos. The two files differ where either differs from the reference,
    so the larger design effect is a cautious one for their difference.

    Args:
        first: verdict on the first file.
        second: verdict on the second file, for the same measure.
    """
    lost, won = list_differences(first, second)
    effect = max(first.design_effect, second.design_effect)
    if first.measure == "accuracy":
        return PairCounts(len(lost), len(won), first.decisions, effect)
    names = [change.name for change in first.per_class]
    truth = {flip.path: flip.truth for verdict in (first, second) for flip in verdict.flips}

    def count(photos: set[tuple[str, str]]) -> tuple[int, ...]:
        return tuple(sum(truth[path] == name for path, _ in photos) for name in names)

    return BalancedCounts(count(lost), count(won), tuple(change.photos for change in first.per_class), effect)


def list_differences(first: Verdict, second: Verdict) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """List the photos, or the decisions about labels, that only one of two files predicts correctly.

    Args:
        first: verdict on the first file.
        second: verdict on the second file, on the same photos.

    Returns:
        Path and label of those that only the first predicts correctly, and of those that only the second does. Where a
        photo has one class, the label is "".
    """
    broke, fixed = zip(_list_changes(first), _list_changes(second), strict=True)
    return (broke[1] - broke[0]) | (fixed[0] - fixed[1]), (broke[0] - broke[1]) | (fixed[1] - fixed[0])


def _list_changes(verdict: Verdict) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """List the photos, with their label, that only the reference, and that only the file predicts correctly."""
    broke = {(flip.path, flip.label) for flip in verdict.flips if flip.reference == flip.truth}
    return broke, {(flip.path, flip.label) for flip in verdict.flips if flip.artifact == flip.truth}


def count_classes(verdict: Verdict) -> BalancedCounts:
    """Return the counts of each class of a verdict, for balanced accuracy."""
    return BalancedCounts(
        tuple(change.broke for change in verdict.per_class),
        tuple(change.fixed for change in verdict.per_class),
        tuple(change.photos for change in verdict.per_class),
        verdict.design_effect,
    )


_COUNTS: dict[Measure, Callable[[Verdict], DropCounts]] = {"accuracy": count_decisions, "balanced": count_classes}
