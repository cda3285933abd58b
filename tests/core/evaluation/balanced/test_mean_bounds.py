"""mean_bounds.py: one class against Tango's and Wilson's bounds, several against a search over all rates."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from edgetl.core.evaluation.balanced.mean_bounds import (
    compute_correction,
    compute_mean_recall_bounds,
    compute_quantile,
    find_upper_bound,
)
from edgetl.core.evaluation.contract import compute_tango_interval
from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds

QUANTILE = NormalDist().inv_cdf(0.95)


def find_bound(broke, fixed, photos, correction=0.0, quantile=QUANTILE) -> float:
    return find_upper_bound(*(np.array(counts, float) for counts in (broke, fixed, photos)), quantile, correction)


@pytest.mark.parametrize(
    "counts", [(0, 0, 50), (3, 1, 100), (0, 5, 40), (7, 2, 30), (30, 0, 30), (0, 30, 30), (5, 5, 10), (1, 0, 1)]
)
def test_bound_of_one_class_is_that_of_tango(counts):
    broke, fixed, photos = counts
    expected = compute_tango_interval(broke, fixed, photos)[1]
    assert find_bound([broke], [fixed], [photos]) == pytest.approx(expected, abs=1e-7)


def test_equal_classes_without_changes_have_the_bound_of_all_their_photos():
    assert find_bound([0] * 4, [0] * 4, [25] * 4) == pytest.approx(compute_tango_interval(0, 0, 100)[1], abs=1e-9)


def estimate_log_likelihood(counts, rates) -> float:
    return sum(count * math.log(rate) if count else 0.0 for count, rate in zip(counts, rates, strict=True))


def test_bound_is_where_the_best_of_all_rates_reaches_the_quantile():
    """For two classes, all drops of the first are tried, and with each the second follows from the mean."""
    broke, fixed, photos = (3, 1), (1, 0), (30, 6)
    bound = find_bound(broke, fixed, photos)
    steps = np.linspace(-0.99, 0.999, 4000)

    def estimate_class(label: int, drop: float) -> tuple[float, float]:
        """Return log likelihood and variance of a class at its best rates with a given drop, by a fine grid."""
        fixed_rates = np.linspace(max(0.0, -drop), (1 - drop) / 2, 4001)[1:-1]
        rates = np.stack([fixed_rates + drop, fixed_rates, 1 - drop - 2 * fixed_rates])
        valid = (rates > 0).all(axis=0)
        rates = rates[:, valid]
        counts = (broke[label], fixed[label], photos[label] - broke[label] - fixed[label])
        likelihood = sum(count * np.log(row) if count else 0 * row for count, row in zip(counts, rates, strict=True))
        best = int(np.argmax(likelihood))
        return float(likelihood[best]), float(rates[0, best] + rates[1, best] - drop**2)

    pairs = [
        (estimate_class(0, first), estimate_class(1, 2 * bound - first))
        for first in steps
        if -0.99 < 2 * bound - first < 0.999
    ]
    best = max(pairs, key=lambda pair: pair[0][0] + pair[1][0])
    variance = best[0][1] / photos[0] / 4 + best[1][1] / photos[1] / 4
    observed = (2 / 30 + 1 / 6) / 2
    assert (bound - observed) / math.sqrt(variance) == pytest.approx(QUANTILE, rel=5e-3)


def test_bounds_are_in_range_for_every_small_table():
    for first, second in itertools.product([(0, 0), (1, 0), (0, 2), (1, 1), (2, 0)], repeat=2):
        broke, fixed = zip(first, second, strict=True)
        observed = (broke[0] - fixed[0]) / 4 + (broke[1] - fixed[1]) / 10
        assert observed < find_bound(broke, fixed, (2, 5)) <= 1


@pytest.mark.parametrize("factor", [10, 1000, 100_000])
def test_bound_nears_the_observed_drop_with_many_photos(factor):
    high = find_bound([3 * factor, factor], [factor, 0], [70 * factor, 20 * factor])
    observed = (2 / 70 + 1 / 20) / 2
    standard_error = math.sqrt((4 / 70 - (2 / 70) ** 2) / 70 + (1 / 20 - 1 / 400) / 20) / 2
    assert high - observed == pytest.approx(QUANTILE * standard_error / math.sqrt(factor), rel=2 / math.sqrt(factor))


def test_correction_is_half_a_photo_of_the_smallest_class():
    assert compute_correction(np.array([78.0, 3.0]), 1.0) == pytest.approx(1 / 2 / 3 / 2)
    assert find_bound([0, 0], [0, 0], [78, 3], correction=0.05) > find_bound([0, 0], [0, 0], [78, 3]) + 0.04


def test_quantile_grows_with_the_root_of_the_design_effect():
    assert compute_quantile(0.95, 4.0) == pytest.approx(2 * QUANTILE)
    with pytest.raises(ValueError, match="design_effect"):
        compute_quantile(0.95, 0)


def test_recall_bounds_are_near_those_of_wilson_where_classes_are_equal():
    low, high = compute_mean_recall_bounds([55, 50], [60, 60], confidence=0.95)
    wilson = compute_wilson_bounds(105, 120, confidence=0.95)
    assert wilson[0] - 0.01 < low < wilson[0] and wilson[1] < high < wilson[1] + 0.01


def test_recall_bounds_of_a_class_without_correct_predictions():
    low, high = compute_mean_recall_bounds([78, 0], [78, 3], confidence=0.95)
    assert 0.3 < low < 0.5 < high < 0.85
    assert compute_mean_recall_bounds([5, 5], [5, 5], confidence=0.95)[1] == 1
    assert compute_mean_recall_bounds([0, 0], [5, 5], confidence=0.95)[0] == 0


def test_recall_bounds_hold_in_draws():
    rng = np.random.default_rng(1)
    photos, recalls = (80, 3), (0.95, 0.4)
    truth, held = sum(recalls) / 2, []
    table = {}
    for _ in range(1000):
        correct = tuple(int(rng.binomial(count, recall)) for count, recall in zip(photos, recalls, strict=True))
        if correct not in table:
            table[correct] = compute_mean_recall_bounds(correct, photos, confidence=0.95)
        low, high = table[correct]
        held.append((low <= truth, high >= truth))
    assert np.mean(held, axis=0).min() >= 0.94


@pytest.mark.parametrize(("correct", "photos"), [([], []), ([3], [2]), ([-1], [2]), ([0, 0], [5, 0])])
def test_impossible_counts_are_refused(correct, photos):
    with pytest.raises(ValueError, match="impossible"):
        compute_mean_recall_bounds(correct, photos, confidence=0.95)
