"""Similarity of photos to the reference features, as answers.py of a bundle computes it on the device."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The reference features are at most this part of the model file.
REFERENCE_PART = 10


def normalize_features(features: ArrayLike) -> NDArray[np.float32]:
    """Scale each row to length 1: float32 [photos, features]. A row of zeros stays."""
    values = np.asarray(features, dtype=np.float32)
    lengths = np.sqrt((values * values).sum(axis=-1, keepdims=True))
    return np.asarray(values / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def compute_similarities(reference: NDArray[np.int8], features: ArrayLike) -> NDArray[np.float32]:
    """Compute the largest cosine similarity of each photo to a row of the reference.

    Args:
        reference: int8 [references, features].
        features: float [photos, features].

    Returns:
        float32 [photos], -1..1.
    """
    return np.asarray((normalize_features(features) @ normalize_features(reference).T).max(axis=1))
