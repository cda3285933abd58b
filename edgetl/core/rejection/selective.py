"""The threshold on the probability below which a classifier answers "unsure".

Of the answers above the threshold, at most a stated share is wrong, at a stated confidence.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from edgetl.core.record import Record
from edgetl.core.rejection.binomial import compute_lower_tail, compute_upper_bound

# The tests start where so many wrong answers are no proof of too many: one confident mistake must not end them.
_MOST_WRONG = 2


class SelectiveThreshold(Record):
    """The threshold on the probability, and what it does to the photos that set it.

    A photo is answered if its probability is at least `threshold`. `error_bound` is the one-sided upper bound of the
    share of wrong answers at `confidence`. `certified` is whether it is within `error_limit`; otherwise every photo is
    answered, and the threshold is 0.
    """

    threshold: float
    photos: int
    answered: int
    wrong: int
    error_bound: float
    error_limit: float
    confidence: float
    certified: bool

    @property
    def coverage(self) -> float:
        """The share of photos that are answered, 0..1."""
        return self.answered / self.photos


def find_selective_threshold(
    probabilities: ArrayLike, correct: ArrayLike, error_limit: float, *, confidence: float = 0.95
) -> SelectiveThreshold:
    """Find the lowest threshold whose answers are wrong at most in a share of `error_limit`, at `confidence`.

    The thresholds are tested one after the other, from the highest probability down. Each test asks whether the answers
    above it are wrong more often than the limit; the first one that cannot exclude it ends the sequence. So all tests
    together have the confidence of one. The sequence starts at the first threshold with enough answers to exclude it
    in spite of two wrong ones, or of fewer where that were more than half of the photos.

    A threshold is in the middle between two probabilities that occur: outputs of an int8 file have 256 levels, and a
    threshold on a level would depend on rounding.

    Args:
        probabilities: float [photos], the probability of the predicted class of validation photos, 0..1.
        correct: bool [photos], whether the predicted class is the true one.
        error_limit: share of answers that may be wrong, 0..1.
        confidence: of the bound, 0..1.

    Raises:
        ValueError: no photos, or arrays of different lengths.

    Source: Angelopoulos, Bates, Candès, Jordan and Lei (2021), Learn then Test, arXiv 2110.01052, fixed sequence
    testing; Geifman and El-Yaniv (2017), Selective classification for deep neural networks, for the bound of one.
    """
    values, right = np.asarray(probabilities, dtype=np.float64), np.asarray(correct, dtype=bool)
    if values.ndim != 1 or values.shape != right.shape or not len(values):
        raise ValueError(f"probabilities {values.shape} and correct {right.shape} must be [photos], at least one")
    order = np.argsort(-values, kind="stable")
    values, wrong = values[order], np.cumsum(~right[order])
    # The last photo of each level, from the highest level down.
    ends = np.append(np.flatnonzero(values[:-1] != values[1:]), len(values) - 1)
    fewest = _find_start(len(values), error_limit, confidence)
    last = None
    for end in ends:
        if end + 1 < fewest:
            continue
        if compute_lower_tail(int(wrong[end]), int(end) + 1, error_limit) > 1 - confidence:
            break
        last = int(end)
    certified = last is not None
    end = len(values) - 1 if last is None else last
    is_lowest = end == len(values) - 1
    return SelectiveThreshold(
        threshold=0.0 if is_lowest else float(values[end] + values[end + 1]) / 2,
        photos=len(values),
        answered=end + 1,
        wrong=int(wrong[end]),
        error_bound=compute_upper_bound(int(wrong[end]), end + 1, confidence=confidence),
        error_limit=error_limit,
        confidence=confidence,
        certified=certified,
    )


def _find_start(photos: int, error_limit: float, confidence: float) -> int:
    """Return the number of answers of the first test. It depends on no label, so that the confidence is that stated."""
    for wrong in range(_MOST_WRONG, 0, -1):
        needed = count_answers_needed(error_limit, wrong, confidence=confidence)
        if 2 * needed <= photos:
            return needed
    return count_answers_needed(error_limit, confidence=confidence)


@cache
def count_answers_needed(error_limit: float, wrong: int = 0, *, confidence: float = 0.95) -> int:
    """Count the answers, so many of them wrong, that show that at most a share of `error_limit` is wrong.

    Raises:
        ValueError: a limit that is not between 0 and 1.
    """
    if not 0 < error_limit < 1:
        raise ValueError(f"the share of wrong answers must be between 0 and 1, not {error_limit}")
    answers = math.ceil(math.log(1 - confidence) / math.log1p(-error_limit) - 1e-9)
    # The first one without a wrong answer has a closed form; from there, few steps remain for one or two.
    while wrong and compute_lower_tail(wrong, answers, error_limit) > 1 - confidence:
        answers += 1
    return answers
