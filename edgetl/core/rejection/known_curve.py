"""Similarities of photos → how many stay known as the threshold for "none of these" rises."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.rejection.records import KnownPoint
from edgetl.core.rejection.thresholds import PredictedPhotos

# A curve of more points looks the same.
_POINTS = 100


def trace_known(
    own: PredictedPhotos, others: Sequence[PredictedPhotos], lowest: NDArray[np.floating]
) -> tuple[KnownPoint, ...]:
    """Trace which photos are known if all thresholds are moved by the same value.

    Args:
        own: photos of the classes, at least one.
        others: groups of photos of other things.
        lowest: float [classes], the lowest similarity of a known photo. These thresholds are the point with shift 0.

    Returns:
        The points from few known photos to all, at most 101.

    Source: the curve of correct detection against false positives of Dhamija, Günther and Boult (2018), Reducing
    network agnostophobia, NeurIPS, with similarities in place of probabilities.
    """
    margins = _measure_margins(own, lowest)
    # Each photo is the last known one at one shift.
    shifts = np.unique(margins)[::-1]
    if len(shifts) > _POINTS:
        shifts = shifts[np.linspace(0, len(shifts) - 1, _POINTS).round().astype(int)]
    shifts = np.unique(np.append(shifts, 0.0))[::-1]
    other_margins = [_measure_margins(photos, lowest) for photos in others]
    return tuple(
        KnownPoint(
            shift=round(float(shift), 6),
            own=float((margins >= shift).mean()),
            others=tuple(float((values >= shift).mean()) if len(values) else 0.0 for values in other_margins),
        )
        for shift in shifts
    )


def _measure_margins(photos: PredictedPhotos, lowest: NDArray[np.floating]) -> NDArray[np.float64]:
    """Measure how far each similarity is above the threshold of the predicted class."""
    return np.asarray(photos.similarities - lowest[photos.scores.argmax(axis=1)], np.float64)
