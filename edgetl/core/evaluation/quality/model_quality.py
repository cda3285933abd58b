"""Counts of predictions by class → how good a model is, and warnings about it.

The accuracy contract judges the conversion only. A model that is no good satisfies it as well as any other.
"""

from collections.abc import Sequence
from typing import NamedTuple

from edgetl.core.evaluation.balanced.mean_bounds import compute_mean_recall_bounds
from edgetl.core.evaluation.quality.class_warnings import ClassCount, QualityWarning, warn_about_classes
from edgetl.core.evaluation.quality.proportions import compute_difference_probability, compute_wilson_bounds
from edgetl.core.record import Record

# With fewer photos, a one-sided 95 % bound of an accuracy can be more than 8 points away from it.
FEWEST_JUDGED_PHOTOS = 100
# One build in twenty warns of parts that differ, although its validation and test photos are alike.
_DIFFERENCE_LEVEL = 0.05


class ClassQuality(ClassCount):
    """Recall on one class with its one-sided bounds. A class without photos has no recall: None, between 0 and 1."""

    recall: float | None
    recall_low: float
    recall_high: float


class LabelQuality(ClassQuality):
    """Recall on photos with a label, and what else distinguishes a label from a class.

    `precision` is the fraction of the photos with this decision that have the label, None if there are none.
    `balanced_accuracy` is the mean of recall and of the right decisions on photos without the label, None if all photos
    have it, or none has.
    """

    threshold: float
    precision: float | None
    balanced_accuracy: float | None


class ModelQuality(Record):
    """How good a model is on one part of the photos. All bounds are one-sided at `confidence`.

    `majority_class` has the most photos: always predicting it has the accuracy `majority_accuracy`. Guessing has the
    accuracy `chance_accuracy`. `balanced_accuracy` is the mean of the recalls of all classes with photos: of a model
    that always predicts one class it is that of guessing. `validation_accuracy` and `validation_balanced_accuracy` are
    those of the same file, None if they are unknown.

    Where photos may have several labels, accuracies are fractions of right decisions about labels, `majority_class` is
    "", and always deciding each label as it is on most photos has `majority_accuracy`. `balanced_accuracy` is the mean
    over the labels of theirs, without bounds: None. `labels` has a row for each.
    """

    part: str
    photos: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    balanced_accuracy_low: float | None
    balanced_accuracy_high: float | None
    confidence: float
    majority_class: str
    majority_accuracy: float
    chance_accuracy: float
    validation_photos: int
    validation_accuracy: float | None
    validation_balanced_accuracy: float | None
    per_class: tuple[ClassQuality, ...]
    warnings: tuple[QualityWarning, ...]
    labels: tuple[LabelQuality, ...] = ()


class Tally(NamedTuple):
    """Photos that are predicted correctly, and all photos.

    Decisions about the labels of photos are not independent. `photos` is then the number of independent ones that would
    determine the accuracy as well.
    """

    correct: float
    photos: float

    @property
    def accuracy(self) -> float:
        """The fraction of correct predictions, 0..1."""
        return self.correct / self.photos


def assess_quality(
    counts: Sequence[ClassCount],
    *,
    part: str,
    confidence: float,
    validation: Tally | None = None,
    validation_balanced_accuracy: float | None = None,
) -> ModelQuality:
    """Assess a model by its predictions for the photos of one part.

    Args:
        counts: one for every class of the model, also for those without photos.
        part: name of the part.
        confidence: of each one-sided bound, between 0.5 and 1, both excluded.
        validation: predictions of the same model for the validation photos; None if they are unknown.
        validation_balanced_accuracy: of the same predictions.

    Raises:
        ValueError: no photos, or a confidence out of range.
    """
    tally = Tally(sum(count.correct for count in counts), sum(count.photos for count in counts))
    low, high = compute_wilson_bounds(tally.correct, tally.photos, confidence=confidence)
    majority = max(counts, key=lambda count: count.photos)
    balanced_accuracy, balanced_low, balanced_high = _average_recalls(counts, confidence)
    quality = ModelQuality(
        part=part,
        photos=round(tally.photos),
        accuracy=tally.accuracy,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=balanced_accuracy,
        balanced_accuracy_low=balanced_low,
        balanced_accuracy_high=balanced_high,
        confidence=confidence,
        majority_class=majority.name,
        majority_accuracy=majority.photos / tally.photos,
        chance_accuracy=1 / len(counts),
        validation_photos=round(validation.photos) if validation else 0,
        validation_accuracy=validation.accuracy if validation else None,
        validation_balanced_accuracy=validation_balanced_accuracy,
        per_class=tuple(assess_class(count, confidence) for count in counts),
        warnings=(),
    )
    warnings = [*_check_majority(quality), *warn_about_classes(counts, part), *check_photos(part, tally)]
    if validation is not None:
        warnings += [*check_photos("validation", validation), *compare_parts(part, tally, validation)]
    return quality.model_copy(update={"warnings": tuple(warnings)})


def select_worst_classes(quality: ModelQuality, most: int) -> tuple[ClassQuality, ...]:
    """Select the classes with the lowest recall, lowest first; of equal ones, the one that is known best."""
    judged = [row for row in quality.per_class if row.recall is not None]
    return tuple(sorted(judged, key=lambda row: (row.recall, row.recall_high, row.name))[:most])


