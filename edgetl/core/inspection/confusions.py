"""Out-of-fold predictions → the pairs of classes that heads confuse, and the photos between them."""

import numpy as np
from numpy.typing import NDArray

from edgetl.core.inspection.findings import ConfusedPair

_MOST_PAIRS = 20
_BETWEEN = 6
# A single confusion may be a wrong label.
_FEWEST_PHOTOS = 2


def find_confused_pairs(labels: NDArray[np.int64], scores: NDArray[np.floating]) -> tuple[ConfusedPair, ...]:
    """Find pairs of a class and a wrong prediction, those with the most photos first, of equals the larger part.

    Args:
        labels: int [photos], 0..classes-1.
        scores: float [photos, classes], probabilities by heads that were not trained on the photo.
    """
    classes = scores.shape[1]
    predicted = scores.argmax(axis=1)
    counts = np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    totals = counts.sum(axis=1)
    pairs = [
        (int(counts[label, other]), float(counts[label, other] / totals[label]), int(label), int(other))
        for label, other in np.argwhere(counts >= _FEWEST_PHOTOS)
        if label != other
    ]
    pairs.sort(key=lambda pair: (-pair[0], -pair[1], pair[2:]))
    return tuple(
        ConfusedPair(
            label=label,
            predicted=other,
            photos=photos,
            total=int(totals[label]),
            between=_find_between(labels, scores, (label, other)),
        )
        for photos, _, label, other in pairs[:_MOST_PAIRS]
    )


def _find_between(labels: NDArray[np.int64], scores: NDArray[np.floating], pair: tuple[int, int]) -> tuple[int, ...]:
    """Find photos of two classes whose probabilities of both are closest, among those that are likely one of them."""
    first, second = scores[:, pair[0]], scores[:, pair[1]]
    rows = np.flatnonzero(np.isin(labels, pair) & (first + second > 0.5))
    distance = np.abs(first[rows] - second[rows])
    return tuple(int(row) for row in rows[np.argsort(distance, kind="stable")][:_BETWEEN])
