"""The accuracy contract: counts of paired predictions in; confidence interval, outcome and further photos needed out.

Reference and artifact predict the same photos. `broke` photos are predicted correctly only by the reference, `fixed`
photos only by the artifact. drop = (broke - fixed) / photos is the cost of conversion, as a fraction of accuracy.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol, Self

from edgetl.core.verdict_records import Comparison, Outcome

# More test photos are unrealistic: the search for `photos_needed` ends here.
MOST_PHOTOS = 10_000_000


class DropCounts(Protocol):
    """Counts of paired predictions, from which a drop and its bounds follow: of accuracy, or of balanced accuracy."""

    @property
    def photos(self) -> float:
        """The number of all photos."""

    @property
    def design_effect(self) -> float:
        """The factor by which groups enlarge the variance of the drop; 1 for independent photos."""

    @property
    def drop(self) -> float:
        """The observed drop, -1..1."""

    def compute_bounds(self, confidence: float) -> tuple[float, float]:
        """Compute the bounds of the drop, each one-sided at `confidence`. Raises ValueError for impossible counts."""

    def scale(self, photos: float) -> Self:
        """Return the counts of another number of photos with the same rates."""

    def without_changes(self) -> Self:
        """Return the counts of an artifact that predicts the same photos correctly as the reference."""


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Counts of paired predictions, for the drop of accuracy.

    Where photos may have several labels, they are decisions about labels.

    Attributes:
        broke: photos that only the reference predicts correctly.
        fixed: photos that only the artifact predicts correctly.
        photos: all photos, at least 1. Fractions come from a forecast with more photos.
        design_effect: from `design_effect.measure_design_effect` if photos are in groups; 1 for independent photos.
    """

    broke: float
    fixed: float
    photos: float
    design_effect: float = 1.0

    @property
    def drop(self) -> float:
        """The observed drop, -1..1."""
        return (self.broke - self.fixed) / self.photos

    def compute_bounds(self, confidence: float) -> tuple[float, float]:
        """Compute the bounds of the drop: see `compute_tango_interval`."""
        return compute_tango_interval(
            self.broke, self.fixed, self.photos, confidence=confidence, design_effect=self.design_effect
        )

    def scale(self, photos: float) -> Self:
        """Return the counts of another number of photos with the same rates."""
        factor = photos / self.photos
        return type(self)(self.broke * factor, self.fixed * factor, photos, self.design_effect)

    def without_changes(self) -> Self:
        """Return the counts of an artifact that predicts the same photos correctly as the reference."""
        return type(self)(0, 0, self.photos, self.design_effect)


def count_decisions(comparison: Comparison) -> PairCounts:
    """Return the counts of a comparison: of its photos, or of its decisions about labels."""
    return PairCounts(comparison.broke, comparison.fixed, comparison.decisions, comparison.design_effect)


