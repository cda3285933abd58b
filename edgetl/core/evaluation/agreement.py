"""Agreement of two models: in the values of their outputs, and in the classes that they predict."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.tasks.task import PhotoTask

Cause = Literal["file", "network", "unknown"]
# The cause cannot be estimated from fewer differing photos.
_FEWEST_DIFFERENCES = 3


def check_close(values: np.ndarray, expected: np.ndarray, tolerance: float, *, error: tuple[str, str]) -> float:
    """Check that a copy of a model computes the same outputs as the original.

    Args:
        values: outputs of the copy, any shape.
        expected: outputs of the original, same shape.
        tolerance: upper bound of the largest absolute difference, excluded.
        error: beginning of the message, such as "A differs from B", and the hint.

    Returns:
        The largest absolute difference.

    Raises:
        StageError: the difference is too large, or not a number.
    """
    difference = float(np.abs(values - expected).max())
    # Written so that NaN fails too.
    if not difference < tolerance:
        raise StageError(
            f"{error[0]}: the largest difference is {difference:.2g}, {tolerance:g} is allowed", hint=error[1]
        )
    return difference


def match_predictions(
    expected: np.ndarray, scores: np.ndarray, scale: float, task: PhotoTask = metrics.ONE_CLASS
) -> NDArray[np.bool_]:
    """Return for which photos a file predicts the same class as its model, or decides each label as it does.

    Scores of the model within one quantization step of the file's output count as equal: the file may round them to
    the same number.

    Args:
        expected: scores of the model, float [photos, classes].
        scores: scores of the file, float [photos, classes].
        scale: quantization scale of the file's output, 0 for floats.
        task: what is decided about a photo.

    Returns:
        bool [photos], or [photos, labels].

    Raises:
        ValueError: see `metrics.predict_classes`, or shapes that differ.
    """
    if expected.shape != scores.shape:
        raise ValueError(f"shapes differ: {expected.shape} and {scores.shape}")
    metrics.check_scores(expected, "scores of the model")
    metrics.check_scores(scores, "scores")
    return task.match_scores(expected, scores, scale)


def diagnose_disagreement(matches_model: NDArray[np.bool_], matches_itself: NDArray[np.bool_]) -> Cause:
    """Estimate why a file and its model predict different classes, from predictions of the file on two kernel sets.

    A conversion error shows on every kernel set. A network that is sensitive to rounding also changes its predictions
    between two kernel sets running the same file, about as often as between model and file.

    Args:
        matches_model: bool [photos], whether file and model predict the same class.
        matches_itself: bool [photos], whether the file predicts the same class on both kernel sets.

    Returns:
        "file" for a conversion error, "network" for sensitivity to rounding, "unknown" with too few differing photos.
    """
    differs_from_model = np.count_nonzero(~matches_model)
    differs_from_itself = np.count_nonzero(~matches_itself)
    if differs_from_model < _FEWEST_DIFFERENCES:
        return "unknown"
    # A sensitive network differs about as often in both comparisons; half as often is the boundary.
    return "network" if 2 * differs_from_itself >= differs_from_model else "file"
