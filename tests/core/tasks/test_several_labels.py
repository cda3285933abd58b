"""several_labels.py: each label is decided by its threshold, and the decisions about a photo are one cluster."""

import numpy as np
import pytest

from edgetl.core.tasks.several_labels import SeveralLabels

TASK = SeveralLabels((0.5, 0.25))
SCORES = np.array([[0.5, 0.2], [0.4, 0.25], [0.9, 0.9]])


def test_units_loss_and_targets():
    assert TASK.count_units("sigmoid", 2) == 2 and TASK.choose_loss("sigmoid") == "label_crossentropy"
    targets = TASK.make_targets(np.array([[0, 1]]), "sigmoid")
    assert targets.tolist() == [[0.0, 1.0]] and targets.dtype == np.float32


def test_a_score_at_its_threshold_is_a_label():
    assert TASK.decide(SCORES).tolist() == [[1, 0], [0, 1], [1, 1]]
    with pytest.raises(ValueError, match="2 thresholds for 3 labels"):
        TASK.decide(np.zeros((1, 3)))


def test_probability_of_the_right_decision():
    truth = np.array([[1, 0], [0, 1], [0, 0]])
    assert TASK.select_true_probabilities(SCORES, truth) == pytest.approx(
        np.array([[0.5, 0.8], [0.6, 0.25], [0.1, 0.1]])
    )


def test_expected_scores_near_a_threshold_match_any_decision():
    other = np.array([[0.4, 0.3], [0.6, 0.3], [0.1, 0.9]])
    assert TASK.match_scores(SCORES, other, 0.06).tolist() == [[True, True], [False, True], [False, True]]


def test_photos_with_and_without_a_label_count_equally():
    truth = np.array([[1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 1]])
    task = SeveralLabels((0.5,) * 3)
    weights = task.compute_weights(truth)
    assert weights[:, 0].tolist() == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3]) and weights[:, 1].tolist() == [1] * 4
    # Every photo has the last label.
    assert weights[:, 2].tolist() == [1] * 4 and weights.mean() == pytest.approx(1)
    assert task.is_weighted(truth, "auto") and not task.is_weighted(truth[:, :2], "auto")
    assert task.is_weighted(truth[:, :2], "balanced") and not task.is_weighted(truth, "none")
    assert "4.0 times the photos of the rarest" in task.describe_weights(truth)


def test_decisions_about_a_photo_or_a_group_are_one_cluster():
    assert TASK.number_clusters([], 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert TASK.number_clusters(["x", "", "x"], 3).tolist() == [0, 0, 1, 1, 0, 0]
