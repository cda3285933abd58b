"""Predictions of photos: their records, and the text and the table of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgetl.core.html_table import render_table
from edgetl.core.record import Record
from edgetl.core.records import LeftOut
from edgetl.core.screen.printable import escape_controls

# What is shown in place of labels where no label reaches its threshold.
NONE = "none"


class ClassProbability(Record):
    """A class and its probability, 0..1. A photo has a label from its `threshold`, which is 0 for a class."""

    label: str
    probability: float
    threshold: float = 0.0


class PhotoAnswer(Record):
    """The answer to a photo: a label, "unsure: a or b", or "none of these".

    `text` is the answer, and `reason` why it is no label, else "". `similarity` is that to the reference features.
    """

    label: str
    probability: float
    accepted: bool
    known: bool
    similarity: float
    text: str
    reason: str


class ClassifiedPhoto(Record):
    """The most probable classes of a photo, the most probable first.

    `true_class` is the class that the photo's folder is named after; "" where no folder has the name of a class. With
    `multi_label`, the classes are all labels that the photo has, perhaps none. `answer` is None for a file without
    thresholds.
    """

    photo: Path
    true_class: str
    classes: tuple[ClassProbability, ...]
    multi_label: bool = False
    answer: PhotoAnswer | None = None

    @property
    def missing_label(self) -> str:
        """ "unsure: a or b" or "none of these"; "" where the answer is a label."""
        return self.answer.text if self.answer and not self.answer.accepted else ""

    @property
    def label(self) -> str:
        """The most probable class, or all labels, or "none"."""
        if self.multi_label:
            return ", ".join(row.label for row in self.classes) or NONE
        return self.classes[0].label


class Predicted(Record):
    """Predictions of a model file.

    `unreadable` has the photos that could not be decoded, with the reason. `no_answers` is the reason why every photo
    of a file in a run folder gets a label; "" where its thresholds are used.
    """

    model: Path
    sha256: str
    method: str
    photos: tuple[ClassifiedPhoto, ...]
    unreadable: tuple[LeftOut, ...]
    no_answers: str = ""

    @property
    def labelled(self) -> int:
        """Number of photos whose folder is named after a class."""
        return sum(bool(photo.true_class) for photo in self.photos)

    @property
    def right(self) -> int:
        """Number of photos whose most probable class is that of the folder, or that have it as a label."""
        return sum(_is_right(photo) for photo in self.photos if photo.true_class)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes that name folders of the fraction of their photos that are predicted right, 0..1.

        Of several labels it is the mean recall, as the folders do not say which labels a photo lacks.

        Raises:
            ZeroDivisionError: no folder is named after a class.
        """
        photos = Counter(photo.true_class for photo in self.photos if photo.true_class)
        right = Counter(photo.true_class for photo in self.photos if photo.true_class and _is_right(photo))
        return sum(right[name] / count for name, count in photos.items()) / len(photos)

    def table(self) -> list[dict[str, object]]:
        """Return a row for each photo, so that `pandas.DataFrame(predicted.table())` works."""
        return [
            {
                "photo": str(row.photo),
                "true_class": row.true_class,
                "class": row.label,
                "answer": row.missing_label or row.label,
                # Without a label it is not known.
                "probability": row.classes[0].probability if row.classes else None,
            }
            for row in self.photos
        ]

    def _repr_html_(self) -> str:
        """Render the predictions for a notebook."""
        rows = [[str(cell) for cell in row.values()] for row in self.table()]
        return render_table(self.model.name, ["photo", "true class", "class", "answer", "probability"], rows)


def _is_right(photo: ClassifiedPhoto) -> bool:
    if photo.multi_label:
        return photo.true_class in [row.label for row in photo.classes]
    return photo.label == photo.true_class


def rank_classes(scores: np.ndarray, classes: Sequence[str], top: int) -> tuple[ClassProbability, ...]:
    """Return the most probable classes of one photo.

    Args:
        scores: float [classes]; of equal ones, the first class comes first.
        classes: in the order of the scores.
        top: how many classes are returned.
    """
    order = np.argsort(-scores, kind="stable")[:top]
    return tuple(ClassProbability(label=classes[index], probability=round(float(scores[index]), 6)) for index in order)


