"""Photos → their labels as an array, in the form that `task.PhotoTask` describes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.records import Photo


def list_labels(photos: Sequence[Photo]) -> NDArray[np.int64]:
    """Return the labels of photos.

    Args:
        photos: at least one.

    Returns:
        int64 [photos], the index of the class; or int64 [photos, labels] of 0 and 1 where photos may have several.

    Raises:
        ValueError: photos of two data sets.
    """
    if len({len(photo.labels) for photo in photos}) > 1:
        raise ValueError("some photos have one class, and some may have several labels")
    several = bool(photos) and bool(photos[0].labels)
    return np.array([photo.labels if several else photo.label for photo in photos], dtype=np.int64)
