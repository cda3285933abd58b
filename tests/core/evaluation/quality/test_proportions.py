"""proportions.py: bounds and p-values against published values, against scipy, and by simulation."""

import numpy as np
import pytest

from edgetl.core.evaluation.quality.proportions import (
    compute_difference_probability,
    compute_share_bounds,
    compute_wilson_bounds,
)


@pytest.mark.parametrize(
    ("correct", "photos", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_bounds_are_the_published_ones(correct, photos, low, high):
    """Source: Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3, two-sided 95 %."""
    assert compute_wilson_bounds(correct, photos, confidence=0.975) == pytest.approx((low, high), abs=5e-5)
    # The other class of the same photos has the mirrored interval.
    mirrored = compute_wilson_bounds(photos - correct, photos, confidence=0.975)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_bounds_stay_inside_the_range():
    for photos in (1, 3, 1000):
        assert compute_wilson_bounds(0, photos, confidence=0.95)[0] == 0.0
        assert compute_wilson_bounds(photos, photos, confidence=0.95)[1] == 1.0


@pytest.mark.parametrize(("photos", "accuracy"), [(50, 0.5), (100, 0.9), (400, 0.7), (400, 0.95)])
def test_each_bound_holds_for_about_as_many_draws_as_its_confidence(photos, accuracy):
    draws = np.random.default_rng(1).binomial(photos, accuracy, 4000)
    bounds = np.array([compute_wilson_bounds(int(correct), photos, confidence=0.95) for correct in draws])
    # The score interval is exact on average over accuracies; at a single one it deviates by a few points.
    assert 0.91 <= np.mean(bounds[:, 0] <= accuracy) <= 0.985
    assert 0.91 <= np.mean(bounds[:, 1] >= accuracy) <= 0.985


@pytest.mark.parametrize(
    ("correct", "photos", "confidence"), [(1, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 0.5), (1, 2, float("nan"))]
)
def test_impossible_arguments_are_errors(correct, photos, confidence):
    with pytest.raises(ValueError, match=r"impossible|confidence"):
        compute_wilson_bounds(correct, photos, confidence=confidence)


@pytest.mark.parametrize(
    ("first", "second"), [((14, 22), (10, 29)), ((90, 100), (80, 100)), ((3, 5), (1, 9)), ((500, 600), (430, 600))]
)
def test_probability_is_that_of_pearson_with_the_correction(first, second):
    stats = pytest.importorskip("scipy.stats")
    table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
    pearson = stats.chi2_contingency(table, correction=False).statistic
    photos = first[1] + second[1]
    expected = stats.chi2.sf(pearson * (photos - 1) / photos, 1)
    assert compute_difference_probability(first, second) == pytest.approx(expected)
    assert compute_difference_probability(second, first) == pytest.approx(expected)


def test_equal_accuracies_differ_by_chance():
    assert compute_difference_probability((8, 10), (80, 100)) == 1.0
    assert compute_difference_probability((10, 10), (100, 100)) == 1.0
    assert compute_difference_probability((0, 10), (0, 100)) == 1.0
    with pytest.raises(ValueError, match="3 correct"):
        compute_difference_probability((3, 2), (1, 2))


@pytest.mark.parametrize(
    ("first", "second", "accuracy"), [(22, 29, 0.5), (40, 60, 0.8), (150, 200, 0.9), (22, 29, 0.9)]
)
def test_equal_models_seem_to_differ_at_the_rate_of_the_level(first, second, accuracy):
    generator = np.random.default_rng(2)
    draws = zip(generator.binomial(first, accuracy, 3000), generator.binomial(second, accuracy, 3000), strict=True)
    probabilities = [compute_difference_probability((int(a), first), (int(b), second)) for a, b in draws]
    assert np.mean(np.array(probabilities) < 0.05) <= 0.065


def test_interval_has_95_percent():
    # R: binom::binom.confint(8, 10, method = "wilson")
    assert compute_share_bounds(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert compute_share_bounds(0, 0) == (0.0, 1.0)
