"""The verdict on an artifact: scores of reference and artifact for the same photos in, a Verdict out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.core.errors import DataError
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.balanced.measures import count_scores
from edgetl.core.evaluation.contract import decide_outcome
from edgetl.core.evaluation.quality.class_warnings import ClassCount, warn_about_classes
from edgetl.core.evaluation.quality.model_quality import ModelQuality, Tally, assess_quality
from edgetl.core.records import Photo
from edgetl.core.verdict_records import ClassChange, Flip, LedgerHop, Measure, Verdict


# Compared by identity: arrays have no truth value that a generated __eq__ could use.
@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredPhotos:
    """Scores of reference and artifact for each photo of one part.

    Attributes:
        method: conversion method of the artifact.
        artifact_sha256: hash of the artifact.
        part: name of the part.
        photos: the photos.
        classes: class names.
        reference: float [photos, classes], probabilities in the order of `photos` and `classes`.
        artifact: float [photos, classes], likewise.
        host_ms: latency of the artifact for one photo on this host.
        host_disturbed: whether other processes disturbed its measurement.
    """

    method: str
    artifact_sha256: str
    part: str
    photos: tuple[Photo, ...]
    classes: tuple[str, ...]
    reference: np.ndarray
    artifact: np.ndarray
    host_ms: float
    host_disturbed: bool


def judge_scores(
    scores: ScoredPhotos,
    limit_drop: float,
    confidence: float,
    hops: tuple[LedgerHop, ...] = (),
    measure: Measure = "accuracy",
) -> Verdict:
    """Measure the cost of conversion for each class and photo, and decide whether it satisfies the contract.

    Args:
        scores: of reference and artifact.
        limit_drop: the largest allowed drop, 0..1.
        confidence: of each one-sided bound of the drop.
        hops: the ledger from the reference to the artifact; stored in the verdict.
        measure: what may drop, accuracy or balanced accuracy.

    Raises:
        DataError: balanced accuracy, and a class without photos.
        ValueError: no photos, shapes that do not match, scores that are not probabilities, or an argument out of range.
    """
    if scores.reference.shape != (len(scores.photos), len(scores.classes)):
        expected = [len(scores.photos), len(scores.classes)]
        raise ValueError(f"reference scores are {list(scores.reference.shape)}, not {expected}")
    labels = np.array([photo.label for photo in scores.photos], dtype=np.int64)
    groups = [photo.group for photo in scores.photos]
    comparison = metrics.compare_scores(labels, scores.reference, scores.artifact, groups)
    class_counts = _count_classes(scores, labels)
    if measure == "balanced":
        check_judged([count.name for count in class_counts if not count.photos], scores.part)
    counts = count_scores(comparison, measure, labels, (scores.reference, scores.artifact), groups)
    decision = decide_outcome(counts, limit_drop, confidence=confidence)
    per_class = _compare_classes(scores, labels)
    return Verdict(
        **dict(comparison.model_copy(update={"design_effect": counts.design_effect})),
        measure=measure,
        warnings=tuple(warn_about_classes(class_counts, scores.part)),
        method=scores.method,
        artifact_sha256=scores.artifact_sha256,
        part=scores.part,
        drop=decision.drop,
        drop_low=decision.low,
        drop_high=decision.high,
        confidence=confidence,
        limit_drop=limit_drop,
        outcome=decision.outcome,
        photos_needed=decision.photos_needed,
        reference_calibration_error=metrics.compute_calibration_error(scores.reference, labels),
        calibration_error=metrics.compute_calibration_error(scores.artifact, labels),
        per_class=per_class,
        worst_class=_find_worst(per_class),
        flips=_list_flips(scores),
        hops=hops,
        host_ms=scores.host_ms,
        host_disturbed=scores.host_disturbed,
        counts=class_counts,
    )


def check_judged(missing: Sequence[str], part: str) -> None:
    """Check that every class has photos, so that it has a recall.

    Args:
        missing: names of the classes without photos.
        part: name of the part.

    Raises:
        DataError: some have none.
    """
    if missing:
        raise DataError(
            f"--contract balanced needs {part} photos of every class, and there are none of {', '.join(missing)}",
            hint="add photos to these classes, remove their folders, or leave out --contract balanced",
        )


def assess_verdict(verdict: Verdict, validation: Verdict | None = None) -> ModelQuality:
    """Assess how good the model of a verdict is.

    Args:
        verdict: on the test photos.
        validation: the verdict on the same file and the validation photos.

    Raises:
        ValueError: the verdict has no counts of classes.
    """
    return assess_quality(
        verdict.counts,
        part=verdict.part,
        confidence=verdict.confidence,
        validation=tally_verdict(validation) if validation else None,
        validation_balanced_accuracy=validation.balanced_accuracy if validation else None,
    )


def tally_verdict(verdict: Verdict) -> Tally:
    """Count the photos that the artifact of a verdict predicts correctly."""
    return Tally(round(verdict.accuracy * verdict.photos), verdict.photos)


def build_ledger(labels: np.ndarray, steps: Sequence[tuple[str, np.ndarray]]) -> tuple[LedgerHop, ...]:
    """Compare each step from the Keras model to the artifact with the step before, and the first with itself.

    Args:
        labels: int [photos], 0..classes-1.
        steps: name and scores, float [photos, classes], of the model after each step, in order.

    Raises:
        ValueError: see `metrics.compare_scores`.
    """
    # The first step is compared with itself: the hop shows its accuracy.
    before = [steps[max(0, position - 1)][1] for position in range(len(steps))]
    return tuple(
        LedgerHop(name=name, **dict(metrics.compare_scores(labels, previous, scores)))
        for (name, scores), previous in zip(steps, before, strict=True)
    )


def _compare_classes(scores: ScoredPhotos, labels: np.ndarray) -> tuple[ClassChange, ...]:
    """Compare the accuracy on every class that has photos, in the order of the classes."""
    photos = np.bincount(labels, minlength=len(scores.classes))
    before = metrics.compute_class_accuracy(scores.reference, labels)
    after = metrics.compute_class_accuracy(scores.artifact, labels)
    reference, artifact = (metrics.find_correct(array, labels) for array in (scores.reference, scores.artifact))
    broke = np.bincount(labels[reference & ~artifact], minlength=len(scores.classes))
    fixed = np.bincount(labels[artifact & ~reference], minlength=len(scores.classes))
    return tuple(
        ClassChange(
            name=name,
            photos=int(photos[index]),
            reference_accuracy=float(before[index]),
            accuracy=float(after[index]),
            broke=int(broke[index]),
            fixed=int(fixed[index]),
        )
        for index, name in enumerate(scores.classes)
        if photos[index]
    )


def _count_classes(scores: ScoredPhotos, labels: np.ndarray) -> tuple[ClassCount, ...]:
    """Count photos and predictions of every class, in the order of the classes."""
    predictions = metrics.predict_classes(scores.artifact)
    counts = [
        np.bincount(rows, minlength=len(scores.classes)).tolist()
        for rows in (labels, labels[predictions == labels], predictions)
    ]
    return tuple(
        ClassCount(name=name, photos=photos, correct=correct, predicted=predicted)
        for name, photos, correct, predicted in zip(scores.classes, *counts, strict=True)
    )


def _find_worst(per_class: tuple[ClassChange, ...]) -> str:
    """Find the class with the largest loss of accuracy; of equal ones the first by name."""

    def compute_loss(change: ClassChange) -> float:
        # Rounded to whole photos: 0.9 - 0.8 and 0.8 - 0.7 are the same loss and different floats.
        photos_lost = round((change.reference_accuracy - change.accuracy) * change.photos)
        return photos_lost / change.photos

    return min(per_class, key=lambda change: (-compute_loss(change), change.name)).name


def _list_flips(scores: ScoredPhotos) -> tuple[Flip, ...]:
    """List every photo with two different predictions, sorted by the artifact's confidence, then by path."""
    reference, artifact = metrics.predict_classes(scores.reference), metrics.predict_classes(scores.artifact)
    flips = [
        Flip(
            path=scores.photos[row].path,
            truth=scores.classes[scores.photos[row].label],
            reference=scores.classes[reference[row]],
            artifact=scores.classes[artifact[row]],
            confidence=float(scores.artifact[row, artifact[row]]),
        )
        for row in metrics.find_flips(scores.reference, scores.artifact)
    ]
    return tuple(sorted(flips, key=lambda flip: (-flip.confidence, flip.path)))
