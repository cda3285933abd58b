"""Counts by class → bounds of the mean over classes of a rate, or of a difference of two paired rates.

Every class counts equally, however few photos it has. A class with few photos makes the bounds wide.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

# The multiplier is searched over so many orders of magnitude around the number of photos, by so many bisections.
_MAGNITUDES = 9
# Rounding errors of a rate. A smaller distance is none, however small the variance is.
_ROUNDING = 1e-12
_BISECTIONS = 50


def find_upper_bound(broke: Counts, fixed: Counts, photos: Counts, quantile: float, correction: float) -> float:
    """Find the mean drop above the observed one at which the score statistic reaches the quantile.

    The observed drop is the mean over classes of (broke - fixed) / photos. For each larger mean, the rates of all
    classes are those of maximum likelihood under it: they are a function of one Lagrange multiplier, which is found by
    bisection. Of one class, and without correction, it is Tango's bound.

    Args:
        broke: [classes], photos that only the reference predicts correctly.
        fixed: [classes], photos that only the artifact predicts correctly.
        photos: [classes], all photos, above 0.
        quantile: of the standard normal distribution, above 0.
        correction: what is subtracted from the distance to the observed drop.

    Returns:
        The bound, at most 1.

    Source: Martín Andrés, Álvarez Hernández and Herranz Tejedor (2011), Inferences about a linear combination of
    proportions, Statistical Methods in Medical Research 20:369-387, for independent proportions; Tango (1998),
    Statistics in Medicine 17:891-908, for the paired difference of each class.
    """
    (bound,) = find_upper_bounds(broke[None], fixed[None], photos, np.array([quantile]), np.array([correction]))
    return float(bound)


def find_upper_bounds(broke: Counts, fixed: Counts, photos: Counts, quantiles: Counts, corrections: Counts) -> Counts:
    """Find the bounds of many counts of the same photos at once: see `find_upper_bound`.

    Args:
        broke: [counts, classes].
        fixed: [counts, classes].
        photos: [classes], above 0.
        quantiles: [counts], above 0.
        corrections: [counts].

    Returns:
        The bounds, at most 1, [counts].
    """
    weight = 1 / len(photos)
    observed = ((broke - fixed) / photos).mean(axis=1)
    low = np.full(len(broke), math.log(float(photos.min()) / weight) - _MAGNITUDES * math.log(10))
    high = np.full(len(broke), math.log(float(photos.max()) / weight) + _MAGNITUDES * math.log(10))
    bounds = np.ones(len(broke))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        broke_rates, fixed_rates = _estimate_rates(broke, fixed, photos, np.exp(middle)[:, None] * weight)
        drops = broke_rates - fixed_rates
        means = drops.mean(axis=1)
        variances = weight**2 * ((broke_rates + fixed_rates - drops**2) / photos).sum(axis=1)
        distances = means - observed - corrections
        # Squared: it needs no division by a variance that may be 0.
        inside = (distances < _ROUNDING) | (distances**2 <= quantiles**2 * variances)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        # The end that is outside is returned: the interval is rounded outwards.
        bounds = np.where(inside, bounds, means)
    return np.minimum(1.0, bounds)


def compute_mean_recall_bounds(
    correct: Sequence[int], photos: Sequence[int], *, confidence: float
) -> tuple[float, float]:
    """Compute the score bounds of a balanced accuracy, each one-sided at `confidence`.

    They treat the photos as independent. With the correction for continuity they hold for classes of a single photo
    too: see `compute_correction`.

    Args:
        correct: photos of each class that are predicted correctly.
        photos: photos of each class, at least 1.
        confidence: of each bound, between 0.5 and 1, both excluded.

    Returns:
        low and high, 0..1, around the mean of correct / photos.

    Raises:
        ValueError: counts that are impossible, or a confidence out of range.

    Source: see `find_upper_bound`.
    """
    all_photos, right = np.array(photos, np.float64), np.array(correct, np.float64)
    if not len(all_photos) or not ((all_photos >= 1) & (right >= 0) & (right <= all_photos)).all():
        raise ValueError(f"{list(correct)} correct predictions are impossible for {list(photos)} photos")
    quantile, correction = compute_quantile(confidence, 1.0), compute_correction(all_photos, 1.0)
    nothing = np.zeros(len(all_photos))
    # A lower bound of the recall is an upper bound of the rate of errors.
    errors = find_upper_bound(all_photos - right, nothing, all_photos, quantile, correction)
    return 1 - errors, find_upper_bound(right, nothing, all_photos, quantile, correction)


def compute_correction(photos: Counts, design_effect: float) -> float:
    """Compute the correction for continuity: half of what one photo of the smallest class changes.

    Without it, the bounds of a mean that depends on a class of two or three photos hold in less than 90 % of draws.

    Args:
        photos: [classes], photos of each class.
        design_effect: about the number of photos that change together.

    Source: Yates (1934), Supplement to the Journal of the Royal Statistical Society 1:217-235, for one proportion.
    """
    return design_effect / (2 * len(photos) * float(photos.min()))


def compute_quantile(confidence: float, design_effect: float) -> float:
    """Compute the quantile of a one-sided bound; a variance larger by a factor is a quantile larger by its root.

    Raises:
        ValueError: a confidence or a design effect out of range.
    """
    # Written so that NaN fails too.
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is between 0.5 and 1, not {confidence}")
    if not 0 < design_effect < math.inf:
        raise ValueError(f"design_effect is above 0, not {design_effect}")
    return NormalDist().inv_cdf(confidence) * math.sqrt(design_effect)


def _estimate_rates(broke: Counts, fixed: Counts, photos: Counts, multiplier: Counts) -> tuple[Counts, Counts]:
    """Estimate the rates of broken and of fixed photos of each class for one Lagrange multiplier of all classes.

    With m photos of neither kind, the rates are broke / (s - multiplier), fixed / (s + multiplier) and m / s. They sum
    to 1, so s is the largest root of s^3 - photos s^2 - a s + m multiplier^2, where a is multiplier^2 + multiplier
    (broke - fixed), by the trigonometric formula: all its roots are real. Without broken photos, s is at least the
    multiplier.
    """
    neither = photos - broke - fixed
    a = multiplier * (multiplier + broke - fixed)
    p = (photos**2 + 3 * a) / 9
    q = (2 * photos**3 + 9 * photos * a - 27 * neither * multiplier**2) / 54
    # Rounding errors must not lead out of the range of the arccosine, or of a rate.
    angle = np.arccos(np.clip(q / p**1.5, -1, 1))
    s = np.maximum(photos / 3 + 2 * np.sqrt(p) * np.cos(angle / 3), multiplier)
    fixed_rates = fixed / (s + multiplier)
    return np.clip(1 - fixed_rates - neither / s, 0, 1), fixed_rates
