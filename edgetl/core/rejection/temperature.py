"""The temperature of the last layer, with which probabilities mean what they say."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Temperatures beyond these bounds come from photos that are all right or all wrong: such a fit has no minimum.
LOWEST, HIGHEST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 60


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Fit the temperature whose probabilities have the smallest negative log-likelihood.

    The predicted class does not depend on it.

    Args:
        logits: float [photos, classes], of validation photos.
        labels: int [photos].

    Returns:
        The temperature, `LOWEST` to `HIGHEST`: logits are divided by it.

    Raises:
        ValueError: no photos, or arrays that do not match.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 4.2.
    """
    values, classes = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if values.ndim != 2 or values.shape[:1] != classes.shape or not len(values):
        raise ValueError(f"logits {values.shape} and labels {classes.shape} must be [photos, classes] and [photos]")
    # The loss is convex in 1 / temperature, so it has one minimum over the logarithm as well.
    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if compute_log_loss(values / np.exp(left), classes) <= compute_log_loss(values / np.exp(right), classes):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def compute_log_loss(logits: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Compute the mean negative log-likelihood of the true classes, in nats.

    Args:
        logits: float [photos, classes].
        labels: int [photos].
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))
