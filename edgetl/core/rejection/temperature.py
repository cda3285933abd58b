"""The temperature of the last layer, with which probabilities mean what they say.

A photo may have one class, or several labels. A label is a question with two answers, whose logits are 0 and its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A temperature beyond these bounds is that of a model that knows nothing of the photos.
LOWEST, HIGHEST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 60
# A probability of 0 has no logarithm. This is the smallest float32 with all its digits.
_SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True, slots=True)
class TemperatureFit:
    """A temperature, and what it does to the validation photos that set it.

    Attributes:
        temperature: by which weights and bias of the last layer were divided; 1 where they were left as they are.
        photos: validation photos.
        log_loss: mean negative log-likelihood before and after, in nats; of each label where there are several.
        calibration_error: expected calibration error before and after, 0..1.
        changed: photos of which the class, or a label, would differ. Then the weights are left as they are.
    """

    temperature: float
    photos: int
    log_loss: tuple[float, float]
    calibration_error: tuple[float, float]
    changed: int


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Fit the temperature whose probabilities have the smallest negative log-likelihood.

    The predicted class does not depend on it. Photos that are all predicted correctly would be fitted best by
    probabilities of 1, which no number of photos shows. So two temperatures are fitted, to the photos as they are and
    with one more that is wrong, spread over all of them. The one nearer to 1 is returned, and 1 where they are on
    different sides of it: then a single photo would decide whether probabilities are too high or too low.

    Args:
        logits: float [photos, classes], of validation photos.
        labels: int [photos].

    Returns:
        The temperature, `LOWEST` to `HIGHEST`: logits are divided by it.

    Raises:
        ValueError: no photos, or arrays that do not match.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 4.2; Platt (1999),
    Probabilistic outputs for support vector machines, section 2.2, for targets of (n + 1) / (n + 2).
    """
    values, classes = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if values.ndim != 2 or values.shape[:1] != classes.shape or not len(values) or values.shape[1] < 2:
        raise ValueError(
            f"logits {values.shape} and labels {classes.shape} must be [photos, classes] and [photos], of two classes "
            "or more"
        )
    fits = [_minimize_loss(values, classes, wrong_share) for wrong_share in (0.0, 1 / (len(values) + 2))]
    if min(fits) <= 1 <= max(fits):
        return 1.0
    return min(fits, key=lambda temperature: abs(np.log(temperature)))


def compute_log_loss(logits: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Compute the mean negative log-likelihood of the true classes, in nats.

    Args:
        logits: float [photos, classes].
        labels: int [photos].
    """
    return _compute_smoothed_loss(logits, labels, 0.0)


def pair_logits(logits: ArrayLike) -> NDArray[np.float64]:
    """Turn the logit of each sigmoid unit into those of its two answers.

    Args:
        logits: float [photos, units].

    Returns:
        float64 [photos * units, 2]: 0, and the logit. Their softmax is (1 - sigmoid, sigmoid).
    """
    flat = np.asarray(logits, dtype=np.float64).reshape(-1)
    return np.stack([np.zeros_like(flat), flat], axis=1)


def undo_temperature(scores: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Compute the probabilities of a model without its temperature from those with it.

    Args:
        scores: float [photos, classes], whose sum is 1.
        temperature: by which the logits were divided.

    Returns:
        float64 [photos, classes].
    """
    values = np.maximum(np.asarray(scores, dtype=np.float64), _SMALLEST)
    return compute_softmax(np.log(values) * temperature)


def compute_softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Compute the softmax of logits.

    Args:
        logits: float [photos, classes].

    Returns:
        float64 [photos, classes], whose sum is 1.
    """
    values = np.asarray(logits, dtype=np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _minimize_loss(logits: NDArray[np.float64], labels: NDArray[np.integer], wrong_share: float) -> float:
    """Return the temperature with the smallest smoothed loss."""
    # The loss is convex in 1 / temperature, so it has one minimum over the logarithm as well.
    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _compute_smoothed_loss(logits / np.exp(left), labels, wrong_share) <= _compute_smoothed_loss(
            logits / np.exp(right), labels, wrong_share
        ):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _compute_smoothed_loss(logits: NDArray[np.float64], labels: NDArray[np.integer], wrong_share: float) -> float:
    """Compute the loss with targets of 1 - `wrong_share` for the true class, and equal ones for the others."""
    highest = logits.max(axis=1)
    losses = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    true = logits[np.arange(len(labels)), labels]
    if not wrong_share:
        return float(np.mean(losses - true))
    others = (logits.sum(axis=1) - true) / (logits.shape[1] - 1)
    return float(np.mean(losses - (1 - wrong_share) * true - wrong_share * others))
