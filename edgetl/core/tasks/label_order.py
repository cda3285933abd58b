"""Scores for photos with several labels → an order of the outputs that fits the labels better than the stated one."""

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation.preprocessing_check import is_clearly_better


def find_better_label_order(scores: np.ndarray, labels: NDArray[np.int64]) -> tuple[int, ...] | None:
    """Find an order of the outputs that fits the photos clearly better than the stated one.

    Args:
        scores: float [photos, labels], in the stated order.
        labels: int64 [photos, labels] of 0 and 1.

    Returns:
        The label of each output. None if the stated order fits, or unless each label has photos with and without it and
        a different output that is correlated with it most.
    """
    count = labels.shape[1]
    deviations = scores - scores.mean(axis=0), labels - labels.mean(axis=0)
    norms = [np.sqrt((array**2).sum(axis=0)) for array in deviations]
    # A constant column is correlated with nothing.
    if any((norm == 0).any() for norm in norms):
        return None
    correlation = deviations[0].T @ deviations[1] / np.outer(*norms)
    output_of_label = correlation.argmax(axis=0)
    if len(set(output_of_label.tolist())) < count:
        return None
    better = _find_correct(scores[:, output_of_label], labels)
    if not is_clearly_better(better, _find_correct(scores, labels)):
        return None
    return tuple(int(label) for label in np.argsort(output_of_label))


def _find_correct(scores: np.ndarray, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for which photos all labels are right with a threshold of 0.5."""
    return np.asarray(((scores >= 0.5) == labels).all(axis=1))
