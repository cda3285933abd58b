"""Condenses the features of the training photos to a few rows for each class, which travel to the device."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from edgetl.core.rejection.similarity import normalize_features

# With 20 rows a class, the area under the ROC curve of MobileNetV2's features on five flowers is that of the similarity
# to the tenth nearest of all 2 135 training photos; with 40 rows it is lower, because single photos get a row.
MOST_ROWS = 20
# A row represents at least so many photos: one photo alone may be a mistake.
_PHOTOS_OF_A_ROW = 5
_LARGEST = 127


def condense_features(features: ArrayLike, classes: ArrayLike, *, most_bytes: int) -> NDArray[np.int8]:
    """Condense features to the centres of clusters within each class.

    Args:
        features: float [photos, features], of training photos.
        classes: int [photos], the class of each photo.
        most_bytes: size of the result at most; every class has one row all the same.

    Returns:
        int8 [rows, features], each row scaled so that its largest magnitude is 127. The scale has no meaning: a cosine
        does not depend on it.

    Raises:
        ValueError: no photos, or arrays that do not match.
    """
    values, labels = normalize_features(features), np.asarray(classes)
    if values.ndim != 2 or values.shape[:1] != labels.shape or not len(values):
        raise ValueError(f"features {values.shape} and classes {labels.shape} must be [photos, features] and [photos]")
    present = np.unique(labels)
    share = max(1, min(MOST_ROWS, most_bytes // (values.shape[1] * len(present))))
    centres = []
    # One thread: sums in another order would give other bytes on a machine with more cores. The matrices are small, and
    # threads that wait for each other on a busy machine take ten times as long.
    with threadpool_limits(1):
        for label in present:
            rows = values[labels == label]
            count = max(1, min(share, len(rows) // _PHOTOS_OF_A_ROW, len(np.unique(rows, axis=0))))
            # A fixed seed: the same photos give the same bundle.
            centres.append(KMeans(count, n_init=1, random_state=0).fit(rows).cluster_centers_)
    stacked = np.concatenate(centres)
    largest = np.abs(stacked).max(axis=1, keepdims=True)
    return np.asarray(np.rint(stacked / np.where(largest == 0, 1, largest) * _LARGEST), dtype=np.int8)
