"""Whether two models compute the same: on the values of their outputs, and on the classes that they predict."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics

Cause = Literal["file", "network", "unknown"]
# Fewer differing photos say nothing about the cause.
_FEWEST_DIFFERENCES = 3


def check_close(values: np.ndarray, expected: np.ndarray, tolerance: float, *, error: tuple[str, str]) -> float:
    """Check that a copy of a model computes what the original does.

    Args:
        values: outputs of the copy, any shape.
        expected: outputs of the original, same shape.
        tolerance: the largest difference must be below it.
        error: what differs from what, as the beginning of the message, and a hint.

    Returns:
        The largest absolute difference.

    Raises:
        StageError: the difference is too large, or not a number.
    """
    difference = float(np.abs(values - expected).max())
    if not difference < tolerance:
        raise StageError(
            f"{error[0]}: the largest difference is {difference:.2g}, {tolerance:g} is allowed", hint=error[1]
        )
    return difference


def match_predictions(expected: np.ndarray, scores: np.ndarray, scale: float) -> NDArray[np.bool_]:
    """Return for which photos a file predicts the class with the model's highest score.

    Two scores within one quantization step of the file's output count as equal: the file cannot tell them apart.

    Args:
        expected: scores of the model, float [photos, classes].
        scores: scores of the file, float [photos, classes].
        scale: quantization scale of the file's output, 0 for floats.

    Returns:
        bool [photos].

    Raises:
        ValueError: see `metrics.top1`, or shapes that differ.
    """
    if expected.shape != scores.shape:
        raise ValueError(f"shapes differ: {expected.shape} and {scores.shape}")
    rows = np.arange(len(expected))
    highest = expected[rows, metrics.top1(expected)]
    return np.asarray(highest - expected[rows, metrics.top1(scores)] <= scale)


def diagnose_disagreement(matches_model: NDArray[np.bool_], matches_itself: NDArray[np.bool_]) -> Cause:
    """Say why a file and its model predict different classes, from photos that the file predicted on two kernel sets.

    A conversion error shows on every kernel set. A network that is sensitive to rounding also changes its predictions
    between two kernel sets running the same file, about as often as between model and file.

    Args:
        matches_model: for which photos file and model predict the same class.
        matches_itself: for which photos the file predicts the same class on both kernel sets.
    """
    differs_from_model = np.count_nonzero(~matches_model)
    differs_from_itself = np.count_nonzero(~matches_itself)
    if differs_from_model < _FEWEST_DIFFERENCES:
        return "unknown"
    return "network" if 2 * differs_from_itself >= differs_from_model else "file"
