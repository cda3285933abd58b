"""Counts of predictions by class → warnings about single classes, which a good accuracy hides."""

from collections.abc import Sequence
from typing import Literal

from edgetl.core.record import Record

# With fewer, a one-sided 95 % bound of a recall can be more than 35 points away from it.
FEWEST_CLASS_PHOTOS = 5
# The kinds of the warnings about classes.
CLASS_WARNINGS = ("never_predicted", "never_correct", "few_class_photos")
# Names of classes in a warning.
_LISTED_NAMES = 5


class ClassCount(Record):
    """Predictions for one class: its photos, how many of them are predicted correctly, and photos predicted as it."""

    name: str
    photos: int
    correct: int
    predicted: int


class QualityWarning(Record):
    """What is wrong with a model or with the photos that judge it, and what to do."""

    kind: Literal["few_photos", "parts_differ", "never_predicted", "never_correct", "few_class_photos", "majority"]
    message: str
    hint: str


def warn_about_classes(counts: Sequence[ClassCount], part: str) -> list[QualityWarning]:
    """Warn about classes that are never predicted, never correctly, or judged by fewer than five photos.

    Args:
        counts: one for every class of the model, also for those without photos.
        part: name of the part.
    """
    judged = [count for count in counts if count.photos]
    never_predicted = [count.name for count in judged if not count.predicted]
    # A class that is never predicted is never right either: it has one warning.
    never_correct = [count.name for count in judged if count.predicted and not count.correct]
    few = sorted((count for count in counts if count.photos < FEWEST_CLASS_PHOTOS), key=lambda count: count.photos)
    warnings = []
    if never_predicted:
        warnings.append(
            QualityWarning(
                kind="never_predicted",
                message=f"{_count_classes(never_predicted, judged)} never predicted: {list_names(never_predicted)}",
                hint="add photos to these classes, train longer, or merge classes that look alike; unless training "
                "weighs the classes already, --class-weight balanced makes a class with few photos count as much",
            )
        )
    if never_correct:
        warnings.append(
            QualityWarning(
                kind="never_correct",
                message=f"{_count_classes(never_correct, judged)} predicted, and never correctly: "
                f"{list_names(never_correct)}",
                hint="look whether the photos of these classes are in the right folders, and add photos to them",
            )
        )
    if few:
        names = [f"{count.name} ({count.photos})" for count in few]
        verb = "has" if len(few) == 1 else "have"
        warnings.append(
            QualityWarning(
                kind="few_class_photos",
                message=f"{len(few)} of {len(counts)} classes {verb} fewer than {FEWEST_CLASS_PHOTOS} {part} photos: "
                f"{list_names(names)}",
                hint="of so few photos little is known about a class: add photos to these classes"
                + ("" if part == "validation" else ", or bring test photos with --test DIR"),
            )
        )
    return warnings


def _count_classes(names: Sequence[str], judged: Sequence[ClassCount]) -> str:
    return f"{len(names)} of {len(judged)} classes {'is' if len(names) == 1 else 'are'}"


def list_names(names: Sequence[str]) -> str:
    """List the first names, and count the others."""
    listed = ", ".join(names[:_LISTED_NAMES])
    return f"{listed} and {len(names) - _LISTED_NAMES} more" if len(names) > _LISTED_NAMES else listed
