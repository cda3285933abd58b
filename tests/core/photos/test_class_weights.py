"""class_weights.py: when classes are weighted, and how."""

import numpy as np
import pytest

from edgetl.core.photos.class_weights import compute_imbalance, is_weighted, weigh_photos


def test_weights_give_each_class_the_same_sum_and_the_mean_one():
    labels = np.array([0] * 30 + [1] * 9 + [2] * 1)
    weights = weigh_photos(labels)
    assert weights.mean() == pytest.approx(1)
    assert [weights[labels == label].sum() for label in range(3)] == pytest.approx([40 / 3] * 3)


def test_weighted_accuracy_is_the_mean_of_the_recalls():
    labels, right = np.array([0] * 8 + [1] * 2), np.array([1] * 8 + [1, 0])
    assert np.average(right, weights=weigh_photos(labels)) == pytest.approx((1 + 0.5) / 2)


def test_weights_of_equal_classes_are_one():
    assert (weigh_photos(np.array([0, 1, 2, 0, 1, 2])) == 1).all()


def test_class_without_photos_does_not_count():
    labels = np.array([0, 0, 2])
    assert compute_imbalance(labels) == 2 and weigh_photos(labels).tolist() == [0.75, 0.75, 1.5]


@pytest.mark.parametrize(
    ("counts", "choice", "expected"),
    [
        ((30, 10), "auto", False),
        ((31, 10), "auto", True),
        ((31, 10), "none", False),
        ((10, 10), "balanced", True),
    ],
)
def test_classes_are_weighted_above_the_ratio_or_on_request(counts, choice, expected):
    assert is_weighted(np.repeat([0, 1], counts), choice) is expected
