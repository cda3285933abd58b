"""Models on the same photos: who is called worse, how often wrongly, and the optimism of the choice."""

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from edgetl.core.sweep.paired_tests import (
    choose_model,
    estimate_detectable_difference,
    estimate_optimism,
    make_paired_tests,
)

# Runs of each simulation: the standard error of 5 % is 0.7 points.
RUNS = 1000


def draw_models(rng: Generator, accuracies: list[float], photos: int) -> NDArray[np.bool_]:
    """Draw correct predictions, bool [models, photos]: half of the photos are drawn alike for all models."""
    alike = rng.random(photos) < 0.5
    shared = rng.random(photos)
    values = np.where(alike, shared, rng.random((len(accuracies), photos)))
    return values < np.array(accuracies)[:, None]


def test_model_that_is_worse_by_3_points_is_called_equal_in_at_most_5_percent():
    rng = np.random.default_rng(1)
    # Only one of both models is right on about 11 % of the photos.
    photos = 2000
    assert estimate_detectable_difference(0.11, photos, pairs=1) < 0.03
    equal = sum(
        1 not in make_paired_tests(draw_models(rng, [0.90, 0.87], photos), None).find_worse() for _ in range(RUNS)
    )
    assert equal / RUNS <= 0.05


@pytest.mark.parametrize("photos", [60, 300, 2000])
def test_two_equal_models_stay_together_in_at_least_95_percent(photos):
    rng = np.random.default_rng(2)
    parted = sum(bool(make_paired_tests(draw_models(rng, [0.9, 0.9], photos), None).find_worse()) for _ in range(RUNS))
    # 5 %, and two standard errors of the simulation.
    assert parted / RUNS <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / RUNS)


def test_of_six_equal_models_none_is_called_worse_in_at_least_95_percent():
    rng = np.random.default_rng(3)
    parted = sum(bool(make_paired_tests(draw_models(rng, [0.9] * 6, 400), None).find_worse()) for _ in range(RUNS))
    assert parted / RUNS <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / RUNS)


def test_equal_models_on_grouped_photos_stay_together():
    rng = np.random.default_rng(11)
    clusters = np.repeat(np.arange(60), 5)
    # The five photos of a group are predicted alike: independent tests would part the models far too often.
    draws = [np.repeat(draw_models(rng, [0.85, 0.85], 60), 5, axis=1) for _ in range(RUNS)]
    grouped = sum(bool(make_paired_tests(draw, clusters).find_worse()) for draw in draws)
    assert grouped / RUNS <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / RUNS)
    assert sum(bool(make_paired_tests(draw, None).find_worse()) for draw in draws) / RUNS > 0.2


def test_worse_model_is_mapped_to_the_most_accurate_one_that_is_better():
    correct = np.ones((3, 100), dtype=bool)
    correct[1, :3] = False
    correct[2, :40] = False
    assert make_paired_tests(correct, None).find_worse() == {2: 0}


def test_models_that_predict_alike_have_a_p_value_of_1():
    correct = np.zeros((2, 10), dtype=bool)
    assert (make_paired_tests(correct, None).compute_p_values() == 1).all()


def test_first_model_in_order_of_preference_that_is_not_worse_is_chosen():
    correct = np.ones((3, 200), dtype=bool)
    correct[0, :2] = False
    correct[2, :100] = False
    tests = make_paired_tests(correct, None)
    assert choose_model(tests, np.array([2, 0, 1])) == 0
    assert choose_model(tests, np.array([1, 0, 2])) == 1


def test_a_single_model_is_chosen():
    assert choose_model(make_paired_tests(np.zeros((1, 4), dtype=bool), None), np.array([0])) == 0


def test_optimism_of_a_single_model_is_0():
    tests = make_paired_tests(draw_models(np.random.default_rng(5), [0.8], 200), None)
    assert estimate_optimism(tests, np.array([0]), None, seed=1) == pytest.approx(0, abs=0.005)


def test_optimism_is_that_of_the_most_accurate_of_equal_models():
    # The preference is the accuracy on the photos at hand, so that the luckiest of four is chosen.
    rng = np.random.default_rng(6)
    estimates, biases = [], []
    for _ in range(8):
        correct = draw_models(rng, [0.8] * 4, 150)
        preference = np.argsort(-correct.mean(axis=1))
        tests = make_paired_tests(correct, None)
        estimates.append(estimate_optimism(tests, preference, None, seed=1))
        biases.append(correct.mean(axis=1).max() - 0.8)
    # The order of preference is fixed in the draws, so that the estimate is below the bias.
    assert 0 <= np.mean(estimates) <= np.mean(biases)


def test_whole_groups_are_drawn_for_the_optimism():
    clusters = np.repeat(np.arange(20), 10)
    correct = np.repeat(draw_models(np.random.default_rng(7), [0.8, 0.8], 20), 10, axis=1)
    tests = make_paired_tests(correct, clusters)
    assert abs(estimate_optimism(tests, np.array([0, 1]), clusters, seed=1)) < 0.1


def test_more_photos_detect_smaller_differences():
    assert estimate_detectable_difference(0.1, 1000, 1) == pytest.approx(0.028, abs=0.001)
    assert estimate_detectable_difference(0.1, 1000, 15) > estimate_detectable_difference(0.1, 1000, 1)
    assert estimate_detectable_difference(1.0, 1, 1) == 1.0
