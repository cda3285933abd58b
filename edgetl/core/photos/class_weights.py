"""Weights of photos that make all classes count equally in training, where their numbers of photos differ much."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

ClassWeightChoice = Literal["auto", "balanced", "none"]

# "auto" weighs classes if the largest has more than this many times the photos of the smallest. Below, weights change
# accuracy less than the draw of the photos does.
LARGEST_RATIO = 3.0


def compute_imbalance(labels: NDArray[np.integer]) -> float:
    """Return how many times more photos the largest class has than the smallest one with photos; 1 if they are equal.

    Args:
        labels: int [photos], at least one.
    """
    counts = np.bincount(labels)
    return float(counts.max() / counts[counts > 0].min())


def is_weighted(labels: NDArray[np.integer], choice: ClassWeightChoice) -> bool:
    """Return whether training on photos with these labels weighs their classes."""
    return choice == "balanced" or (choice == "auto" and compute_imbalance(labels) > LARGEST_RATIO)


def weigh_photos(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return a weight for each photo: all classes have the same sum, and the mean is 1.

    An accuracy with these weights is the balanced accuracy, which is the mean of the recalls of the classes.

    Args:
        labels: int [photos], at least one.
    """
    counts = np.bincount(labels)
    classes = np.count_nonzero(counts)
    weights: NDArray[np.float64] = len(labels) / (classes * counts[labels])
    return weights.astype(np.float32)


def compute_label_imbalance(labels: NDArray[np.integer]) -> float:
    """Return how many times more photos have the most frequent label than the rarest one that a photo has.

    Args:
        labels: int [photos, labels], 1 where a photo has a label.
    """
    counts = labels.sum(axis=0)
    return float(counts.max() / counts[counts > 0].min()) if counts.any() else 1.0


def weigh_labels(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return a weight for each label of each photo: photos with and without a label have the same sum, the mean is 1.

    A fraction of right decisions with these weights is the mean of the balanced accuracies of the labels. A label that
    all photos have, or none, is not weighed.

    Args:
        labels: int [photos, labels], 1 where a photo has a label.
    """
    present = labels.sum(axis=0)
    absent = len(labels) - present
    both = (present > 0) & (absent > 0)
    counts = np.where(labels == 1, present, absent)
    weights: NDArray[np.float64] = np.where(both, len(labels) / (2 * np.maximum(counts, 1)), 1.0)
    return weights.astype(np.float32)