def explain_low_accuracy(
    accuracy: Tally, min_accuracy: float, confidence: float, *, strict: bool, title: str = ""
) -> str:
    """Describe how an accuracy fails to reach the required one; "" if it reaches it.

    Args:
        accuracy: predictions for the test photos.
        min_accuracy: the required accuracy, 0..1.
        confidence: of the one-sided bound.
        strict: whether the lower bound must reach it, and not the observed accuracy only.
        title: describes what the accuracy is of; "" for photos.
    """
    title = title or f"{accuracy.photos:g} photos"
    if accuracy.accuracy < min_accuracy:
        return f"the accuracy {accuracy.accuracy:.4f} on {title} is below --min-accuracy {min_accuracy:g}"
    low, _ = compute_wilson_bounds(accuracy.correct, accuracy.photos, confidence=confidence)
    if strict and low < min_accuracy:
        return (
            f"the accuracy {accuracy.accuracy:.4f} on {title} has the lower bound {low:.4f}, "
            f"below --min-accuracy {min_accuracy:g}, and --strict was given"
        )
    return ""


def explain_low_balanced_accuracy(
    counts: Sequence[ClassCount], min_accuracy: float, confidence: float, *, strict: bool
) -> str:
    """Describe how a balanced accuracy fails to reach the required one, as `explain_low_accuracy` does.

    Args:
        counts: one for every class.
        min_accuracy: the required balanced accuracy, 0..1.
        confidence: of the one-sided bound.
        strict: whether the lower bound must reach it.
    """
    accuracy, low, _ = _average_recalls(counts, confidence)
    if accuracy < min_accuracy:
        return f"the balanced accuracy {accuracy:.4f} is below --min-accuracy {min_accuracy:g}"
    if strict and low < min_accuracy:
        return (
            f"the balanced accuracy {accuracy:.4f} has the lower bound {low:.4f}, below --min-accuracy "
            f"{min_accuracy:g}, and --strict was given"
        )
    return ""


def _average_recalls(counts: Sequence[ClassCount], confidence: float) -> tuple[float, float, float]:
    """Return the balanced accuracy with its bounds, of the classes that have photos."""
    judged = [count for count in counts if count.photos]
    correct, photos = [count.correct for count in judged], [count.photos for count in judged]
    low, high = compute_mean_recall_bounds(correct, photos, confidence=confidence)
    return sum(count.correct / count.photos for count in judged) / len(judged), low, high


def assess_class(count: ClassCount, confidence: float) -> ClassQuality:
    """Compute the recall on one class with its bounds, each one-sided at `confidence`."""
    if not count.photos:
        return ClassQuality(**dict(count), recall=None, recall_low=0.0, recall_high=1.0)
    low, high = compute_wilson_bounds(count.correct, count.photos, confidence=confidence)
    return ClassQuality(**dict(count), recall=count.correct / count.photos, recall_low=low, recall_high=high)


def _check_majority(quality: ModelQuality) -> list[QualityWarning]:
    if quality.accuracy_low > quality.majority_accuracy:
        return []
    return [
        QualityWarning(
            kind="majority",
            message=f"the accuracy {quality.accuracy:.4f} (lower bound {quality.accuracy_low:.4f}) is not certainly "
            f"above {quality.majority_accuracy:.4f}, which always predicting {quality.majority_class!r} reaches",
            hint="look whether the class folders contain what their names say; then add photos, train longer, or take "
            "another network",
        )
    ]


def check_photos(part: str, tally: Tally) -> list[QualityWarning]:
    """Warn of a part with so few photos that the accuracy on them is uncertain."""
    if tally.photos >= FEWEST_JUDGED_PHOTOS:
        return []
    purpose = "decide what is chosen" if part == "validation" else "judge the model"
    more = "" if part == "validation" else ", or bring test photos of their own with --test DIR"
    return [
        QualityWarning(
            kind="few_photos",
            message=f"{tally.photos:g} {part} photos {purpose}: with fewer than {FEWEST_JUDGED_PHOTOS}, the true "
            "accuracy can be more than 8 points away",
            hint=f"add photos to the class folders{more}",
        )
    ]


def compare_parts(part: str, tally: Tally, validation: Tally) -> list[QualityWarning]:
    """Warn of accuracies on two parts that differ by more than chance explains."""
    probability = compute_difference_probability(tally, validation)
    if probability >= _DIFFERENCE_LEVEL:
        return []
    hint = (
        "the epoch and the method fit the validation photos by chance or by photos that are alike: put series of one "
    )
    hint += "object, place or day into one part, as PHOTOS/{train,val,test}/CLASS, and add validation photos"
    if tally.accuracy > validation.accuracy:
        hint = f"the {part} photos are easier than the validation photos: look whether they are of the same kind"
    return [
        QualityWarning(
            kind="parts_differ",
            message=f"the accuracy is {validation.accuracy:.4f} on {validation.photos:g} validation photos and "
            f"{tally.accuracy:.4f} on {tally.photos:g} {part} photos: more than chance explains "
            f"(p = {probability:.2g})",
            hint=hint,
        )
    ]
