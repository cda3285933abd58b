"""Features → the most similar photos of each, and which photos resemble no other."""

import numpy as np
from numpy.typing import NDArray

# Bounds the memory of one comparison: rows at once times all photos.
_CELLS_AT_ONCE = 1 << 22
# An outlier is so many times the median distance of the photos from their own median away from its neighbours.
# Source: B. Iglewicz, D. Hoaglin, "How to Detect and Handle Outliers", 1993: 3.5 after scaling by 0.6745.
_OUTLIER_DISTANCES = 3.5 / 0.6745


def find_neighbours(
    features: NDArray[np.floating], rows: NDArray[np.int64], groups: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the most similar photos of other groups by the cosine of their features.

    Args:
        features: float [photos, channels].
        rows: int [selected], the photos whose neighbours are searched.
        groups: int [photos]; photos of one group, such as near duplicates, are no neighbours.
        count: neighbours of each photo; fewer if there are not so many.

    Returns:
        int64 [selected, count], rows of the neighbours, the nearest first, -1 where there is none; and float64
        [selected, count], their cosine distances, 0..2, infinite where there is none.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(lengths > 0, lengths, 1)
    count = min(count, len(features))
    neighbours = np.full((len(rows), count), -1, np.int64)
    distances = np.full((len(rows), count), np.inf)
    step = max(1, _CELLS_AT_ONCE // max(1, len(features)))
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        distance = 1 - unit[chunk] @ unit.T
        distance[groups[chunk][:, None] == groups[None, :]] = np.inf
        nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(distance, nearest, axis=1)
        # The row decides between equal distances, so that the result does not depend on the partition.
        order = np.lexsort((nearest, values), axis=1)
        nearest, values = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(values, order, axis=1)
        neighbours[start : start + step] = np.where(np.isfinite(values), nearest, -1)
        distances[start : start + step] = values
    return neighbours, distances


def mark_outliers(distances: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark the photos that are much further from their neighbours than most photos are.

    Args:
        distances: float [photos, count], from `find_neighbours` for all photos, at least one neighbour.

    Returns:
        bool [photos].
    """
    finite = np.where(np.isfinite(distances), distances, np.nan)
    has_any = ~np.isnan(finite).all(axis=1)
    means = np.full(len(distances), np.nan)
    means[has_any] = np.nanmean(finite[has_any], axis=1)
    if not has_any.any():
        return np.zeros(len(distances), bool)
    median = np.nanmedian(means)
    spread = np.nanmedian(np.abs(means - median))
    # A photo whose group is everything has no neighbours, and is not known to be an outlier.
    return np.asarray(np.nan_to_num(means, nan=-np.inf) > median + _OUTLIER_DISTANCES * spread + 1e-9)
