"""losses.py: the loss and accuracy of labels are those of each label, weighed for itself."""

import keras
import numpy as np
import pytest

from edgetl.core.recipe.teacher import TeacherRecipe
from edgetl.engines.keras.losses import find_accuracy, find_loss, make_teacher_loss, soften_scores

TARGETS = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
SCORES = np.array([[0.9, 0.2], [0.4, 0.3], [0.6, 0.8]], np.float32)
WEIGHTS = np.array([[1, 2], [0.5, 4], [1, 0]], np.float32)


def test_other_losses_are_names_of_keras():
    assert (
        find_loss("binary_crossentropy") == "binary_crossentropy" and find_accuracy("binary_crossentropy") == "accuracy"
    )


def test_weights_apply_to_each_label():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss=find_loss("label_crossentropy"), weighted_metrics=[find_accuracy("label_crossentropy")])
    loss, accuracy = model.evaluate(SCORES, TARGETS, sample_weight=WEIGHTS, batch_size=3, verbose=0)
    true = np.where(TARGETS == 1, SCORES, 1 - SCORES)
    assert loss == pytest.approx(float((-np.log(true) * WEIGHTS).mean()), rel=1e-5)
    right = (TARGETS >= 0.5) == (SCORES >= 0.5)
    assert accuracy == pytest.approx(float(np.average(right, weights=WEIGHTS)))


HARD = np.eye(3, dtype=np.float32)[[0, 2]]
STUDENT = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]], np.float32)
TEACHER = np.array([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3]], np.float32)


def compute_crossentropy(targets, scores):
    return -(targets * np.log(scores)).sum(axis=1)


def test_softened_scores_are_those_of_divided_logits():
    logits = np.log(STUDENT)
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    assert np.asarray(soften_scores(STUDENT, 2.0, sigmoid=False)) == pytest.approx(expected, rel=1e-5)
    assert np.asarray(soften_scores(STUDENT, 1.0, sigmoid=False)) == pytest.approx(STUDENT, rel=1e-5)
    sigmoids = np.asarray(soften_scores(SCORES, 2.0, sigmoid=True))
    assert sigmoids == pytest.approx(1 / (1 + np.exp(-np.log(SCORES / (1 - SCORES)) / 2)), rel=1e-5)
    assert np.isfinite(np.asarray(soften_scores(np.array([[1.0, 0.0]], np.float32), 2.0, sigmoid=True))).all()


def test_loss_of_a_student_adds_the_softened_crossentropy_with_the_teacher():
    recipe = TeacherRecipe(source="run", temperature=2.0, weight=0.7)
    loss = make_teacher_loss("categorical_crossentropy", recipe)
    soft = [np.asarray(soften_scores(scores, 2.0, sigmoid=False)) for scores in (TEACHER, STUDENT)]
    expected = 0.3 * compute_crossentropy(HARD, STUDENT) + 0.7 * 4 * compute_crossentropy(*soft)
    assert np.asarray(loss(np.concatenate([HARD, TEACHER], axis=1), STUDENT)) == pytest.approx(expected, rel=1e-4)


def test_loss_of_photos_without_a_teacher_is_that_of_their_labels():
    loss = make_teacher_loss("categorical_crossentropy", TeacherRecipe(source="run"))
    assert np.asarray(loss(HARD, STUDENT)) == pytest.approx(compute_crossentropy(HARD, STUDENT), rel=1e-5)


def test_labels_have_a_loss_of_their_own_with_a_teacher():
    loss = make_teacher_loss("label_crossentropy", TeacherRecipe(source="run", temperature=1.0, weight=0.5))
    mixed = (TARGETS + SCORES[::-1]) / 2
    expected = -(mixed * np.log(SCORES) + (1 - mixed) * np.log(1 - SCORES))
    assert np.asarray(loss(np.concatenate([TARGETS, SCORES[::-1]], axis=1), SCORES)) == pytest.approx(
        expected, rel=1e-4
    )


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "label_crossentropy", "binary_crossentropy"])
def test_accuracy_compares_with_the_labels_and_not_with_the_teacher(loss):
    metric = find_accuracy(loss, soft=True)
    targets, scores = (HARD, STUDENT) if loss == "categorical_crossentropy" else (TARGETS, SCORES)
    metric.update_state(np.concatenate([targets, 1 - targets], axis=1), scores)
    expected = 1.0 if loss == "categorical_crossentropy" else ((targets >= 0.5) == (scores >= 0.5)).mean()
    assert float(metric.result()) == pytest.approx(float(expected))
