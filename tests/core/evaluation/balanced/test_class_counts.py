"""class_counts.py: the drop of balanced accuracy, and how often its bounds hold, by simulation."""

import numpy as np
import pytest

from edgetl.core.evaluation.balanced.class_counts import BalancedCounts
from edgetl.core.evaluation.balanced.class_design_effect import measure_class_design_effect
from edgetl.core.evaluation.balanced.mean_bounds import compute_correction, compute_quantile, find_upper_bounds
from edgetl.core.evaluation.contract import compute_tango_interval


def test_drop_is_the_mean_of_the_drops_of_the_classes():
    counts = BalancedCounts((4, 1), (0, 0), (100, 2))
    assert counts.photos == 102 and counts.drop == pytest.approx((0.04 + 0.5) / 2)
    low, high = counts.compute_bounds(0.95)
    assert -1 < low < counts.drop < high < 1


def test_class_with_few_photos_makes_the_bounds_wide():
    """Of 3 photos nothing is known: the class may have lost more than a half, and the mean a quarter."""
    even, rare = BalancedCounts((0, 0), (0, 0), (40, 41)), BalancedCounts((0, 0), (0, 0), (78, 3))
    assert even.compute_bounds(0.95)[1] < 0.05
    assert rare.compute_bounds(0.95)[1] > 0.25


def test_bounds_are_a_little_wider_than_those_of_accuracy_where_classes_are_equal():
    for broke, fixed in ((0, 0), (2, 1), (9, 3)):
        low, high = BalancedCounts((broke,) * 3, (fixed,) * 3, (60,) * 3).compute_bounds(0.95)
        tango = compute_tango_interval(3 * broke, 3 * fixed, 180)
        assert tango[1] < high < tango[1] + 0.006 and tango[0] - 0.006 < low < tango[0]


def test_order_of_the_classes_does_not_matter_and_the_opposite_direction_has_the_opposite_bounds():
    counts = BalancedCounts((3, 0, 1), (1, 2, 0), (70, 20, 5))
    low, high = counts.compute_bounds(0.95)
    assert BalancedCounts((1, 3, 0), (0, 1, 2), (5, 70, 20)).compute_bounds(0.95) == pytest.approx((low, high))
    assert BalancedCounts((1, 2, 0), (3, 0, 1), (70, 20, 5)).compute_bounds(0.95) == pytest.approx((-high, -low))


def test_more_photos_confidence_and_groups_change_the_width():
    counts = BalancedCounts((3, 1), (1, 0), (70, 20))

    def measure_width(counts: BalancedCounts, confidence: float = 0.95) -> float:
        low, high = counts.compute_bounds(confidence)
        return high - low

    assert measure_width(counts.scale(900)) < measure_width(counts) / 2
    assert measure_width(counts, 0.99) > measure_width(counts)
    grouped = BalancedCounts((3, 1), (1, 0), (70, 20), design_effect=3.0)
    assert measure_width(grouped) > 1.5 * measure_width(counts)
    assert grouped.scale(900).design_effect == 3.0 and grouped.without_changes().design_effect == 3.0
    assert grouped.without_changes().drop == 0 and counts.scale(900).drop == pytest.approx(counts.drop)


def test_photos_are_spread_evenly_with_the_same_rates():
    counts = BalancedCounts((9, 1), (0, 1), (90, 10), design_effect=2.0).spread_evenly()
    assert counts == BalancedCounts((5.0, 5.0), (0.0, 5.0), (50.0, 50.0), design_effect=2.0)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (BalancedCounts((0, 0), (0, 0), (5, 0)), "photos of every class"),
        (BalancedCounts((), (), ()), "photos of every class"),
        (BalancedCounts((3, 0), (3, 0), (5, 5)), "impossible"),
        (BalancedCounts((-1, 0), (0, 0), (5, 5)), "impossible"),
        (BalancedCounts((0, 0), (0, 0), (5, 5), design_effect=0), "design_effect"),
    ],
)
def test_impossible_counts_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        counts.compute_bounds(0.95)


@pytest.mark.parametrize("confidence", [0.5, 1, float("nan")])
def test_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        BalancedCounts((0, 0), (0, 0), (5, 5)).compute_bounds(confidence)


# Coverage: each one-sided 95 % bound must hold in at least 94 % of draws.


def compute_all_bounds(draws, photos, effects):
    """Compute what `BalancedCounts.compute_bounds` does, for all draws at once.

    Args:
        draws: int [draws, classes, 2], broken and fixed photos.
        photos: photos of each class.
        effects: float [draws], design effects.
    """
    counts = np.array(photos, np.float64)
    broke, fixed = np.moveaxis(draws.astype(np.float64), 2, 0)
    terms = (
        np.array([compute_quantile(0.95, effect) for effect in effects]),
        np.array([compute_correction(counts, effect) for effect in effects]),
    )
    low, high = (find_upper_bounds(*pair, counts, *terms) for pair in ((fixed, broke), (broke, fixed)))
    return np.stack([-low, high], axis=1)


