"""Whether a file answers as the model that it was made of, and which of file and network is to blame if it does not."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetl.core.evaluation import metrics

Cause = Literal["file", "network", "unknown"]
# Fewer photos that come out otherwise than they should say nothing about why.
_TELLING = 3


def match_predictions(promised: np.ndarray, answered: np.ndarray, step: float) -> NDArray[np.bool_]:
    """For which photos the class that the file names is the best there is, as far as the file can say it.

    Args:
        promised: float [photos, classes], the model's scores.
        answered: float [photos, classes], the file's.
        step: in which the file counts its scores, 0 for floats. Two that are no further from each other may come out
            either way.

    Returns:
        bool [photos].

    Raises:
        ValueError: as `metrics.top1` does, or shapes that differ.
    """
    if promised.shape != answered.shape:
        raise ValueError(f"shapes differ: {promised.shape} and {answered.shape}")
    named = metrics.top1(answered)
    best = promised[np.arange(len(promised)), metrics.top1(promised)]
    return np.asarray(best - promised[np.arange(len(promised)), named] <= step)


def diagnose_disagreement(as_promised: NDArray[np.bool_], as_itself: NDArray[np.bool_]) -> Cause:
    """What is at fault, from photos that the file answered on two kinds of kernels.

    A wrong file is as wrong on any kernels. A network that answers to single roundings comes out otherwise wherever it
    is rounded otherwise, which kernels do in rare places: about as often between two of them as between model and file.

    Args:
        as_promised: for which of them the file names the class that its model names.
        as_itself: for which of them it names the same class on both kinds of kernels.
    """
    missed, restless = np.count_nonzero(~as_promised), np.count_nonzero(~as_itself)
    if missed < _TELLING:
        return "unknown"
    return "network" if 2 * restless >= missed else "file"
