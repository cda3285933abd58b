"""The verdict on an artifact: scores of reference and artifact for the same photos in, a Verdict out."""

from collections.abc import Sequence

import numpy as np

from edgetl.core.errors import DataError
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.balanced.measures import count_scores
from edgetl.core.evaluation.contract import count_photos, decide_outcome
from edgetl.core.evaluation.details.class_details import ClassDetails
from edgetl.core.evaluation.details.label_details import LabelDetails
from edgetl.core.evaluation.details.scored_photos import ScoredPhotos
from edgetl.core.evaluation.quality.label_quality import LabelFacts, assess_labels
from edgetl.core.evaluation.quality.model_quality import ModelQuality, Tally, assess_quality
from edgetl.core.rejection.reliability import Reliability, compute_reliability_gap
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import PhotoTask
from edgetl.core.verdict_records import ClassChange, LedgerHop, Measure, Verdict

# Title in `Verdict.reliability`.
WITHOUT_TEMPERATURE = "reference without temperature"


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
    labels, task = list_labels(scores.photos), scores.task
    groups = [photo.group for photo in scores.photos]
    comparison = metrics.compare_scores(labels, scores.reference, scores.artifact, groups, task)
    details = LabelDetails(scores, labels) if task.thresholds else ClassDetails(scores, labels)
    class_counts = details.count()
    if measure == "balanced":
        # The recipe does not allow it: the decisions about one photo are not independent.
        if task.thresholds:
            raise ValueError("a contract on balanced accuracy is for photos with one class")
        check_judged([count.name for count in class_counts if not count.photos], scores.part)
    counts = count_scores(comparison, measure, labels, (scores.reference, scores.artifact), groups)
    decision = decide_outcome(counts, limit_drop, confidence=confidence)
    per_class = details.compare()
    return Verdict(
        **dict(comparison.model_copy(update={"design_effect": counts.design_effect})),
        measure=measure,
        warnings=tuple(details.warn()),
        method=scores.method,
        artifact_sha256=scores.artifact_sha256,
        part=scores.part,
        drop=decision.drop,
        drop_low=decision.low,
        drop_high=decision.high,
        confidence=confidence,
        limit_drop=limit_drop,
        outcome=decision.outcome,
        photos_needed=count_photos(decision.photos_needed, comparison),
        reference_calibration_error=metrics.compute_calibration_error(scores.reference, labels),
        calibration_error=metrics.compute_calibration_error(scores.artifact, labels),
        per_class=per_class,
        worst_class=_find_worst(per_class),
        flips=details.list_flips(),
        hops=hops,
        host_ms=scores.host_ms,
        host_disturbed=scores.host_disturbed,
        counts=class_counts,
        thresholds=task.thresholds,
        accuracy_design_effect=details.measure_design_effect(groups),
        temperature=scores.temperature,
        reliability=_tabulate_models(scores, labels),
    )


def _tabulate_models(scores: ScoredPhotos, labels: np.ndarray) -> tuple[Reliability, ...]:
    """Tabulate how often the answers of reference and artifact are right."""
    tables = {
        "reference": metrics.tabulate_scores(scores.reference, labels),
        "artifact": metrics.tabulate_scores(scores.artifact, labels),
    }
    if scores.temperature != 1:
        without = metrics.tabulate_scores(scores.reference, labels, temperature=scores.temperature)
        tables = {WITHOUT_TEMPERATURE: without, **tables}
    return tuple(
        Reliability(title=title, calibration_error=compute_reliability_gap(table), bins=table)
        for title, table in tables.items()
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
    if verdict.labels:
        return assess_labels(
            verdict.counts,
            _describe_labels(verdict),
            part=verdict.part,
            confidence=verdict.confidence,
            validation=_describe_labels(validation) if validation else None,
        )
    return assess_quality(
        verdict.counts,
        part=verdict.part,
        confidence=verdict.confidence,
        validation=tally_verdict(validation) if validation else None,
        validation_balanced_accuracy=validation.balanced_accuracy if validation else None,
    )


def tally_verdict(verdict: Verdict) -> Tally:
    """Count the photos that the artifact of a verdict predicts correctly.

    Of decisions about labels, it is the number of independent ones that would determine the accuracy as well.
    """
    if not verdict.labels:
        return Tally(round(verdict.accuracy * verdict.photos), verdict.photos)
    decisions = max(1.0, verdict.decisions / verdict.accuracy_design_effect)
    return Tally(verdict.accuracy * decisions, decisions)


def _describe_labels(verdict: Verdict) -> LabelFacts:
    return LabelFacts(verdict.photos, verdict.thresholds, tally_verdict(verdict), verdict.balanced_accuracy)


def build_ledger(
    labels: np.ndarray, steps: Sequence[tuple[str, np.ndarray]], task: PhotoTask = metrics.ONE_CLASS
) -> tuple[LedgerHop, ...]:
    """Compare each step from the Keras model to the artifact with the step before, and the first with itself.

    Args:
        labels: int [photos], 0..classes-1; or int [photos, labels] of 0 and 1.
        steps: name and scores, float [photos, classes], of the model after each step, in order. The scores may be of
            fewer photos, drawn with `metrics.sample_evenly`; then both steps of a hop are compared on those.
        task: what is decided about a photo.

    Raises:
        ValueError: see `metrics.compare_scores`; or two steps of a hop have different photos.
    """
    hops = []
    # The first step is compared with itself: the hop shows its accuracy.
    for (name, scores), (_, before) in zip(steps, [*steps[:1], *steps[:-1]], strict=True):
        rows = metrics.sample_evenly(len(labels), min(len(scores), len(before)))
        reference, candidate = (part[rows] if len(part) == len(labels) else part for part in (before, scores))
        hops.append(LedgerHop(name=name, **dict(metrics.compare_scores(labels[rows], reference, candidate, task=task))))
    return tuple(hops)


def _find_worst(per_class: tuple[ClassChange, ...]) -> str:
    """Find the class with the largest loss of accuracy; of equal ones the first by name."""

    def compute_loss(change: ClassChange) -> float:
        # Rounded to whole photos: 0.9 - 0.8 and 0.8 - 0.7 are the same loss and different floats.
        photos_lost = round((change.reference_accuracy - change.accuracy) * change.photos)
        return photos_lost / change.photos

    return min(per_class, key=lambda change: (-compute_loss(change), change.name)).name
