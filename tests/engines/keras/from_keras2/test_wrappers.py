"""Recurrent and wrapping layers, and crops with the roundings of Keras 2."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.from_keras2.layers import translate_layer
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError
from edgetl.engines.keras.from_keras2.wrappers import crop_and_resize
from edgetl.engines.keras2_graph import SavedLayer


def translate(class_name, *weights, **config):
    return translate_layer(SavedLayer(name="x", class_name=class_name, config=config, weights=weights))


def test_backward_layer_runs_in_the_other_direction():
    inner = {"class_name": "LSTM", "config": {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid"}}
    translation = translate("Bidirectional", *[np.zeros((1, 8))] * 6, layer=inner, merge_mode="sum")
    (layer,) = translation.layers
    assert (layer.forward_layer.go_backwards, layer.backward_layer.go_backwards) == (False, True)
    assert len(translation.weights) == 6


def test_weights_of_stacked_cells_are_divided():
    cell = {"units": 2, "activation": "tanh", "use_bias": False}
    cells = [{"class_name": "SimpleRNNCell", "config": cell}] * 2
    weights = [np.full((1, 2), number) for number in range(4)]
    translation = translate("RNN", *weights, cell={"class_name": "StackedRNNCells", "config": {"cells": cells}})
    assert [weight[0, 0] for weight in translation.weights] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("class_name", "config", "match"),
    [
        ("TimeDistributed", {"layer": {"class_name": "Sequential", "config": {}}}, "a whole model"),
        ("TimeDistributed", {"layer": {"class_name": "CenterCrop", "config": {"height": 1, "width": 1}}}, "CenterCrop"),
        ("Resizing", {"height": 2, "width": 2, "interpolation": "area"}, "no interpolation 'area'"),
        ("LSTM", {"units": 2, "stateful": True}, "stateful=True"),
        ("LSTM", {"units": 2, "activation": {"class_name": "ReLU", "config": {}}}, "its activation is a layer"),
    ],
)
def test_layer_without_counterpart_is_refused(class_name, config, match):
    with pytest.raises(NoCounterpartError, match=match):
        translate(class_name, **config)


def test_crop_keeps_the_ratio_of_the_output():
    image = keras.Input((10, 20, 3))
    model = keras.Model(image, crop_and_resize(4, 4, "bilinear")(image))
    assert model.output_shape == (None, 4, 4, 3)
    cropping = next(layer for layer in model.layers if isinstance(layer, keras.layers.Cropping2D))
    assert cropping.cropping == ((0, 0), (5, 5))


@pytest.mark.parametrize(("side", "classes"), [(4, {"Cropping2D"}), (12, {"Cropping2D", "Resizing"})])
def test_center_crop_enlarges_a_smaller_photo(side, classes):
    image = keras.Input((10, 10, 3))
    model = keras.Model(image, translate("CenterCrop", height=side, width=side)(image))
    assert {type(layer).__name__ for layer in model.layers} == {"InputLayer", *classes}
