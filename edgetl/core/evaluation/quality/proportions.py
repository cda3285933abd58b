"""Counts of correct predictions → bounds of an accuracy, and the probability that two accuracies differ by chance."""

import math
from statistics import NormalDist

# Of each bound of an interval: both together leave out 5 %.
_INTERVAL_CONFIDENCE = 0.975


def compute_wilson_bounds(correct: float, photos: float, *, confidence: float) -> tuple[float, float]:
    """Compute the score bounds of an accuracy, each one-sided at `confidence`.

    Args:
        correct: photos that are predicted correctly.
        photos: all photos, at least 1; where they are not independent, the effective number.
        confidence: of each bound, between 0.5 and 1, both excluded; 0.95 gives the two-sided 90 % interval.

    Returns:
        low and high, 0..1, around correct / photos.

    Raises:
        ValueError: counts that are impossible, or a confidence out of range.

    Source: Wilson (1927), Journal of the American Statistical Association 22:209-212; Newcombe (1998), Statistics in
    Medicine 17:857-872, method 3.
    """
    _check_counts(correct, photos)
    # Written so that NaN fails too.
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is between 0.5 and 1, not {confidence}")
    quantile = NormalDist().inv_cdf(confidence)
    rate, square = correct / photos, quantile**2
    centre = (rate + square / (2 * photos)) / (1 + square / photos)
    half_width = quantile * math.sqrt(rate * (1 - rate) / photos + square / (4 * photos**2)) / (1 + square / photos)
    # At 0 and 1 the formula gives exactly 0 and 1; rounding errors must not lead out of that range.
    return (0.0 if correct == 0 else centre - half_width, 1.0 if correct == photos else centre + half_width)


def compute_share_bounds(count: int, photos: int) -> tuple[float, float]:
    """Compute the 95% interval of a share of photos, 0..1; all of it without photos."""
    return compute_wilson_bounds(count, photos, confidence=_INTERVAL_CONFIDENCE) if photos else (0.0, 1.0)


def compute_difference_probability(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Compute the two-sided p-value of the difference of two accuracies on different photos, 0..1.

    It is Pearson's chi-squared test with the correction (N - 1) / N. The correction by Yates would find a difference
    in small samples much less often than its level.

    Args:
        first: correctly predicted photos and all photos, at least 1, of the first part.
        second: likewise, of the second part.

    Raises:
        ValueError: counts that are impossible.

    Source: Campbell (2007), Chi-squared and Fisher-Irwin tests of two-by-two tables with small sample recommendations,
    Statistics in Medicine 26:3661-3675.
    """
    for correct, photos in (first, second):
        _check_counts(correct, photos)
    photos = first[1] + second[1]
    rate = (first[0] + second[0]) / photos
    # All photos correct, or none: the accuracies are equal.
    if rate in (0, 1):
        return 1.0
    difference = first[0] / first[1] - second[0] / second[1]
    variance = rate * (1 - rate) * (1 / first[1] + 1 / second[1]) * photos / (photos - 1)
    return math.erfc(abs(difference) / math.sqrt(2 * variance))


def _check_counts(correct: float, photos: float) -> None:
    if not (photos >= 1 and 0 <= correct <= photos):
        raise ValueError(f"{correct} correct predictions are impossible for {photos} photos")
