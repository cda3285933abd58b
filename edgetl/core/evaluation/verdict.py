"""The verdict on an artifact: its answers and the reference's to the same photos go in, a Verdict comes out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.contract import decide_outcome
from edgetl.core.records import ClassChange, Flip, LedgerHop, Photo, Verdict


# Compared by identity, because arrays have no truth value that a generated __eq__ could use.
@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredPhotos:
    """What reference and artifact said about each photo of one part.

    `reference` and `artifact` are float [photos, classes], probabilities in the order of `photos` and `classes`.
    `host_ms` is the artifact's time for one photo on the machine that verified it.
    """

    method: str
    artifact_sha256: str
    part: str
    photos: tuple[Photo, ...]
    classes: tuple[str, ...]
    reference: np.ndarray
    artifact: np.ndarray
    host_ms: float


def judge_scores(
    answers: ScoredPhotos, limit_drop: float, confidence: float, hops: tuple[LedgerHop, ...] = ()
) -> Verdict:
    """What conversion cost, class by class and photo by photo, and whether that keeps the contract.

    Args:
        answers: the reference's and the artifact's, to the same photos.
        limit_drop: the largest drop of accuracy allowed, 0..1.
        confidence: of each one-sided bound of the drop.
        hops: the ledger that led to the artifact, kept as it is.

    Raises:
        ValueError: no photos, shapes that do not fit, scores that are not probabilities, or a figure out of range.
    """
    if answers.reference.shape != (len(answers.photos), len(answers.classes)):
        expected = [len(answers.photos), len(answers.classes)]
        raise ValueError(f"reference scores are {list(answers.reference.shape)}, not {expected}")
    labels = np.array([photo.label for photo in answers.photos], dtype=np.int64)
    comparison = metrics.compare_scores(labels, answers.reference, answers.artifact)
    decision = decide_outcome(comparison.broke, comparison.fixed, comparison.photos, limit_drop, confidence=confidence)
    per_class = _per_class(answers, labels)
    return Verdict(
        method=answers.method,
        artifact_sha256=answers.artifact_sha256,
        part=answers.part,
        photos=comparison.photos,
        reference_accuracy=comparison.reference_accuracy,
        accuracy=comparison.accuracy,
        broke=comparison.broke,
        fixed=comparison.fixed,
        drop=decision.drop,
        drop_low=decision.low,
        drop_high=decision.high,
        confidence=confidence,
        limit_drop=limit_drop,
        outcome=decision.outcome,
        photos_needed=decision.photos_needed,
        agreement=comparison.agreement,
        reference_calibration_error=metrics.compute_calibration_error(answers.reference, labels),
        calibration_error=metrics.compute_calibration_error(answers.artifact, labels),
        per_class=per_class,
        worst_class=_worst(per_class),
        flips=_flips(answers),
        hops=hops,
        host_ms=answers.host_ms,
    )


def build_ledger(labels: np.ndarray, steps: Sequence[tuple[str, np.ndarray]]) -> tuple[LedgerHop, ...]:
    """Where on the way the answers changed: every step against the one before, the first against itself.

    Args:
        labels: int [photos], 0..classes-1.
        steps: name and scores, float [photos, classes], of the model after each step, in order.

    Raises:
        ValueError: as for `metrics.compare`.
    """
    hops = []
    for position, (name, scores) in enumerate(steps):
        before = steps[max(0, position - 1)][1]
        change = metrics.compare_scores(labels, before, scores)
        hops.append(
            LedgerHop(
                name=name,
                photos=change.photos,
                accuracy=change.accuracy,
                broke=change.broke,
                fixed=change.fixed,
                agreement=change.agreement,
                worst_difference=change.worst_difference,
            )
        )
    return tuple(hops)


def _per_class(answers: ScoredPhotos, labels: np.ndarray) -> tuple[ClassChange, ...]:
    """Every class that has photos, in the order of the classes; of the others nothing can be said."""
    photos = np.bincount(labels, minlength=len(answers.classes))
    before = metrics.compute_class_accuracy(answers.reference, labels)
    after = metrics.compute_class_accuracy(answers.artifact, labels)
    return tuple(
        ClassChange(
            name=name,
            photos=int(photos[index]),
            reference_accuracy=float(before[index]),
            accuracy=float(after[index]),
        )
        for index, name in enumerate(answers.classes)
        if photos[index]
    )


def _worst(per_class: tuple[ClassChange, ...]) -> str:
    def loss(change: ClassChange) -> float:
        # Back to whole photos first: 0.9 - 0.8 and 0.8 - 0.7 are the same loss and different floats.
        net = round((change.reference_accuracy - change.accuracy) * change.photos)
        return net / change.photos

    return min(per_class, key=lambda change: (-loss(change), change.name)).name


def _flips(answers: ScoredPhotos) -> tuple[Flip, ...]:
    """Every photo on which the two disagree, the artifact's most confident first, then by path."""
    reference, artifact = metrics.top1(answers.reference), metrics.top1(answers.artifact)
    found = [
        Flip(
            path=answers.photos[row].path,
            truth=answers.classes[answers.photos[row].label],
            reference=answers.classes[reference[row]],
            artifact=answers.classes[artifact[row]],
            confidence=float(answers.artifact[row, artifact[row]]),
        )
        for row in metrics.count_flips(answers.reference, answers.artifact)
    ]
    return tuple(sorted(found, key=lambda flip: (-flip.confidence, flip.path)))
