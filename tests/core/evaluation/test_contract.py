"""contract.py: the interval against published tables and a numeric optimizer, the decision, and the photos needed."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from edgetl.core.evaluation.contract import Decision, PairCounts, compute_tango_interval, decide_outcome

NORMAL_95 = 1.6448536269514722

# (broke, fixed, photos), level of the published two-sided interval, (low, high) as printed in the source.
PUBLISHED = [
    # Tango (1998), the two examples as checked by R ratesci, tests/testthat/test3.R (github.com/PeteLaud/ratesci).
    pytest.param((9, 3, 32), 0.95, ("-0.027", "0.390"), id="tango 1998, 32 pairs"),
    pytest.param((0, 1, 44), 0.90, ("-0.096", "0.037"), id="tango 1998, contact lenses"),
    # Agresti and Min (2005), Statistics in Medicine 24:729-740; checked in the same file of ratesci.
    pytest.param((16, 8, 86), 0.95, ("-0.020", "0.207"), id="agresti and min 2005"),
    # Fagerland, Lydersen, Laake (2014), Statistics in Medicine 33:2850-2875, Bentur's data; same file of ratesci.
    pytest.param((1, 7, 21), 0.95, ("-0.517", "-0.026"), id="fagerland 2014, airways"),
    # Cavo's data in R contingencytables, tests/testthat/test-ch8.R (github.com/ocbe-uio/contingencytables).
    pytest.param((6, 16, 161), 0.95, ("-0.1240", "-0.0054"), id="contingencytables, cavo 2012"),
    # R PropCIs scoreci.mp(25, 28, 618, 0.90), which estimates the second count minus the first.
    pytest.param((28, 25, 618), 0.90, ("-0.0148", "0.0247"), id="propcis scoreci.mp"),
]

# Extreme and common counts: no disagreement, only disagreement, one photo, one direction, a million photos.
TABLES = [
    (0, 0, 1),
    (1, 0, 1),
    (0, 1, 1),
    (0, 0, 50),
    (50, 0, 50),
    (0, 50, 50),
    (25, 25, 50),
    (49, 1, 50),
    (1, 0, 50),
    (0, 1, 50),
    (7, 3, 120),
    (22, 9, 734),
    (60, 61, 4000),
    (0, 0, 1_000_000),
    (1_000_000, 0, 1_000_000),
    (3, 1, 1_000_000),
    (12_000, 9_000, 1_000_000),
]


@pytest.mark.parametrize(("counts", "level", "printed"), PUBLISHED)
def test_interval_is_the_published_one(counts, level, printed):
    places = len(printed[0].partition(".")[2])
    bounds = compute_tango_interval(*counts, confidence=(1 + level) / 2)
    assert tuple(f"{bound:.{places}f}" for bound in bounds) == printed


def compute_statistic(broke, fixed, photos, drop):
    """Compute the score statistic with the nuisance parameter from a numeric optimizer instead of in closed form."""

    def compute_loss(rate):
        counts = np.array([broke, fixed, photos - broke - fixed])
        rates = np.array([rate + drop, rate, 1 - 2 * rate - drop])
        return -float(np.sum(counts * np.log(np.maximum(rates, 1e-300))))

    bounds = (max(0.0, -drop), (1 - drop) / 2)
    rate = minimize_scalar(compute_loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    return (broke - fixed - photos * drop) / math.sqrt(photos * (2 * rate + drop - drop**2))


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975])
@pytest.mark.parametrize(("broke", "fixed", "photos"), [(9, 3, 32), (1, 0, 44), (22, 9, 734), (5, 40, 60), (2, 2, 30)])
def test_interval_is_that_of_a_numeric_optimizer(broke, fixed, photos, confidence):
    quantile = norm.ppf(confidence)
    observed = (broke - fixed) / photos

    def compute(drop):
        return compute_statistic(broke, fixed, photos, drop)

    low = brentq(lambda drop: compute(drop) - quantile, -1 + 1e-6, observed, xtol=1e-12)
    high = brentq(lambda drop: compute(drop) + quantile, observed, 1 - 1e-6, xtol=1e-12)
    assert compute_tango_interval(broke, fixed, photos, confidence=confidence) == pytest.approx((low, high), abs=2e-6)


@pytest.mark.parametrize(("broke", "fixed", "photos"), TABLES)
def test_observed_drop_is_between_the_bounds(broke, fixed, photos):
    low, high = compute_tango_interval(broke, fixed, photos)
    drop = (broke - fixed) / photos
    assert -1 <= low <= drop <= high <= 1
    assert low < high


@pytest.mark.parametrize(("broke", "fixed", "photos"), TABLES)
def test_interval_is_mirrored_when_the_models_are_swapped(broke, fixed, photos):
    low, high = compute_tango_interval(broke, fixed, photos)
    assert compute_tango_interval(fixed, broke, photos) == (-high, -low)


@pytest.mark.parametrize(("broke", "fixed", "photos"), TABLES)
def test_interval_widens_with_confidence(broke, fixed, photos):
    widths = [
        np.subtract(*compute_tango_interval(broke, fixed, photos, confidence=level)[::-1])
        for level in (0.8, 0.95, 0.99)
    ]
    assert widths == sorted(set(widths))


@pytest.mark.parametrize(("broke", "fixed", "photos"), [table for table in TABLES if table[2] <= 5000])
def test_interval_narrows_with_photos_at_the_same_rates(broke, fixed, photos):
    widths = [
        np.subtract(*compute_tango_interval(broke * factor, fixed * factor, photos * factor)[::-1])
        for factor in (1, 2, 10, 1000)
    ]
    assert widths == sorted(set(widths), reverse=True)


def test_both_bounds_rise_with_every_broken_photo():
    bounds = [compute_tango_interval(broke, 4, 60) for broke in range(57)]
    assert all(before[0] < after[0] and before[1] < after[1] for before, after in itertools.pairwise(bounds))


@pytest.mark.parametrize("photos", [1, 268, 1_000_000])
def test_interval_without_disagreement_has_a_closed_form(photos):
    bound = NORMAL_95**2 / (photos + NORMAL_95**2)
    assert compute_tango_interval(0, 0, photos) == pytest.approx((-bound, bound), rel=1e-9)


@pytest.mark.parametrize("photos", [1, 268, 1_000_000])
def test_interval_with_all_photos_broken_has_a_closed_form(photos):
    low = (photos - NORMAL_95**2) / (photos + NORMAL_95**2)
    assert compute_tango_interval(photos, 0, photos) == pytest.approx((low, 1.0), rel=1e-9)


@pytest.mark.parametrize(
    ("photos", "broken", "fixed"), [(200, 0.05, 0.03), (734, 0.015, 0.015), (100, 0.2, 0.1), (1500, 0.02, 0.01)]
)
def test_each_bound_covers_the_true_drop_with_its_confidence(photos, broken, fixed):
    draws = np.random.default_rng(1998).multinomial(photos, [broken, fixed, 1 - broken - fixed], size=4000)
    tables, times = np.unique(draws[:, :2], axis=0, return_counts=True)
    bounds = np.array([compute_tango_interval(int(b), int(f), photos) for b, f in tables])
    drop = broken - fixed
    assert 0.93 <= np.average(bounds[:, 0] <= drop, weights=times) <= 0.975
    assert 0.93 <= np.average(bounds[:, 1] >= drop, weights=times) <= 0.975


@pytest.mark.parametrize(("broke", "fixed", "photos"), [(0, 0, 0), (-1, 0, 10), (0, -1, 10), (6, 5, 10), (0, 0, -3)])
def test_impossible_counts_are_refused(broke, fixed, photos):
    with pytest.raises(ValueError, match="photo"):
        compute_tango_interval(broke, fixed, photos)
    with pytest.raises(ValueError, match="photo"):
        decide_outcome(PairCounts(broke, fixed, photos), 0.01, confidence=0.95)


@pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0, 95, math.nan])
def test_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        compute_tango_interval(1, 1, 10, confidence=confidence)


@pytest.mark.parametrize("limit_drop", [-0.01, 1.5, math.nan])
def test_impossible_limit_is_refused(limit_drop):
    with pytest.raises(ValueError, match="limit_drop"):
        decide_outcome(PairCounts(1, 1, 10), limit_drop, confidence=0.95)


def test_outcome_is_pass_if_the_upper_bound_is_within_the_limit():
    low, high = compute_tango_interval(4, 6, 2000)
    expected = Decision(drop=-0.001, low=low, high=high, outcome="PASS", photos_needed=0)
    assert decide_outcome(PairCounts(4, 6, 2000), high, confidence=0.95) == expected
    assert decide_outcome(PairCounts(4, 6, 2000), high * 0.999, confidence=0.95).outcome == "UNDECIDED"


def test_outcome_is_fail_if_the_lower_bound_is_above_the_limit():
    low, _ = compute_tango_interval(60, 6, 2000)
    assert decide_outcome(PairCounts(60, 6, 2000), low, confidence=0.95).outcome == "UNDECIDED"
    decision = decide_outcome(PairCounts(60, 6, 2000), low * 0.999, confidence=0.95)
    assert (decision.outcome, decision.photos_needed) == ("FAIL", 0)


def test_few_photos_are_undecided_even_without_a_broken_one():
    assert decide_outcome(PairCounts(0, 0, 50), 0.01, confidence=0.95).outcome == "UNDECIDED"


@pytest.mark.parametrize(("photos", "needed"), [(50, 220), (1, 270), (267, 1)])
def test_268_photos_without_disagreement_decide_a_limit_of_one_point(photos, needed):
    assert decide_outcome(PairCounts(0, 0, photos), 0.01, confidence=0.95).photos_needed == needed
    assert decide_outcome(PairCounts(0, 0, 268), 0.01, confidence=0.95).outcome == "PASS"


@pytest.mark.parametrize(("broke", "fixed", "outcome"), [(11, 11, "PASS"), (12, 7, "PASS"), (18, 7, "FAIL")])
def test_photos_needed_decide_and_ten_percent_fewer_do_not(broke, fixed, outcome):
    decision = decide_outcome(PairCounts(broke, fixed, 734), 0.01, confidence=0.95)
    assert decision.outcome == "UNDECIDED"
    too_few = 734 + int(0.9 * decision.photos_needed) - 1
    low, high = find_bounds(broke / 734, fixed / 734, too_few)
    assert low < 0.01 < high
    low, high = find_bounds(broke / 734, fixed / 734, 734 + decision.photos_needed)
    assert high < 0.01 if outcome == "PASS" else low > 0.01


def find_bounds(broke_rate, fixed_rate, photos):
    """Find both bounds with the numeric optimizer, at rates that give fractional counts."""
    broke, fixed, observed = broke_rate * photos, fixed_rate * photos, broke_rate - fixed_rate
    return (
        brentq(lambda drop: compute_statistic(broke, fixed, photos, drop) - NORMAL_95, -0.9, observed, xtol=1e-12),
        brentq(lambda drop: compute_statistic(broke, fixed, photos, drop) + NORMAL_95, observed, 0.9, xtol=1e-12),
    )


def test_photos_needed_have_two_significant_figures():
    needed = decide_outcome(PairCounts(18, 7, 734), 0.01, confidence=0.95).photos_needed
    assert needed > 100
    assert int(str(needed)[2:]) == 0


@pytest.mark.parametrize(("broke", "fixed", "photos", "limit"), [(10, 0, 1000, 0.01), (0, 0, 50, 0.0), (5, 5, 90, 0.0)])
def test_drop_at_the_limit_needs_infinitely_many_photos(broke, fixed, photos, limit):
    decision = decide_outcome(PairCounts(broke, fixed, photos), limit, confidence=0.95)
    assert (decision.outcome, decision.photos_needed) == ("UNDECIDED", None)


def test_drop_that_ten_million_photos_would_not_decide_has_no_number():
    assert 1_000_000 < decide_outcome(PairCounts(100_300, 0, 1_000_000), 0.1, confidence=0.95).photos_needed < 9_000_000
    assert decide_outcome(PairCounts(100_142, 0, 1_000_000), 0.1, confidence=0.95).photos_needed is None
    assert decide_outcome(PairCounts(100_001, 0, 1_000_000), 0.1, confidence=0.95).photos_needed is None


def test_groups_of_one_photo_change_no_bit_of_the_decision():
    plain = decide_outcome(PairCounts(18, 7, 734), 0.01, confidence=0.95)
    assert decide_outcome(PairCounts(18, 7, 734, 1.0), 0.01, confidence=0.95) == plain
    assert (plain.low, plain.high) == compute_tango_interval(18, 7, 734)


def test_design_effect_widens_the_bounds_and_needs_as_many_times_more_photos():
    plain = decide_outcome(PairCounts(0, 0, 50), 0.01, confidence=0.95)
    grouped = decide_outcome(PairCounts(0, 0, 50, 4.0), 0.01, confidence=0.95)
    assert (grouped.low, grouped.high) == compute_tango_interval(0, 0, 50, design_effect=4.0)
    assert grouped.high > plain.high and grouped.drop == plain.drop
    # Without a broken photo, 268 independent photos decide.
    assert (
        grouped.photos_needed == 1100
        and decide_outcome(PairCounts(0, 0, 50 + 1100, 4.0), 0.01, confidence=0.95).outcome == "PASS"
    )
    assert decide_outcome(PairCounts(0, 0, 268, 4.0), 0.01, confidence=0.95).outcome == "UNDECIDED"
