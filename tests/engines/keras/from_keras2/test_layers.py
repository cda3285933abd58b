"""Layers with a counterpart in Keras 3: the table is complete, arguments are translated."""

import keras
import numpy as np
import pytest

from edgetl.core.network.keras2_names import ACTIVATIONS, LAYERS
from edgetl.engines.keras.from_keras2 import wrappers  # noqa: F401
from edgetl.engines.keras.from_keras2.layers import TRANSLATORS, scale_and_shift, split_activation, translate_layer
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError
from edgetl.engines.keras2_graph import SavedLayer


def translate(class_name, *weights, **config):
    return translate_layer(SavedLayer(name="x", class_name=class_name, config=config, weights=weights))


def test_table_has_the_layers_that_are_read():
    special = {"InputLayer", "SlicingOpLambda", "TFOpLambda", "TensorFlowOpLayer"}
    assert set(TRANSLATORS) == LAYERS - special


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS.values())))
def test_activations_exist_in_keras_3(name):
    assert keras.activations.get(name) is not None


def test_leaky_relu_has_the_slope_of_its_alpha():
    assert translate("LeakyReLU", alpha=0.07).layers[0].negative_slope == pytest.approx(0.07)


def test_hard_sigmoid_is_that_of_keras_2():
    x = np.linspace(-4, 4, 81, dtype=np.float32)[None]
    image = keras.Input((81,))
    model = keras.Model(image, translate("Activation", activation="hard_sigmoid")(image))
    assert np.abs(model.predict_on_batch(x) - np.clip(0.2 * x + 0.5, 0, 1)).max() < 1e-6


def test_activation_that_is_a_layer_follows():
    name, following = split_activation({"class_name": "ReLU", "config": {"max_value": 6.0}})
    assert name == "linear" and following[0].max_value == 6
    with pytest.raises(NoCounterpartError, match="'mine' is not known"):
        split_activation("mine")


def test_batch_normalization_drops_the_weights_of_renormalization():
    weights = [np.zeros(2)] * 6
    translation = translate("BatchNormalization", *weights, axis=[3], epsilon=0.1, center=True, scale=True)
    assert len(translation.weights) == 4 and translation.layers[0].axis == 3
    with pytest.raises(NoCounterpartError, match="along 2 axes"):
        translate("BatchNormalization", axis=[2, 3], epsilon=0.1, center=True, scale=True)


def test_normalization_becomes_a_rescaling():
    (layer,) = translate("Normalization", axis=[-1], mean=[[1.0, 2.0]], variance=[[4.0, 0.0]]).layers
    assert layer.scale == pytest.approx([0.5, 1 / keras.config.epsilon()]) and layer.offset[0] == pytest.approx(-0.5)


def test_constants_for_each_position_become_operations():
    constant = np.arange(4.0).reshape(2, 2, 1)
    image = keras.Input((2, 2, 1))
    model = keras.Model(image, scale_and_shift(constant, np.ones(()))(image))
    assert np.allclose(model.predict_on_batch(np.ones((1, 2, 2, 1)))[0], constant + 1)