def count_photos(decisions: int | None, comparison: Comparison) -> int | None:
    """Return how many photos have a number of decisions: as many, or fewer where each has several labels."""
    return None if decisions is None else -(-decisions // max(1, comparison.labels))


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Result of comparing the confidence interval of the drop with a limit.

    Attributes:
        drop: the observed drop.
        low: one-sided lower bound of the drop.
        high: one-sided upper bound of the drop.
        outcome: PASS, FAIL or UNDECIDED.
        photos_needed: further photos that would decide at the same rates; 0 when decided, None when 10 million photos
            would not decide.
    """

    drop: float
    low: float
    high: float
    outcome: Outcome
    photos_needed: int | None


def compute_tango_interval(
    broke: float, fixed: float, photos: float, *, confidence: float = 0.95, design_effect: float = 1.0
) -> tuple[float, float]:
    """Compute the score bounds of the drop, each one-sided at `confidence`.

    Together they are the two-sided interval at 2 * confidence - 1: 0.95 gives the published 90 % limits.

    Args:
        broke: photos that only the reference predicts correctly.
        fixed: photos that only the artifact predicts correctly.
        photos: all photos, at least 1.
        confidence: of each bound, between 0.5 and 1, both excluded.
        design_effect: from `design_effect.compute_design_effect` if photos are in groups; 1 for independent photos.

    Returns:
        low and high, -1..1, around (broke - fixed) / photos.

    Raises:
        ValueError: counts that are impossible for this number of photos, or a confidence out of range.

    Source: Tango (1998), Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17:891-908.
    """
    _check_counts(broke, fixed, photos)
    return _compute_bounds(broke, fixed, photos, _compute_quantile(confidence, design_effect))


def decide_outcome(counts: DropCounts, limit_drop: float, *, confidence: float) -> Decision:
    """Decide PASS if the whole interval is within the limit, FAIL if it is above the limit, else UNDECIDED.

    With groups, `photos_needed` are photos in further groups of the same sizes; of a balanced accuracy, photos in the
    same shares of the classes.

    Args:
        counts: of the predictions.
        limit_drop: the largest allowed drop, 0..1.
        confidence: of each one-sided bound, between 0.5 and 1, both excluded.

    Raises:
        ValueError: counts that are impossible for this number of photos, or a limit or confidence out of range.
    """
    if not 0 <= limit_drop <= 1:
        raise ValueError(f"limit_drop is a fraction 0..1, not {limit_drop}")
    low, high = counts.compute_bounds(confidence)
    outcome = _choose_outcome(low, high, limit_drop)
    needed = 0 if outcome != "UNDECIDED" else _count_photos_needed(counts, limit_drop, confidence)
    return Decision(drop=counts.drop, low=low, high=high, outcome=outcome, photos_needed=needed)


def _check_counts(broke: float, fixed: float, photos: float) -> None:
    if not photos >= 1:
        raise ValueError(f"an interval needs at least one photo, not {photos}")
    # Scaled counts are rounded: their sum may exceed the photos by a rounding error.
    if not (broke >= 0 and fixed >= 0 and broke + fixed <= photos * (1 + 1e-12)):
        raise ValueError(f"{broke} broken and {fixed} fixed are impossible counts for {photos} photos")


def _compute_quantile(confidence: float, design_effect: float) -> float:
    # Written so that NaN fails too.
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence is between 0.5 and 1, not {confidence}")
    if not 0 < design_effect < math.inf:
        raise ValueError(f"design_effect is above 0, not {design_effect}")
    # A variance that is larger by a factor is a quantile that is larger by its root.
    return NormalDist().inv_cdf(confidence) * math.sqrt(design_effect)


def _choose_outcome(low: float, high: float, limit_drop: float) -> Outcome:
    if high <= limit_drop:
        return "PASS"
    return "FAIL" if low > limit_drop else "UNDECIDED"


def _compute_bounds(broke: float, fixed: float, photos: float, quantile: float) -> tuple[float, float]:
    # The lower bound of a drop is minus the upper bound of the drop in the opposite direction.
    return -_find_upper_bound(fixed, broke, photos, quantile), _find_upper_bound(broke, fixed, photos, quantile)


def _find_upper_bound(broke: float, fixed: float, photos: float, quantile: float) -> float:
    """Find the drop above the observed one at which the score statistic reaches the quantile, by bisection.

    The statistic grows from 0 at the observed drop to infinity at 1, so the interval always contains exactly one root.
    Bisection ends when no float is between its ends. The upper end is returned: the interval is rounded outwards.
    """
    observed = (broke - fixed) / photos
    inside, outside = observed, 1.0
    while True:
        middle = (inside + outside) / 2
        if not inside < middle < outside:
            return outside
        variance = _compute_restricted_variance(broke, fixed, photos, middle)
        # The test statistic, squared: it needs no division by a variance that may be 0.
        if photos * (middle - observed) ** 2 < quantile**2 * variance:
            inside = middle
        else:
            outside = middle


def _compute_restricted_variance(broke: float, fixed: float, photos: float, drop: float) -> float:
    """Compute the variance of one photo's difference at the maximum likelihood estimate for a given drop.

    The estimate of P(fixed) is the larger root of 2 n q^2 + b q + c = 0, in the form that avoids cancellation.

    Source: Tango (1998), equation for q21; Nam (1997), Biometrics 53:1422-1430.
    """
    b = (2 * photos - broke + fixed) * drop - broke - fixed
    c = -fixed * drop * (1 - drop)
    root = math.sqrt(max(0.0, b * b - 8 * photos * c))
    fixed_rate = (root - b) / (4 * photos) if b <= 0 else -2 * c / (root + b)
    return max(0.0, 2 * fixed_rate + drop * (1 - drop))


def _count_photos_needed(counts: DropCounts, limit_drop: float, confidence: float) -> int | None:
    """Find how many further photos decide if the rates stay the same: double the number, then bisect."""

    def is_decided(total: int) -> bool:
        low, high = counts.scale(total).compute_bounds(confidence)
        return _choose_outcome(low, high, limit_drop) != "UNDECIDED"

    photos = round(counts.photos)
    # The interval narrows with photos, so the outcome stays decided once it is.
    too_few, enough = photos, 2 * photos
    while not is_decided(enough):
        too_few, enough = enough, 2 * enough
        if too_few >= MOST_PHOTOS:
            return None
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if is_decided(middle) else (middle, enough)
    further = _round_up(enough - photos)
    return further if photos + further <= MOST_PHOTOS else None


def _round_up(count: int) -> int:
    """Round up to two significant figures. The rates are estimated from few photos: more figures would mislead."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
