"""Which photos heads predict right after training on 10 to 100 % of the photos → curves, and what more photos give.

Accuracy follows an inverse power law of the number n of training photos: a - b n^-c.
Source: J. Hestness et al., "Deep Learning Scaling is Predictable, Empirically", 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.core.inspection.findings import LearningCurve

# Two-sided, confidence 0.9.
_LOW, _HIGH = 5.0, 95.0
_RESAMPLES = 300
_EXPONENTS = np.linspace(0.1, 1.5, 15)
# A class with fewer photos has no curve of its own.
_FEWEST_PHOTOS = 30

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class SubsetPredictions:
    """Predictions of heads trained on subsets of the photos.

    Attributes:
        photos: int [sizes], numbers of training photos, in increasing order.
        right: bool [draws, sizes, photos], whether a head of that size, not trained on the photo, predicts it right.
    """

    photos: NDArray[np.int64]
    right: NDArray[np.bool_]


def fit_curves(
    predictions: SubsetPredictions, labels: NDArray[np.int64], groups: NDArray[np.int64], more: int
) -> tuple[LearningCurve, ...]:
    """Fit a learning curve of all classes, and one of each class with at least 30 photos.

    Args:
        predictions: of heads on subsets.
        labels: int [photos].
        groups: int [photos]; photos of one group are drawn together.
        more: how many more photos the prediction is for, above 0.
    """
    curves = [_fit_curve(predictions, np.arange(len(labels)), groups, more, -1)]
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        if len(rows) >= _FEWEST_PHOTOS:
            curves.append(_fit_curve(predictions, rows, groups, more, label))
    return tuple(curves)


def predict_accuracy(
    predictions: SubsetPredictions, groups: NDArray[np.int64], photos: int
) -> tuple[float, float, float]:
    """Predict the accuracy after training on another number of photos: the value and its two bounds.

    The interval covers the accuracy that is measured on about as many photos as these.

    Args:
        predictions: of heads on subsets.
        groups: int [photos]; photos of one group are drawn together.
        photos: the number of training photos.
    """
    accuracies = _resample(predictions, np.arange(len(groups)), groups)
    values = _evaluate(predictions.photos, accuracies, np.array([photos]))[:, 0]
    return float(values[0]), float(np.percentile(values[1:], _LOW)), float(np.percentile(values[1:], _HIGH))


def _fit_curve(
    predictions: SubsetPredictions, rows: NDArray[np.int64], groups: NDArray[np.int64], more: int, label: int
) -> LearningCurve:
    accuracies = _resample(predictions, rows, groups[rows])
    largest = int(predictions.photos[-1])
    values = _evaluate(predictions.photos, accuracies, np.array([largest, largest + more]))
    gains = values[:, 1] - values[:, 0]
    low, high = np.percentile(gains[1:], [_LOW, _HIGH])
    gain = float(gains[0])
    return LearningCurve(
        label=label,
        photos=tuple(predictions.photos.tolist()),
        accuracies=tuple(accuracies[0].tolist()),
        more=more,
        gain=gain,
        # The estimate itself may be beyond a bound of few resamples.
        gain_low=min(float(low), gain),
        gain_high=max(float(high), gain),
    )


def _resample(predictions: SubsetPredictions, rows: NDArray[np.int64], groups: NDArray[np.int64]) -> Values:
    """Compute the accuracy at each size, of all photos first, then of resampled groups and draws.

    Returns:
        float64 [1 + resamples, sizes].
    """
    generator = np.random.default_rng(1)
    _, numbers = np.unique(groups, return_inverse=True)
    right = predictions.right[:, :, rows]
    draws, sizes = right.shape[:2]
    count = int(numbers.max()) + 1
    sums = np.zeros((count, draws, sizes))
    np.add.at(sums, numbers, right.transpose(2, 0, 1).astype(float))
    weights = np.bincount(numbers, minlength=count).astype(float)
    accuracies = [right.mean(axis=(0, 2))]
    for _ in range(_RESAMPLES):
        groups_drawn = generator.integers(0, count, count)
        # Each size is trained on photos that were drawn by chance, too: a draw for each size.
        draw = generator.integers(0, draws, sizes)
        total = sums[groups_drawn].sum(axis=0)[draw, np.arange(sizes)]
        accuracies.append(total / weights[groups_drawn].sum())
    return np.array(accuracies)


def _evaluate(photos: NDArray[np.int64], accuracies: Values, at: NDArray[np.int64]) -> Values:
    """Fit each row of accuracies, and evaluate the curve at other numbers of photos: float64 [rows, at].

    For each exponent the fit is linear; the exponent with the least squared error counts. A curve never falls, and
    never exceeds 1.
    """
    best = np.full(len(accuracies), np.inf)
    values = np.zeros((len(accuracies), len(at)))
    # Larger subsets are nearer to what is predicted.
    weights = np.sqrt(photos / photos.sum())
    for exponent in _EXPONENTS:
        x, target = photos**-exponent, at**-exponent
        mean_x = np.average(x, weights=weights)
        mean_y = np.average(accuracies, axis=1, weights=weights)
        centred = x - mean_x
        slope = ((accuracies - mean_y[:, None]) * centred * weights).sum(axis=1) / (centred**2 * weights).sum()
        slope = np.minimum(slope, 0.0)
        fitted = mean_y[:, None] + slope[:, None] * centred
        error = ((fitted - accuracies) ** 2 * weights).sum(axis=1)
        better = error < best
        best = np.where(better, error, best)
        predicted = np.minimum(mean_y[:, None] + slope[:, None] * (target - mean_x), 1.0)
        values = np.where(better[:, None], predicted, values)
    return values
