"""Pairs of classes with the most wrong predictions."""

import numpy as np
import pytest

from edgetl.core.inspection.confusions import find_confused_pairs


def predict(predicted, classes):
    return np.where(np.arange(classes) == np.asarray(predicted)[:, None], 0.8, 0.2 / (classes - 1))


def test_pairs_are_counted_in_their_direction():
    labels = np.array([0] * 10 + [1] * 10 + [2] * 10)
    predicted = [0] * 7 + [1] * 3 + [1] * 8 + [0, 0] + [2] * 9 + [0]
    pairs = find_confused_pairs(labels, predict(predicted, 3))
    assert [(pair.label, pair.predicted, pair.photos, pair.total) for pair in pairs] == [(0, 1, 3, 10), (1, 0, 2, 10)]


def test_photos_between_two_classes_are_the_least_decided_ones():
    scores = np.array([[0.9, 0.1, 0], [0.52, 0.48, 0], [0.1, 0.9, 0], [0.3, 0.3, 0.4], [0.4, 0.6, 0], [0.0, 0.1, 0.9]])
    (pair,) = find_confused_pairs(np.array([0, 0, 0, 1, 0, 2]), scores)
    assert pair.between == (3, 1, 4, 0, 2)


def test_right_predictions_are_no_pairs():
    assert find_confused_pairs(np.arange(4), predict(range(4), 4)) == ()


@pytest.mark.parametrize("classes", [2, 300])
def test_any_number_of_classes(classes):
    labels = np.repeat(np.arange(classes), 4)
    pairs = find_confused_pairs(labels, predict((labels + 1) % classes, classes))
    assert len(pairs) == min(20, classes) and all(pair.photos == 4 for pair in pairs)
