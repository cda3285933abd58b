"""Targets that are probabilities: smoothed labels, and photos that are mixed with each other."""

import numpy as np
import pytest

from edgetl.engines.keras.training.soft_targets import are_soft, mix_photos, soften_targets
from tests.fixtures.training import make_recipe


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({"training": {"label_smoothing": 0.1}}, True),
        ({"training": {"mixup": 0.2}}, True),
        ({"teacher": {"source": "mobilenet_v2"}}, True),
    ],
)
def test_targets_are_soft_where_a_recipe_smooths_or_mixes_or_has_a_teacher(values, expected):
    assert are_soft(make_recipe(**values)) is expected


def test_smoothing_divides_its_share_among_all_classes():
    targets = soften_targets(np.array([2, 0]), 4, 0.2)
    assert targets.dtype == np.float32
    assert targets == pytest.approx(np.array([[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]]))


def test_smoothing_of_sigmoids_divides_its_share_between_yes_and_no():
    targets = soften_targets(np.array([[1.0, 0.0]], np.float32), 2, 0.2)
    assert targets == pytest.approx(np.array([[0.9, 0.1]]))


def test_without_smoothing_targets_are_one_hot():
    assert soften_targets(np.array([1]), 3, 0.0).tolist() == [[0.0, 1.0, 0.0]]


def test_inputs_targets_and_weights_are_mixed_by_the_same_share_of_the_same_photo():
    inputs = np.repeat(np.arange(50, dtype=np.float32)[:, np.newaxis], 3, axis=1)
    targets = np.eye(50, dtype=np.float32)
    mixed, shares, weights = mix_photos((inputs, targets, inputs[:, 0]), 0.4, np.random.default_rng(1))
    assert mixed.shape == inputs.shape
    assert shares.sum(axis=1) == pytest.approx(np.ones(50))
    # The inputs are the numbers of the photos, so that each mean of them must be that of the targets.
    assert mixed == pytest.approx(np.repeat((shares @ np.arange(50))[:, np.newaxis], 3, axis=1), rel=1e-4)
    assert weights == pytest.approx(mixed[:, 0])
    assert (np.diag(shares) >= 0.5 - 1e-6).all()
    assert (shares.max(axis=1) < 1).any()


def test_mixed_pixels_stay_bytes_between_those_of_both_photos():
    pixels = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (20, 4, 4, 3))
    mixed, _ = mix_photos((pixels, np.eye(20, dtype=np.float32)), 1.0, np.random.default_rng(1))
    assert mixed.dtype == np.uint8
    assert set(np.unique(mixed)) - {0, 255}


def test_the_same_generator_mixes_alike():
    batch = (np.arange(6, dtype=np.float32), np.eye(6, dtype=np.float32))
    first, second = (mix_photos(batch, 0.2, np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