def select_labels(
    scores: np.ndarray, classes: Sequence[str], thresholds: Sequence[float]
) -> tuple[ClassProbability, ...]:
    """Return the labels of one photo whose probability reaches their threshold, the most probable first.

    Args:
        scores: float [labels].
        classes: names of the labels, in the order of the scores.
        thresholds: of the labels.
    """
    return tuple(
        row.model_copy(update={"threshold": thresholds[classes.index(row.label)]})
        for row in rank_classes(scores, classes, len(classes))
        if scores[classes.index(row.label)] >= thresholds[classes.index(row.label)]
    )


def format_photo(photo: ClassifiedPhoto) -> list[str]:
    """Format the prediction of one photo: its name, and a line for each class. Control characters are escaped."""
    labels = [escape_controls(row.label) for row in photo.classes]
    width = max(map(len, labels), default=0)
    true = f"  (true class: {escape_controls(photo.true_class)})" if photo.true_class else ""
    probabilities = [_format_percent(row.probability) for row in photo.classes]
    lines = [f"  {label:<{width}}  {text:>7}" for label, text in zip(labels, probabilities, strict=True)]
    lines = lines or [f"  {NONE}: no label reaches its threshold"]
    if photo.answer and photo.missing_label:
        # The probabilities of a photo that shows none of the labels compare them with each other only.
        lines = lines if photo.answer.known else []
        lines.insert(0, f"  {escape_controls(photo.missing_label)} ({photo.answer.reason})")
    return [f"{escape_controls(str(photo.photo))}{true}", *lines]


def tabulate_predictions(predicted: Predicted) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of a table with a row for each photo. Without true classes it has no column of them."""
    multi_label = any(photo.multi_label for photo in predicted.photos)
    columns = ["photo", "labels" if multi_label else "class", "%"]
    rows = [
        [str(photo.photo), photo.missing_label or photo.label, _format_percents(photo)] for photo in predicted.photos
    ]
    if predicted.labelled:
        columns.insert(1, "true class")
        for row, photo in zip(rows, predicted.photos, strict=True):
            row.insert(1, photo.true_class)
    if not multi_label and max((len(photo.classes) for photo in predicted.photos), default=0) > 1:
        columns.append("next, %")
        for row, photo in zip(rows, predicted.photos, strict=True):
            row.append(
                ", ".join(
                    f"{_format_percent(rank.probability).removesuffix(' %')} {rank.label}" for rank in photo.classes[1:]
                )
                if not photo.answer or photo.answer.known
                else ""
            )
    return columns, rows


def describe_predictions(predicted: Predicted) -> list[str]:
    """Describe which file predicted, and for how many photos the class is that of the folder."""
    method = f" ({predicted.method})" if predicted.method else ""
    lines = [f"{predicted.model}{method}: {_count_photos(len(predicted.photos))}"]
    if predicted.labelled > 1:
        fraction = predicted.right / predicted.labelled
        multi_label = any(photo.multi_label for photo in predicted.photos)
        thing = "a label, which is among theirs" if multi_label else "a class"
        lines.append(
            f"right: {predicted.right} of {predicted.labelled} photos whose folder names {thing} ({fraction:.4f})"
            + ("" if multi_label else f", balanced accuracy {predicted.balanced_accuracy:.4f}")
        )
    if predicted.no_answers:
        lines.append(f"no photo is 'unsure' or 'none of these': {predicted.no_answers}")
    answers = [photo.answer for photo in predicted.photos if photo.answer]
    if len(answers) > 1:
        labels, known = sum(answer.accepted for answer in answers), sum(answer.known for answer in answers)
        unsure, none = known - labels, len(answers) - known
        lines.append(f"answers: {labels} a label, {unsure} unsure, {none} none of these")
    return lines


def _format_percents(photo: ClassifiedPhoto) -> str:
    """Format the probability of the class, or of each label; nothing for a photo that shows none of them."""
    if photo.answer and not photo.answer.known:
        return ""
    rows = photo.classes if photo.multi_label else photo.classes[:1]
    return ", ".join(_format_percent(row.probability).removesuffix(" %") for row in rows)


def _format_percent(probability: float) -> str:
    return f"{probability * 100:.1f} %"


def _count_photos(count: int) -> str:
    return f"{count} photo{'' if count == 1 else 's'}"
