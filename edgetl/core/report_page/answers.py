"""The answers "unsure" and "none of these": coverage against error, and what becomes of photos of other things."""

from typing import Any

import numpy as np

from edgetl.core.evaluation.quality.proportions import compute_share_bounds
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.report.answer_tables import describe_answers
from edgetl.core.report_page.facts import RunFacts, TargetFacts

# A curve of more points looks the same.
_POINTS = 200
# Hundreds of classes must not fill the page.
_NEAR_CLASSES = 20


def collect_answers(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:  # noqa: ARG001  (one form for all)
    """Collect curve, shares and sentences; None where the file has no thresholds."""
    if not target.answers:
        return None
    rule = target.answers[0]
    return {
        "sentences": describe_answers(rule),
        "multi_label": rule.multi_label,
        "curve": [] if rule.multi_label else trace_coverage(target.artifact, target.truth),
        "point": None if rule.multi_label else _find_point(target, rule.selective.threshold),
        "threshold": rule.selective.threshold,
        "limit": rule.selective.error_limit,
        "certified": rule.selective.certified,
        "known": _list_known_curves(rule),
        "known_point": rule.own.known / max(1, rule.own.photos),
        "rows": _list_shares(rule),
        "near_left_out": max(0, len(rule.near) - _NEAR_CLASSES),
    }


def trace_coverage(scores: np.ndarray, truth: np.ndarray) -> list[tuple[float, float]]:
    """Trace how many predictions are wrong if only the most confident ones count.

    Args:
        scores: float [photos, classes].
        truth: int64 [photos].

    Returns:
        Share of the photos that get an answer, and the share of these answers that is wrong, from few answers to all;
        at most 200 points. Photos of equal confidence are answered together.

    Source: El-Yaniv and Wiener (2010), On the foundations of noise-free selective classification, JMLR 11:1605-1641,
    the risk-coverage curve.
    """
    confidence, wrong = scores.max(axis=1), scores.argmax(axis=1) != truth
    order = np.argsort(-confidence, kind="stable")
    errors, values = np.cumsum(wrong[order]), confidence[order]
    ends = np.append(np.flatnonzero(values[:-1] != values[1:]), len(values) - 1)
    if len(ends) > _POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _POINTS).round().astype(int)]
    return [((end + 1) / len(values), errors[end] / (end + 1)) for end in ends.tolist()]


def _find_point(target: TargetFacts, threshold: float) -> tuple[float, float] | None:
    """Return coverage and error at the threshold; None where no photo is answered."""
    confidence = target.artifact.max(axis=1)
    answered = confidence >= threshold
    if not answered.any():
        return None
    wrong = target.artifact.argmax(axis=1) != target.truth
    return float(answered.mean()), float(wrong[answered].mean())


def _list_known_curves(rule: AnswerRule) -> list[dict[str, Any]]:
    """List a curve for each group of photos of other things: shares of own and of other photos that are known."""
    groups = [(row.title, row.known / max(1, row.photos)) for row in (*rule.far, *rule.foreign) if row.photos]
    return [
        {"title": title, "point": known, "curve": [(point.own, point.others[index]) for point in rule.known_curve]}
        for index, (title, known) in enumerate(groups)
        if rule.known_curve
    ]


def _list_shares(rule: AnswerRule) -> list[dict[str, Any]]:
    """List what becomes of the photos of the user's classes, and of those of other things, in percent."""
    own = rule.own
    groups = [("your classes, the test photos", own.photos, own.known, own.answered)]
    groups += [(row.title, row.photos, row.known, row.answered) for row in (*rule.foreign, *rule.far)]
    groups += [
        (f"{row.title}, if not trained", row.photos, row.known, row.answered) for row in rule.near[:_NEAR_CLASSES]
    ]
    rows = []
    for title, photos, known, answered in groups:
        low, high = compute_share_bounds(answered, photos)
        total = max(1, photos)
        rows.append(
            {
                "title": title,
                "photos": photos,
                "label": 100 * answered / total,
                "unsure": 100 * (known - answered) / total,
                "none": 100 * (photos - known) / total,
                "bounds": f"{low * 100:.1f} … {high * 100:.1f}",
            }
        )
    return rows
