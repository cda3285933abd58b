"""Photos that were not trained on: a label is a suspect where the model is sure of another one."""

import numpy as np

from edgetl.engines.inspection.held_out import find_held_out_suspects


def predict(labels, classes, sure=0.9):
    scores = np.full((len(labels), classes), (1 - sure) / (classes - 1))
    scores[np.arange(len(labels)), labels] = sure
    return scores


def test_changed_labels_are_found_with_the_class_that_is_predicted():
    truth = np.arange(60) % 3
    labels = truth.copy()
    labels[[4, 20]] = (truth[[4, 20]] + 1) % 3
    found = find_held_out_suspects(labels, predict(truth, 3))
    assert {(row, suggested) for row, suggested, _ in found} == {(4, truth[4]), (20, truth[20])}
    assert all(abs(score - 0.05) < 1e-6 for _, _, score in found)


def test_outputs_without_photos_are_no_suggestion():
    truth = np.array([1, 4] * 20)
    labels = truth.copy()
    labels[0] = 4
    assert [(row, suggested) for row, suggested, _ in find_held_out_suspects(labels, predict(truth, 6))] == [(0, 1)]


def test_one_class_and_certain_other_classes_have_no_suspects():
    assert find_held_out_suspects(np.ones(5, np.int64), predict(np.zeros(5, np.int64), 3)) == []
    scores = np.zeros((6, 3))
    scores[:, 2] = 1
    assert find_held_out_suspects(np.array([0, 1] * 3), scores) == []


def test_few_photos_are_enough():
    assert find_held_out_suspects(np.array([0, 1]), predict(np.array([0, 1]), 2)) == []
