"""The threshold on the similarity to the training photos below which a photo is none of the classes.

The bound holds for new photos that are exchangeable with the validation photos: the same things, cameras, places and
light. It says nothing about photos of a darker room.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def find_conformal_threshold(similarities: ArrayLike, rejected_share: float) -> float:
    """Find the highest threshold below which a new photo of the same kind falls at most that often.

    The threshold is the k-th smallest similarity, k = floor((photos + 1) * rejected_share). A new photo is rejected if
    its similarity is below the threshold. In expectation over validation photos and new photos, the share of rejected
    photos is at most k / (photos + 1).

    The proof needs similarities that are exchangeable with those of new photos. The validation photos also choose the
    epoch, the file and the temperature. The temperature does not act on features, so it has no part in this. The epoch
    and the file are the best of few for the accuracy on these photos, not for their similarities. Their features may be
    slightly more typical than those of new photos, and then slightly more than the stated share of new photos is
    rejected. The test photos, which choose nothing, show the share.

    Args:
        similarities: float [photos], of photos that were not trained on.
        rejected_share: the share of the user's own photos that may be rejected, 0..1.

    Returns:
        The threshold; -inf where there are too few photos to reject any.

    Raises:
        ValueError: no photos, or a share outside 0..1.

    Source: Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, chapter 2; Papadopoulos et al.
    (2002), Inductive Confidence Machines for Regression.
    """
    ordered = np.sort(np.asarray(similarities, dtype=np.float64))
    if ordered.ndim != 1 or not len(ordered):
        raise ValueError(f"similarities of shape {ordered.shape} must be [photos], at least one")
    if not 0 <= rejected_share < 1:
        raise ValueError(f"the share of rejected photos must be 0..1, below 1, not {rejected_share}")
    # A product such as 19.999999999999996 is 20: a share of 0.2 of 100 photos is meant exactly.
    rank = math.floor((len(ordered) + 1) * rejected_share + 1e-9)
    return float(ordered[rank - 1]) if rank else -math.inf


def find_class_thresholds(
    similarities: ArrayLike, classes: ArrayLike, names: Sequence[str], rejected_share: float
) -> dict[str, float]:
    """Find a threshold for each class, so that the bound holds within each of them.

    Args:
        similarities: float [photos].
        classes: int [photos], the true class of each photo.
        names: of the classes.
        rejected_share: see `find_conformal_threshold`.

    Returns:
        Name of each class → its threshold; -inf for a class without photos.

    Source: Vovk (2012), Conditional validity of inductive conformal predictors: label-conditional predictors.
    """
    values, labels = np.asarray(similarities, dtype=np.float64), np.asarray(classes)
    return {
        name: find_conformal_threshold(values[labels == index], rejected_share)
        if (labels == index).any()
        else -math.inf
        for index, name in enumerate(names)
    }


def count_photos_needed(rejected_share: float) -> int:
    """Count the validation photos with which a photo can be rejected at all."""
    return math.ceil(1 / rejected_share - 1e-9) - 1
