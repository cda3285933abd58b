"""Scores of Keras and of a file for corrupted photos → the drop with its interval, sentences and a table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.contract import count_decisions
from edgetl.core.robustness.corruptions import CORRUPTIONS, SEVERITIES
from edgetl.core.robustness.records import CLEAN, CorruptionResult, Robustness
from edgetl.core.tasks.task import PhotoTask

COLUMNS = ("photos", "severity", "Keras", "file", "points", "interval")


class JudgedPhotos(NamedTuple):
    """What does not change with a corruption: labels, groups and task of the photos, and the confidence of a bound."""

    labels: np.ndarray
    groups: Sequence[str]
    task: PhotoTask
    confidence: float


def judge_corruption(
    photos: JudgedPhotos, scores: tuple[np.ndarray, np.ndarray], place: tuple[int, int] | None
) -> CorruptionResult:
    """Compare the accuracy of Keras and of a file on the same photos.

    The interval is that of a verdict: see `contract.compute_tango_interval`.

    Args:
        photos: the photos.
        scores: of Keras and of the file, float [photos, classes].
        place: positions of the corruption and of its strength in `CORRUPTIONS`; None for the photos as they are.

    Raises:
        ValueError: see `metrics.compare_scores`.
    """
    comparison = metrics.compare_scores(photos.labels, *scores, photos.groups, photos.task)
    counts = count_decisions(comparison)
    low, high = counts.compute_bounds(photos.confidence)
    name, phrase, severity, strength = CLEAN, "as they are", 0, 0.0
    if place is not None:
        corruption, level = CORRUPTIONS[place[0]], place[1]
        name, phrase = corruption.name, corruption.phrase
        severity, strength = SEVERITIES[level], corruption.strengths[level]
    return CorruptionResult(
        name=name,
        phrase=phrase,
        severity=severity,
        strength=strength,
        comparison=comparison,
        drop=counts.drop,
        drop_low=low,
        drop_high=high,
    )


def describe_robustness(robustness: Robustness) -> list[str]:
    """Say what the conversion costs in daylight and where it costs most, in sentences."""
    clean, worst = robustness.clean, robustness.worst
    lines = [f"the {robustness.method} file costs {_show_points(clean)} on photos as they are"]
    if worst.drop > clean.drop:
        lines[0] += f", and most, {_show_points(worst)}, {worst.phrase} (severity {worst.severity})"
    else:
        lines[0] += ", and no more on corrupted ones"
    weakest = min(robustness.results[1:], key=lambda result: result.comparison.reference_accuracy)
    before, after = (result.comparison.reference_accuracy for result in (clean, weakest))
    what = "decisions about labels" if clean.comparison.labels else "predictions"
    lines.append(
        f"{before:.1%} of the {what} of Keras itself are correct, and {after:.1%} {weakest.phrase} "
        f"(severity {weakest.severity}): train with such photos if the device will see them"
    )
    lines.append(
        f"of {len(robustness.results) - 1} corruptions, the largest difference is likely to be smaller on new photos: "
        "compare the intervals"
    )
    return lines


def tabulate_robustness(robustness: Robustness) -> tuple[str, list[str], list[list[str]]]:
    """Tabulate the accuracy of both for each corruption: title, columns, rows of cells."""
    title = (
        f"accuracy of Keras and of {robustness.method} in %, on {robustness.photos} validation photos; file minus Keras"
    )
    rows = [
        [
            result.name,
            str(result.severity) if result.severity else "",
            f"{100 * result.comparison.reference_accuracy:.1f}",
            f"{100 * result.comparison.accuracy:.1f}",
            f"{to_points(-result.drop):+.1f}",
            f"{to_points(-result.drop_high):+.1f} … {to_points(-result.drop_low):+.1f}",
        ]
        for result in robustness.results
    ]
    return title, list(COLUMNS), rows


def to_points(difference: float) -> float:
    """Convert a difference of fractions to points with one decimal, without a negative zero."""
    return round(100 * difference, 1) + 0.0


def _show_points(result: CorruptionResult) -> str:
    return f"{to_points(result.drop)} points ({to_points(result.drop_low)} … {to_points(result.drop_high)})"
