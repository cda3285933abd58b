"""one_class.py: the highest score decides, and the loss follows from the activation."""

import numpy as np

from edgetl.core.tasks.one_class import OneClass

TASK = OneClass()
SCORES = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])


def test_units_loss_and_targets():
    labels = np.array([0, 1])
    assert (TASK.count_units("softmax", 3), TASK.count_units("sigmoid", 2)) == (3, 1)
    assert TASK.choose_loss("softmax") == "sparse_categorical_crossentropy"
    assert TASK.choose_loss("sigmoid") == "binary_crossentropy"
    assert TASK.make_targets(labels, "softmax") is labels
    targets = TASK.make_targets(labels, "sigmoid")
    assert targets.tolist() == [[0.0], [1.0]] and targets.dtype == np.float32


def test_highest_score_decides():
    assert TASK.decide(SCORES).tolist() == [0, 2] and TASK.thresholds == ()
    assert TASK.select_true_probabilities(SCORES, np.array([1, 2])).tolist() == [0.5, 0.7]


def test_scores_within_the_tolerance_are_equal():
    other = np.array([[0.4, 0.6, 0.0], [0.9, 0.1, 0.0]])
    assert TASK.match_scores(SCORES, other, 0.0).tolist() == [True, False]


def test_classes_are_weighed():
    labels = np.array([0, 0, 0, 0, 1])
    assert TASK.is_weighted(labels, "auto") and not TASK.is_weighted(labels, "none")
    assert TASK.compute_weights(labels).tolist() == [0.625, 0.625, 0.625, 0.625, 2.5]
    assert "4.0 times the photos of the smallest" in TASK.describe_weights(labels)


def test_only_groups_are_clusters():
    assert TASK.number_clusters([], 2) is None and TASK.number_clusters(["", ""], 2) is None
    assert TASK.number_clusters(["x", "", "x"], 3).tolist() == [0, 1, 0]
