"""Each label is judged by itself: one that is missing or wrong is found, and one of all photos or of none is not."""

import numpy as np

from edgetl.engines.inspection.label_decisions import judge_decisions, judge_held_out_decisions


def make_photos(count=120):
    """Features that contain three labels each in a direction of its own; the last label is that of no photo."""
    random = np.random.default_rng(1)
    labels = np.column_stack([random.integers(0, 2, (count, 3)), np.zeros(count, int)])
    features = np.column_stack([4.0 * labels[:, :3], random.normal(size=(count, 5))])
    return features, labels, (np.arange(count) % 5,)


def test_missing_and_wrong_labels_are_found():
    features, truth, divisions = make_photos()
    labels = truth.copy()
    labels[7, 0], labels[9, 2] = 1 - truth[7, 0], 1 - truth[9, 2]
    steps = []
    suspects, decisions = judge_decisions(features, labels, divisions, steps.append)
    assert {(row, label) for row, label, _ in suspects} == {(7, 0), (9, 2)} and steps == [1] * 4
    assert (decisions == truth).all() and [score for *_, score in suspects] == sorted(score for *_, score in suspects)


def test_probabilities_of_a_model_judge_held_out_labels():
    _, truth, _ = make_photos()
    labels = truth.copy()
    labels[3, 1] = 1 - truth[3, 1]
    assert [suspect[:2] for suspect in judge_held_out_decisions(labels, 0.1 + 0.8 * truth)] == [(3, 1)]