def test_bounds_of_all_draws_are_those_of_each():
    rng, photos = np.random.default_rng(5), (70, 20, 5)
    draws = np.stack([rng.multinomial(count, [0.1, 0.1, 0.8], 50)[:, :2] for count in photos], axis=1)
    effects = rng.uniform(0.5, 4, 50)
    for draw, effect, bounds in zip(draws, effects, compute_all_bounds(draws, photos, effects), strict=True):
        counts = BalancedCounts(*map(tuple, draw.T.tolist()), photos, float(effect))
        assert counts.compute_bounds(0.95) == pytest.approx(tuple(bounds), abs=1e-12)


def measure_coverage(photos, broke_rates, fixed_rates, runs, seed=3):
    """Return how often the upper and the lower bound hold for independent photos."""
    rng = np.random.default_rng(seed)
    true_drop = float(np.mean(np.subtract(broke_rates, fixed_rates)))
    draws = np.stack(
        [
            rng.multinomial(count, [broke, fixed, 1 - broke - fixed], runs)[:, :2]
            for count, broke, fixed in zip(photos, broke_rates, fixed_rates, strict=True)
        ],
        axis=1,
    )

    different, number = np.unique(draws, axis=0, return_inverse=True)
    bounds = compute_all_bounds(different, photos, np.ones(len(different)))[number.ravel()]
    return (bounds[:, 1] >= true_drop).mean(), (bounds[:, 0] <= true_drop).mean()


@pytest.mark.parametrize(
    ("photos", "broke_rates", "fixed_rates"),
    [
        ((78, 3), (0.01, 0.45), (0.005, 0.0)),
        ((100, 20, 5), (0.03, 0.03, 0.2), (0.01, 0.01, 0.02)),
        ((60, 60, 60), (0.03, 0.03, 0.03), (0.01, 0.01, 0.01)),
    ],
)
def test_bounds_hold(photos, broke_rates, fixed_rates):
    assert min(measure_coverage(photos, broke_rates, fixed_rates, 1000)) >= 0.93


def list_rates(photos):
    """List rates of broken and fixed photos: alike, mostly in the smallest class, only in the largest."""
    smallest = np.array(photos) == min(photos)
    yield np.full(len(photos), 0.03), np.full(len(photos), 0.01)
    for rate in (0.3, 0.5):
        yield np.where(smallest, rate, 0.01), np.where(smallest, 0.02, 0.005)
    yield np.where(photos == np.max(photos), 0.1, 0), np.where(photos == np.max(photos), 0.04, 0)


@pytest.mark.slow
@pytest.mark.parametrize("photos", [(78, 3), (200, 10), (100, 20, 5), (60, 60, 60), (300, 30, 30, 10)], ids=str)
def test_bounds_hold_in_10000_draws(photos):
    for broke_rates, fixed_rates in list_rates(photos):
        coverage = measure_coverage(photos, broke_rates, fixed_rates, 10_000)
        assert min(coverage) >= 0.94, (broke_rates, fixed_rates, coverage)


def draw_groups(rng, photos, rates, correlation):
    """Draw groups of 1 to 20 photos of one class each: their labels, numbers and differences."""
    labels, sizes, differences = [], [], []
    for label, (count, broke_rate, fixed_rate) in enumerate(zip(photos, *rates, strict=True)):
        means = np.array([broke_rate, fixed_rate, 1 - broke_rate - fixed_rate])
        left = count
        while left:
            size = min(left, int(rng.integers(1, 21)))
            left -= size
            chances = rng.dirichlet(means * (1 - correlation) / correlation) if correlation else means
            labels.append(label)
            sizes.append(size)
            # As `rng.choice` draws, which checks its arguments for longer than it draws.
            limits = chances.cumsum()
            differences.append(np.searchsorted(limits / limits[-1], rng.random(size), side="right"))
    values = np.array([1, -1, 0])[np.concatenate(differences)]
    return values, np.repeat(labels, sizes), np.repeat(np.arange(len(sizes)), sizes)


def measure_group_coverage(photos, rates, correlation, runs):
    """Return how often the upper and the lower bound hold for photos in groups."""
    rng = np.random.default_rng(4)
    true_drop = float(np.mean(np.subtract(*rates)))
    draws, effects = np.empty((runs, len(photos), 2), np.int64), np.empty(runs)
    for run in range(runs):
        differences, labels, groups = draw_groups(rng, photos, rates, correlation)
        draws[run, :, 0] = np.bincount(labels[differences == 1], minlength=len(photos))
        draws[run, :, 1] = np.bincount(labels[differences == -1], minlength=len(photos))
        effects[run] = measure_class_design_effect(differences, labels, groups)
    bounds = compute_all_bounds(draws, photos, effects)
    return (bounds[:, 1] >= true_drop).mean(), (bounds[:, 0] <= true_drop).mean()


def test_bounds_hold_with_correlated_groups():
    assert min(measure_group_coverage((400, 60), ((0.05, 0.1), (0.02, 0.02)), 0.5, 400)) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.3, 0.6])
@pytest.mark.parametrize("photos", [(400, 60), (200, 200, 200)], ids=str)
def test_bounds_hold_with_groups_in_10000_draws(photos, correlation):
    rates = ((0.05,) * len(photos), (0.02,) * len(photos))
    assert min(measure_group_coverage(photos, rates, correlation, 10_000)) >= 0.94
