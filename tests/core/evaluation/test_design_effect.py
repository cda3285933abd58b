"""design_effect.py: exact cases, and the coverage of the interval that it widens, by simulation."""

import numpy as np
import pytest

from edgetl.core.evaluation.contract import compute_tango_interval
from edgetl.core.evaluation.design_effect import compute_design_effect, measure_design_effect, number_groups


def test_groups_of_one_photo_change_nothing():
    differences = np.array([1, 0, 0, -1, 0, 1, 0, 0])
    assert compute_design_effect(differences, np.arange(8)) == 1.0
    assert compute_tango_interval(2, 1, 8, design_effect=1.0) == compute_tango_interval(2, 1, 8)


def test_groups_that_break_as_a_whole_count_as_one_photo():
    """Ten groups of ten equal photos have nearly the variance of ten photos: the design effect is nearly ten."""
    differences = np.repeat([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], 10)
    effect = compute_design_effect(differences, np.repeat(np.arange(10), 10))
    assert effect == pytest.approx(10 * (10 / 9) * (99 / 100))


def test_no_discordant_photo_gives_the_largest_correlation():
    """The photos say nothing about their correlation, so groups count as one photo each."""
    effect = compute_design_effect(np.zeros(60, int), np.repeat(np.arange(20), 3))
    assert effect == pytest.approx(3 * (20 / 19) * (59 / 60))


def test_names_and_order_of_groups_do_not_matter():
    rng = np.random.default_rng(0)
    differences, groups = rng.integers(-1, 2, 200), rng.integers(0, 30, 200)
    order = rng.permutation(200)
    effect = compute_design_effect(differences, groups)
    assert compute_design_effect(differences[order], 1000 - groups[order]) == pytest.approx(effect)


@pytest.mark.parametrize(
    ("differences", "groups", "message"),
    [
        ([], [], "at least one"),
        ([0, 1], [0], "must be"),
        ([0, 1, 0], [4, 4, 4], "one group"),
    ],
)
def test_impossible_arguments_are_refused(differences, groups, message):
    with pytest.raises(ValueError, match=message):
        compute_design_effect(np.array(differences, int), np.array(groups, int))


def test_single_group_counts_as_one_photo():
    assert measure_design_effect(np.array([1, 0, 0, -1]), np.zeros(4, int)) == 4
    differences, groups = np.array([1, 0, 0, -1]), np.array([0, 0, 1, 1])
    assert measure_design_effect(differences, groups) == compute_design_effect(differences, groups)


def test_photos_without_a_group_are_groups_of_their_own():
    assert number_groups(["b", "", "a", "b", "", "a"]).tolist() == [0, 1, 2, 0, 4, 2]
    assert number_groups([]).tolist() == []


def draw_differences(rng, sizes, rates, correlation):
    """Draw broke and fixed photos per group: all alike at correlation 1, independent at 0, Dirichlet between."""
    broke_rate, fixed_rate = rates
    groups = np.repeat(np.arange(len(sizes)), sizes)
    if correlation == 1:
        draws = rng.random(len(sizes))[groups]
        return np.where(draws < broke_rate, 1, np.where(draws < broke_rate + fixed_rate, -1, 0)), groups
    spread = (1 - correlation) / correlation if correlation else 1e9
    chances = rng.dirichlet(
        [broke_rate * spread, fixed_rate * spread, (1 - broke_rate - fixed_rate) * spread], len(sizes)
    )
    draws = rng.random(len(groups))
    broke, fixed = chances[groups, 0], chances[groups, 1]
    return np.where(draws < broke, 1, np.where(draws < broke + fixed, -1, 0)), groups


def measure_coverage(groups, rates, correlation, runs):
    """Return how often each one-sided 95 % bound holds, with groups of 1 to 20 photos."""
    rng = np.random.default_rng(20)
    true_drop = rates[0] - rates[1]
    above = below = 0
    for _ in range(runs):
        differences, group_of = draw_differences(rng, rng.integers(1, 21, groups), rates, correlation)
        effect = compute_design_effect(differences, group_of)
        broke, fixed = int((differences == 1).sum()), int((differences == -1).sum())
        low, high = compute_tango_interval(broke, fixed, len(differences), design_effect=effect)
        above += high >= true_drop
        below += low <= true_drop
    return above / runs, below / runs


@pytest.mark.parametrize(("groups", "rates", "correlation"), [(40, (0.06, 0.02), 0.5), (40, (0.03, 0.005), 1)])
def test_bounds_hold_with_correlated_groups(groups, rates, correlation):
    assert min(measure_coverage(groups, rates, correlation, 1000)) >= 0.94


def test_bounds_without_the_design_effect_do_not_hold():
    rng = np.random.default_rng(21)
    held = 0
    for _ in range(500):
        differences, _ = draw_differences(rng, rng.integers(1, 21, 40), (0.06, 0.02), 1)
        broke, fixed = int((differences == 1).sum()), int((differences == -1).sum())
        held += compute_tango_interval(broke, fixed, len(differences))[1] >= 0.04
    assert held / 500 < 0.8


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0, 0.3, 0.6])
@pytest.mark.parametrize("rates", [(0.03, 0.005), (0.06, 0.02), (0.01, 0.01)])
@pytest.mark.parametrize("groups", [20, 60, 150])
def test_bounds_hold_in_10000_draws(groups, rates, correlation):
    assert min(measure_coverage(groups, rates, correlation, 10_000)) >= 0.94
