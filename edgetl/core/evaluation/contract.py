"""The accuracy contract: counts of paired answers go in; an interval, an outcome and photos still needed come out.

Reference and artifact answer the same photos. `broke` photos only the reference gets right, `fixed` photos only the
artifact gets right, and drop = (broke - fixed) / photos: what conversion cost, as a fraction of accuracy.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from edgetl.core.records import Outcome

MOST_PHOTOS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the counts say about a limit.

    `low` and `high` are the one-sided bounds of `drop`. `photos_needed` is how many more photos would decide if the
    rates seen so far held: 0 when decided, None when not even 10 million photos would.
    """

    drop: float
    low: float
    high: float
    outcome: Outcome
    photos_needed: int | None


def compute_tango_interval(broke: int, fixed: int, photos: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The score bounds of the drop, each one-sided at `confidence`.

    Together they are the two-sided interval at 2 * confidence - 1: 0.95 gives the published 90 % limits.

    Args:
        broke: photos the reference gets right and the artifact wrong.
        fixed: photos the artifact gets right and the reference wrong.
        photos: all photos, at least 1.
        confidence: of each bound, between 0.5 and 1, both excluded.

    Returns:
        low and high, -1..1, around (broke - fixed) / photos.

    Raises:
        ValueError: counts that no photos can give, or a confidence out of range.

    Source: Tango (1998), Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17:891-908.
    """
    _check_counts(broke, fixed, photos)
    return _bounds(broke, fixed, photos, _quantile(confidence))


def decide_outcome(broke: int, fixed: int, photos: int, limit_drop: float, *, confidence: float) -> Decision:
    """PASS when the whole interval keeps the limit, FAIL when none of it does, UNDECIDED in between.

    Args:
        broke: photos the reference gets right and the artifact wrong.
        fixed: photos the artifact gets right and the reference wrong.
        photos: all photos, at least 1.
        limit_drop: the largest drop allowed, 0..1.
        confidence: of each one-sided bound, between 0.5 and 1, both excluded.

    Raises:
        ValueError: counts that no photos can give, or a limit or confidence out of range.
    """
    _check_counts(broke, fixed, photos)
    if not 0 <= limit_drop <= 1:
        raise ValueError(f"limit_drop is a fraction 0..1, not {limit_drop}")
    quantile = _quantile(confidence)
    low, high = _bounds(broke, fixed, photos, quantile)
    outcome = _outcome(low, high, limit_drop)
    more = 0 if outcome != "UNDECIDED" else _photos_needed(broke, fixed, photos, limit_drop, quantile)
    return Decision(drop=(broke - fixed) / photos, low=low, high=high, outcome=outcome, photos_needed=more)


def _check_counts(broke: int, fixed: int, photos: int) -> None:
    if not photos >= 1:
        raise ValueError(f"an interval needs at least one photo, not {photos}")
    if not (broke >= 0 and fixed >= 0 and broke + fixed <= photos):
        raise ValueError(f"{broke} broken and {fixed} fixed cannot be counts among {photos} photos")


def _quantile(probability: float) -> float:
    if not 0.5 < probability < 1:
        raise ValueError(f"confidence and power lie between 0.5 and 1, not at {probability}")
    return NormalDist().inv_cdf(probability)


def _outcome(low: float, high: float, limit_drop: float) -> Outcome:
    if high <= limit_drop:
        return "PASS"
    return "FAIL" if low > limit_drop else "UNDECIDED"


def _bounds(broke: float, fixed: float, photos: float, quantile: float) -> tuple[float, float]:
    return -_upper_bound(fixed, broke, photos, quantile), _upper_bound(broke, fixed, photos, quantile)


def _upper_bound(broke: float, fixed: float, photos: float, quantile: float) -> float:
    """The drop above the observed one at which the score statistic reaches the quantile, by bisection to the last bit.

    The statistic grows from 0 at the observed drop to infinity at 1, so the bracket always holds the one root; the
    upper end is returned, which rounds towards the wider interval.
    """
    observed = (broke - fixed) / photos
    inside, outside = observed, 1.0
    while True:
        middle = (inside + outside) / 2
        if not inside < middle < outside:
            return outside
        if photos * (middle - observed) ** 2 < quantile**2 * _restricted_variance(broke, fixed, photos, middle):
            inside = middle
        else:
            outside = middle


def _restricted_variance(broke: float, fixed: float, photos: float, drop: float) -> float:
    """Variance of one photo's difference at the maximum likelihood estimate under a given drop.

    The estimate of P(fixed) is the larger root of 2 n q^2 + b q + c = 0, taken in the form that does not cancel.

    Source: Tango (1998), equation for q21; Nam (1997), Biometrics 53:1422-1430.
    """
    b = (2 * photos - broke + fixed) * drop - broke - fixed
    c = -fixed * drop * (1 - drop)
    root = math.sqrt(max(0.0, b * b - 8 * photos * c))
    fixed_rate = (root - b) / (4 * photos) if b <= 0 else -2 * c / (root + b)
    return max(0.0, 2 * fixed_rate + drop * (1 - drop))


def _photos_needed(broke: int, fixed: int, photos: int, limit_drop: float, quantile: float) -> int | None:
    def decided(total: int) -> bool:
        share = total / photos
        low, high = _bounds(broke * share, fixed * share, total, quantile)
        return _outcome(low, high, limit_drop) != "UNDECIDED"

    too_few, enough = photos, 2 * photos
    while not decided(enough):
        too_few, enough = enough, 2 * enough
        if too_few >= MOST_PHOTOS:
            return None
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if decided(middle) else (middle, enough)
    more = _rounded_up(enough - photos)
    return more if photos + more <= MOST_PHOTOS else None


def _rounded_up(count: int) -> int:
    """Two significant figures: more would claim to know the rates better than a few disagreements can tell."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
