"""Counts of decisions about labels → how good a model is, and warnings about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.core.evaluation.quality.class_warnings import (
    FEWEST_CLASS_PHOTOS,
    ClassCount,
    QualityWarning,
    list_names,
)
from edgetl.core.evaluation.quality.model_quality import (
    LabelQuality,
    ModelQuality,
    Tally,
    assess_class,
    check_photos,
    compare_parts,
)
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What counts of labels do not contain.

    Attributes:
        photos: number of photos.
        thresholds: of the labels.
        tally: independent decisions, and right ones among them, that determine the accuracy as well as all decisions.
        balanced_accuracy: the mean over labels of their balanced accuracy.
    """

    photos: int
    thresholds: tuple[float, ...]
    tally: Tally
    balanced_accuracy: float


def assess_labels(
    counts: Sequence[ClassCount],
    facts: LabelFacts,
    *,
    part: str,
    confidence: float,
    validation: LabelFacts | None = None,
) -> ModelQuality:
    """Assess a model of several labels by its decisions about the photos of one part.

    Args:
        counts: for each label, the photos that have it, those of them with this decision, and all with this decision.
        facts: of these photos.
        part: name of the part.
        confidence: of each one-sided bound, between 0.5 and 1, both excluded.
        validation: of the validation photos; None if they are unknown.

    Raises:
        ValueError: no photos, or a confidence out of range.
    """
    photos, decisions = facts.photos, facts.photos * len(counts)
    right = sum(photos - count.photos - count.predicted + 2 * count.correct for count in counts)
    low, high = compute_wilson_bounds(facts.tally.correct, facts.tally.photos, confidence=confidence)
    labels = tuple(
        _assess_label(count, photos, threshold, confidence)
        for count, threshold in zip(counts, facts.thresholds, strict=True)
    )
    quality = ModelQuality(
        part=part,
        photos=photos,
        accuracy=right / decisions,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=facts.balanced_accuracy,
        # The decisions about one photo are not independent, so bounds for independent photos would be too narrow.
        balanced_accuracy_low=None,
        balanced_accuracy_high=None,
        confidence=confidence,
        majority_class="",
        majority_accuracy=sum(max(count.photos, photos - count.photos) for count in counts) / decisions,
        chance_accuracy=0.5,
        validation_photos=validation.photos if validation else 0,
        validation_accuracy=validation.tally.accuracy if validation else None,
        validation_balanced_accuracy=validation.balanced_accuracy if validation else None,
        per_class=tuple(assess_class(count, confidence) for count in counts),
        warnings=(),
        labels=labels,
    )
    warnings = [*_check_majority(quality), *warn_about_labels(counts, part), *check_photos(part, Tally(0, photos))]
    if validation is not None:
        warnings += [*check_photos("validation", Tally(0, validation.photos)), *_compare_parts(part, facts, validation)]
    return quality.model_copy(update={"warnings": tuple(warnings)})


def _compare_parts(part: str, facts: LabelFacts, validation: LabelFacts) -> list[QualityWarning]:
    """Warn of parts that differ, in words for decisions about labels."""
    message = (
        f"{validation.tally.accuracy:.4f} of the decisions about validation photos are right, and "
        f"{facts.tally.accuracy:.4f} of those about {part} photos: more than chance explains"
    )
    warnings = compare_parts(part, facts.tally, validation.tally)
    return [warning.model_copy(update={"message": message}) for warning in warnings]


def _assess_label(count: ClassCount, photos: int, threshold: float, confidence: float) -> LabelQuality:
    absent = photos - count.photos
    quality = assess_class(count, confidence)
    balanced = None
    if count.photos and absent:
        balanced = (count.correct / count.photos + (absent - count.predicted + count.correct) / absent) / 2
    return LabelQuality(
        **dict(quality),
        threshold=threshold,
        precision=count.correct / count.predicted if count.predicted else None,
        balanced_accuracy=balanced,
    )


def _check_majority(quality: ModelQuality) -> list[QualityWarning]:
    if quality.accuracy_low > quality.majority_accuracy:
        return []
    return [
        QualityWarning(
            kind="majority",
            message=f"{quality.accuracy:.4f} of the decisions about labels are right (lower bound "
            f"{quality.accuracy_low:.4f}), not certainly more than with each label decided as it is on most photos, "
            f"{quality.majority_accuracy:.4f}",
            hint="look at precision and recall of the labels: rare labels may be found all the same; then add photos, "
            "train longer, or take another network",
        )
    ]


def warn_about_labels(counts: Sequence[ClassCount], part: str) -> list[QualityWarning]:
    """Warn about labels that are found on no photo, never correctly, or that fewer than five photos have.

    Args:
        counts: see `assess_labels`.
        part: name of the part.
    """
    never_predicted = [count.name for count in counts if count.photos and not count.predicted]
    never_correct = [count.name for count in counts if count.photos and count.predicted and not count.correct]
    few = sorted((count for count in counts if count.photos < FEWEST_CLASS_PHOTOS), key=lambda count: count.photos)
    few_photos = [f"{count.name} ({count.photos})" for count in few]
    too_few = f"on fewer than {FEWEST_CLASS_PHOTOS} {part} photos"
    rows: list[tuple[str, list[str], str, str]] = [
        ("never_predicted", never_predicted, "found on no photo", "add photos with these labels, or train longer"),
        ("never_correct", never_correct, "found, and never correctly", "look whether these labels are right"),
        ("few_class_photos", few_photos, too_few, "little is known about their recall: add photos with these labels"),
    ]
    return [
        QualityWarning.model_validate(
            {
                "kind": kind,
                "message": f"{len(names)} of {len(counts)} labels {'is' if len(names) == 1 else 'are'} {problem}: "
                f"{list_names(names)}",
                "hint": hint,
            }
        )
        for kind, names, problem, hint in rows
        if names
    ]
