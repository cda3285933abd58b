"""The design effect of groups on the drop of balanced accuracy: see `core.evaluation.design_effect`.

A photo of a class with few photos counts more in the mean over classes, so a group of such photos does, too.
"""

import numpy as np
from numpy.typing import NDArray


def measure_class_design_effect(
    differences: NDArray[np.integer], labels: NDArray[np.integer], groups: NDArray[np.integer]
) -> float:
    """Measure the ratio of the variance of the mean drop with groups to its variance with independent photos.

    A photo weighs 1 / (classes * photos of its class). The variance with groups is that of the weighted sums of the
    groups, which may contain photos of several classes, each corrected for few groups of the class. One group of mean
    size of each class that breaks as a whole is added to both variances: without them, few discordant photos would hide
    the correlation. Where all photos of a class are in one group, nothing is known about the variance between groups,
    and it counts as one photo. Where each group is one photo the result is exactly 1, and of one class it is that of
    `design_effect.measure_design_effect`.

    Args:
        differences: int [photos], 1 for a photo that broke, -1 for one that was fixed, 0 for all others.
        labels: int [photos], the class of each photo.
        groups: int [photos], the group of each photo.

    Returns:
        The design effect, above 0.

    Raises:
        ValueError: no photos, or arrays of different lengths.

    Source: Rao and Scott (1992), Biometrics 48:577-585; Cochran (1977), Sampling Techniques, 3rd edition, sections 5.4
    and 9A.2, for the mean of stratum means and for sums of groups.
    """
    if not differences.shape == labels.shape == groups.shape or differences.ndim != 1 or not len(differences):
        raise ValueError(
            f"differences {differences.shape}, labels {labels.shape} and groups {groups.shape} must be [photos]"
        )
    _, group_of = np.unique(groups, return_inverse=True)
    if group_of.max() + 1 == len(groups):
        return 1.0
    classes = np.unique(labels)
    weighted = np.zeros(len(labels))
    with_groups = independent = 0.0
    for label in classes:
        rows = np.flatnonzero(labels == label)
        weight = 1 / (len(classes) * len(rows))
        sizes = np.bincount(group_of[rows])
        sizes = sizes[sizes > 0]
        # The size of the group of a randomly drawn photo.
        mean_size = float((sizes**2).sum() / len(rows))
        deviations = weight * (differences[rows] - differences[rows].mean())
        squares = float((deviations**2).sum())
        independent += squares + weight**2 * mean_size
        with_groups += weight**2 * mean_size**2
        if len(sizes) == 1:
            with_groups += len(rows) * squares
        else:
            few_groups = len(sizes) / (len(sizes) - 1) * (len(rows) - 1) / len(rows)
            weighted[rows] = deviations * np.sqrt(few_groups)
            # The group that is added is corrected as the others are.
            with_groups += weight**2 * mean_size**2 * (few_groups - 1)
    with_groups += float((np.bincount(group_of, weights=weighted) ** 2).sum())
    return with_groups / independent
