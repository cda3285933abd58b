"""Curves of known laws are continued, and their intervals hold."""

import numpy as np
import pytest

from edgetl.core.inspection.learning_curves import SubsetPredictions, fit_curves, predict_accuracy

SIZES = np.array([100, 200, 350, 600, 1000])


def simulate(seed, photos=1000, draws=2, law=lambda n: 0.95 - 2 * n**-0.5):
    """Photos of different difficulty: each is predicted right from some accuracy on."""
    generator = np.random.default_rng(seed)
    difficulty = generator.random(photos)
    noise = generator.normal(0, 0.02, (draws, len(SIZES), photos))
    return SubsetPredictions(photos=SIZES, right=difficulty + noise < law(SIZES.astype(float))[None, :, None])


def test_interval_holds_the_accuracy_of_twice_as_many_photos():
    held = 0
    for seed in range(20):
        _, low, high = predict_accuracy(simulate(seed), np.arange(1000), 2000)
        held += low <= 0.95 - 2 * 2000**-0.5 <= high
    assert held >= 17


def test_flat_curve_promises_nothing():
    (curve,) = fit_curves(simulate(1, law=lambda n: np.full(len(n), 0.8)), np.zeros(1000, int), np.arange(1000), 1000)[
        :1
    ]
    assert 0 <= curve.gain < 0.01 and curve.gain_low >= 0


def test_falling_curve_is_not_continued():
    (curve,) = fit_curves(simulate(1, law=lambda n: 0.5 + n**-0.5), np.zeros(1000, int), np.arange(1000), 1000)[:1]
    assert curve.gain == pytest.approx(0)


def test_curve_does_not_exceed_one():
    predicted, _, high = predict_accuracy(simulate(1, law=lambda n: np.minimum(1, n / 900)), np.arange(1000), 10**6)
    assert predicted <= 1 and high <= 1


def test_groups_widen_the_interval():
    """Ten photos of one group are right or wrong together."""
    one = simulate(3, photos=100)
    ten = SubsetPredictions(photos=SIZES, right=np.repeat(one.right, 10, axis=2))
    alone = predict_accuracy(ten, np.arange(1000), 2000)
    grouped = predict_accuracy(ten, np.repeat(np.arange(100), 10), 2000)
    assert grouped[2] - grouped[1] > 2 * (alone[2] - alone[1])


def test_classes_with_enough_photos_have_curves():
    labels = np.array([0] * 500 + [1] * 480 + [2] * 20)
    curves = fit_curves(simulate(1), labels, np.arange(1000), 500)
    assert [curve.label for curve in curves] == [-1, 0, 1]
    assert all(curve.gain_low <= curve.gain <= curve.gain_high and curve.more == 500 for curve in curves)
    assert curves[0].photos == tuple(SIZES) and len(curves[0].accuracies) == 5
