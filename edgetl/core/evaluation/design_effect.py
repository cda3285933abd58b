"""The design effect of groups: how much wider an interval is because photos of one group are not independent.

Photos of one object, one burst or one fixed camera succeed or fail together. Counting them as independent would make
the interval of the drop too narrow.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def compute_design_effect(differences: NDArray[np.integer], groups: NDArray[np.integer]) -> float:
    """Compute the ratio of the variance of the drop with groups to its variance with independent photos.

    The variance with groups is that of the sums of broke minus fixed per group, corrected for few groups. One group of
    mean size that breaks as a whole is added to both variances: without it, few discordant photos would hide the
    correlation, and the interval would be too narrow. Where each group is one photo the result is exactly 1.

    Args:
        differences: int [photos], 1 for a photo that broke, -1 for one that was fixed, 0 for all others.
        groups: int [photos], the group of each photo.

    Returns:
        The design effect, above 0; below 1 where broken and fixed photos balance within groups.

    Raises:
        ValueError: no photos, a single group of several photos, or arrays of different lengths.

    Source: Rao and Scott (1992), A simple method for the analysis of clustered binary data, Biometrics 48:577-585;
    Yang, Sun and Hardin (2010), A note on the tests for clustered matched-pair binary data, Biometrical Journal
    52:638-652.
    """
    if differences.shape != groups.shape or differences.ndim != 1 or not len(differences):
        raise ValueError(f"differences {differences.shape} and groups {groups.shape} must be [photos], at least one")
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) == len(differences):
        return 1.0
    if len(sizes) < 2:
        raise ValueError("all photos are in one group: its variance cannot be estimated")
    photos, drop = len(differences), float(differences.mean())
    sums = np.bincount(places, weights=differences)
    # The size of the group of a randomly drawn photo.
    mean_size = float((sizes**2).sum() / photos)
    with_groups = float(((sums - sizes * drop) ** 2).sum()) + mean_size**2
    independent = float(((differences - drop) ** 2).sum()) + mean_size
    few_groups = len(sizes) / (len(sizes) - 1) * (photos - 1) / photos
    return with_groups / independent * few_groups


def measure_design_effect(differences: NDArray[np.integer], groups: NDArray[np.integer]) -> float:
    """Compute the design effect, also for a single group, which counts as one photo.

    Nothing is known about the variance between groups then, and a design effect is at most the number of photos.

    Args:
        differences: int [photos], see `compute_design_effect`.
        groups: int [photos], the group of each photo.
    """
    if len(groups) and (groups == groups[0]).all():
        return float(len(groups))
    return compute_design_effect(differences, groups)


def number_groups(names: Sequence[str]) -> NDArray[np.int64]:
    """Number the groups of photos; a photo without a group is a group of its own.

    Args:
        names: the name of the group of each photo, "" for none.

    Returns:
        int64 [photos].
    """
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(name, row) if name else row for row, name in enumerate(names)],
        dtype=np.int64,
    )
