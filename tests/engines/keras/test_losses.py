"""losses.py: the loss and accuracy of labels are those of each label, weighed for itself."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.losses import find_accuracy, find_loss

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
