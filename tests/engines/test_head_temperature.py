"""The temperature in the last layer: probabilities change, classes do not."""

import keras
import numpy as np
import pytest
from scipy import special

from edgetl.core.rejection.temperature import fit_temperature
from edgetl.engines.head_temperature import fold_temperature, predict_last_features
from edgetl.engines.keras import build
from edgetl.engines.keras import model as keras_model
from tests.fixtures.training import label_photos

PHOTOS = np.random.default_rng(1).integers(0, 256, (60, 8, 8, 3), np.uint8)


def make_model(kernel, bias, activation="softmax"):
    """A model that predicts from the mean of each colour channel, -1..1."""
    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    features = keras.layers.GlobalAveragePooling2D()(scaled)
    scores = keras.layers.Dense(len(bias), activation=activation, name=build.SCORES)(features)
    model = keras.Model(image, scores)
    model.get_layer(build.SCORES).set_weights([np.asarray(kernel, np.float32), np.asarray(bias, np.float32)])
    return model


def compute_features(model):
    return np.asarray(PHOTOS, np.float64).mean(axis=(1, 2)) / 127.5 - 1


def fold(model, labels):
    return fold_temperature(model, predict_last_features(model, label_photos(PHOTOS, labels).pixels), labels)


@pytest.fixture
def confident():
    """A model whose logits are five times those from which the labels are drawn."""
    generator = np.random.default_rng(7)
    kernel = generator.normal(0, 12, (3, 4))
    model = make_model(5 * kernel, np.zeros(4))
    logits = compute_features(model) @ kernel
    return model, (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)


def test_weights_and_bias_are_divided(confident):
    model, labels = confident
    head = model.get_layer(build.SCORES)
    head.set_weights([head.get_weights()[0], np.arange(4, dtype=np.float32)])
    kernel, bias = head.get_weights()
    result = fold(model, labels)
    assert result.temperature > 2 and result.changed == 0 and result.photos == 60
    for before, after in zip((kernel, bias), head.get_weights(), strict=True):
        assert after.dtype == np.float32
        np.testing.assert_allclose(after * result.temperature, before, rtol=1e-6)


def test_probabilities_are_those_of_the_divided_logits(confident):
    model, labels = confident
    kernel, bias = model.get_layer(build.SCORES).get_weights()
    logits = compute_features(model) @ kernel + bias
    result = fold(model, labels)
    assert result.temperature == pytest.approx(fit_temperature(logits, labels), rel=1e-3)
    scores = keras_model.predict_scores(model, label_photos(PHOTOS, labels).pixels)
    np.testing.assert_allclose(scores, special.softmax(logits / result.temperature, axis=1), atol=1e-5)
    assert scores.argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()


def test_loss_and_calibration_error_are_lower_afterwards(confident):
    model, labels = confident
    result = fold(model, labels)
    assert result.log_loss[1] < 0.8 * result.log_loss[0]
    assert result.calibration_error[1] < result.calibration_error[0]


def test_second_temperature_is_one(confident):
    model, labels = confident
    fold(model, labels)
    assert fold(model, labels).temperature == pytest.approx(1, abs=1e-4)


def test_equal_classes_stay_equal():
    """Two units with the same weights: the first one is predicted, before and after."""
    kernel = np.random.default_rng(2).normal(0, 9, (3, 2))
    model = make_model(kernel[:, [0, 0, 1]], np.zeros(3))
    labels = (compute_features(model) @ kernel).argmax(axis=1) * 2
    result = fold(model, labels)
    scores = keras_model.predict_scores(model, label_photos(PHOTOS, labels).pixels)
    assert result.changed == 0 and result.temperature != 1
    np.testing.assert_array_equal(scores[:, 0], scores[:, 1])
    assert not (scores.argmax(axis=1) == 1).any()


def test_weights_stay_where_rounding_would_change_a_class():
    """The second class is the first one and the smallest possible more. A high temperature makes them equal."""
    bias = np.array([1.0, np.nextafter(np.float32(1), np.float32(2)), -1.0], np.float32)
    model = make_model(np.zeros((3, 3)), bias)
    result = fold(model, np.full(60, 2))
    assert (result.temperature, result.changed) == (1.0, 60)
    np.testing.assert_array_equal(model.get_layer(build.SCORES).get_weights()[1], bias)
    assert result.calibration_error[0] == result.calibration_error[1]


def test_one_sigmoid_unit_predicts_the_same_classes(confident):
    generator = np.random.default_rng(3)
    kernel = generator.normal(0, 12, (3, 1))
    model = make_model(4 * kernel, [0.0], "sigmoid")
    logits = (compute_features(model) @ kernel)[:, 0]
    labels = (generator.random(60) < special.expit(logits)).astype(np.int64)
    result = fold(model, labels)
    assert 2 < result.temperature < 8
    scores = keras_model.predict_scores(model, label_photos(PHOTOS, labels).pixels)
    np.testing.assert_allclose(scores[:, 1], special.expit(4 * logits / result.temperature), atol=1e-5)


def test_several_labels_have_one_temperature():
    generator = np.random.default_rng(5)
    kernel = generator.normal(0, 12, (3, 3))
    model = make_model(3 * kernel, np.zeros(3), "sigmoid")
    logits = compute_features(model) @ kernel
    labels = (generator.random((60, 3)) < special.expit(logits)).astype(np.int64)
    result = fold(model, labels)
    assert 2 < result.temperature < 5
    scores = keras_model.predict_scores(model, label_photos(PHOTOS, labels).pixels)
    np.testing.assert_allclose(scores, special.expit(3 * logits / result.temperature), atol=1e-5)
    # A label is present from 0.5, which no temperature changes.
    np.testing.assert_array_equal(scores >= 0.5, logits >= 0)
