"""Validation photos → the thresholds of a file; other photos → counts of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.core.rejection.conformal import find_class_thresholds, find_conformal_threshold
from edgetl.core.rejection.records import AnswerCounts, AnswerHop, ForeignCounts
from edgetl.core.rejection.selective import SelectiveThreshold, find_selective_threshold

# A cosine is not lower: every photo is known.
_LOWEST_SIMILARITY = -1.0
# A file without a wrong answer on the validation photos needs no threshold below which it is unsure.
_SMALLEST_ERROR = 1e-3
# Of the bound of the share of wrong answers.
CONFIDENCE = 0.95
# Answers, as `decide_answers` numbers them: a label has its own number, 0 or more.
_UNSURE, _NONE = -1, -2


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedPhotos:
    """Outputs of a file for photos.

    Attributes:
        scores: float [photos, classes], probabilities.
        similarities: float [photos], to the reference features.
        labels: int [photos], the true classes; empty for photos of other things.
    """

    scores: NDArray[np.floating]
    similarities: NDArray[np.floating]
    labels: NDArray[np.integer]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one: bool [photos]."""
        return np.asarray(self.scores.argmax(axis=1) == self.labels)


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """The thresholds of a file: a similarity for each class, and a probability."""

    similarities: NDArray[np.floating]
    selective: SelectiveThreshold


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerLimits:
    """What the user allows.

    Attributes:
        rejected_own: share of own photos that may be none of the classes, 0..1.
        error_accepted: share of answers that may be wrong; 0 for half of the share that is wrong without a threshold.
        by_class: whether `rejected_own` holds within each class.
        multi_label: whether a photo may have several labels. Then every known photo is answered.
    """

    rejected_own: float
    error_accepted: float
    by_class: bool
    multi_label: bool = False


def find_thresholds(validation: PredictedPhotos, classes: Sequence[str], limits: AnswerLimits) -> Thresholds:
    """Find the thresholds on validation photos.

    The threshold on the probability is set by those photos that are known.
    """
    if limits.by_class:
        by_class = find_class_thresholds(validation.similarities, validation.labels, classes, limits.rejected_own)
        lowest = np.array([by_class[name] for name in classes])
    else:
        lowest = np.full(len(classes), find_conformal_threshold(validation.similarities, limits.rejected_own))
    lowest = np.maximum(lowest, _LOWEST_SIMILARITY)
    known = find_known(validation, lowest)
    if limits.multi_label:
        return Thresholds(similarities=lowest, selective=_answer_all(int(known.sum()), limits.error_accepted))
    correct = validation.correct
    # Without known photos there is nothing to answer; the threshold is then one of all photos.
    rows = known if known.any() else np.ones(len(correct), bool)
    error = limits.error_accepted or max(float((~correct[rows]).mean()) / 2, _SMALLEST_ERROR)
    return Thresholds(
        similarities=lowest,
        selective=find_selective_threshold(
            validation.scores.max(axis=1)[rows], correct[rows], error, confidence=CONFIDENCE
        ),
    )


def _answer_all(photos: int, error_limit: float) -> SelectiveThreshold:
    """Return the threshold with which no answer is unsure. It bounds nothing."""
    return SelectiveThreshold(
        threshold=0.0,
        photos=photos,
        answered=photos,
        wrong=0,
        error_bound=1.0,
        error_limit=error_limit,
        confidence=CONFIDENCE,
        certified=False,
    )


def find_known(photos: PredictedPhotos, lowest: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which photos are similar enough for the class that is predicted: bool [photos].

    Args:
        photos: outputs of the file.
        lowest: float [classes], the lowest similarity of a known photo.
    """
    return np.asarray(photos.similarities >= lowest[photos.scores.argmax(axis=1)])


def find_answered(photos: PredictedPhotos, thresholds: Thresholds) -> NDArray[np.bool_]:
    """Return which photos are known and have a sufficient probability: bool [photos]."""
    enough = photos.scores.max(axis=1) >= thresholds.selective.threshold
    return np.asarray(find_known(photos, thresholds.similarities) & enough)


def decide_answers(photos: PredictedPhotos, thresholds: Thresholds) -> NDArray[np.int64]:
    """Return the answer to each photo: int64 [photos], the class, -1 for unsure or -2 for none of the classes."""
    known, answered = find_known(photos, thresholds.similarities), find_answered(photos, thresholds)
    return np.where(answered, photos.scores.argmax(axis=1), np.where(known, _UNSURE, _NONE)).astype(np.int64)


def compare_answers(
    steps: Sequence[tuple[str, PredictedPhotos]], thresholds: Thresholds, *, multi_label: bool = False
) -> tuple[AnswerHop, ...]:
    """Compare the answers of several files to the same photos, each with those of the file before, by one rule.

    Args:
        steps: name and outputs of each file.
        thresholds: of the last file, which are those of the device.
        multi_label: whether a photo may have several labels. The verdict compares these, so here all labels are alike.
    """
    hops: list[AnswerHop] = []
    before = None
    for name, photos in steps:
        answers = decide_answers(photos, thresholds)
        if multi_label:
            answers = np.minimum(answers, 0)
        hops.append(
            AnswerHop(
                name=name,
                photos=len(answers),
                labels=int((answers >= 0).sum()),
                unsure=int((answers == _UNSURE).sum()),
                none=int((answers == _NONE).sum()),
                same=len(answers) if before is None else int((answers == before).sum()),
            )
        )
        before = answers
    return tuple(hops)


def count_answers(photos: PredictedPhotos, thresholds: Thresholds) -> AnswerCounts:
    """Count the answers to photos of the user's own classes."""
    answered, correct = find_answered(photos, thresholds), photos.correct
    return AnswerCounts(
        photos=len(correct),
        known=int(find_known(photos, thresholds.similarities).sum()),
        answered=int(answered.sum()),
        wrong=int((answered & ~correct).sum()),
        right_without=int(correct.sum()),
    )


def count_foreign(title: str, photos: PredictedPhotos, thresholds: Thresholds) -> ForeignCounts:
    """Count the photos of other things that get a label."""
    return ForeignCounts(
        title=title,
        photos=len(photos.scores),
        known=int(find_known(photos, thresholds.similarities).sum()),
        answered=int(find_answered(photos, thresholds).sum()),
    )
