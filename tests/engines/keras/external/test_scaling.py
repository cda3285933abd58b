"""Scaling of an external model's input: found in its first layers, and applied to photos before it."""

import keras
import numpy as np
import pytest

from edgetl.core.network.input_scaling import AFFINES, parse_scaling
from edgetl.engines.keras.external import scaling

layers = keras.layers


def test_rescaling_after_the_input_is_found(make_classifier):
    model = make_classifier(layers.Rescaling(1 / 127.5, -1.0))
    built_in = scaling.find_built_in_scaling(model)
    assert built_in is not None and built_in.affine == AFFINES["tf"]
    assert built_in.output is model.layers[1].output and scaling.has_built_in_scaling(model)


def test_several_scaling_layers_are_merged(make_classifier, photo_array):
    normalization = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 0.6, 0.7])
    model = make_classifier(layers.Rescaling(1 / 255), layers.Rescaling(2.0, -1.0), normalization)
    built_in = scaling.find_built_in_scaling(model)
    pixels = photo_array.astype(np.float32)
    expected = keras.Model(model.input, built_in.output).predict_on_batch(pixels)
    assert np.allclose(pixels * built_in.affine.scale + built_in.affine.offset, expected, atol=1e-5)


@pytest.mark.parametrize(
    "first",
    [
        lambda: [],
        lambda: [layers.ZeroPadding2D(), layers.Rescaling(1 / 255)],
        lambda: [layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 4.0, 1.0], invert=True)],
    ],
    ids=["no scaling", "scaling after another layer", "inverted normalization"],
)
def test_no_scaling_is_found(make_classifier, first):
    model = make_classifier(*first())
    assert scaling.find_built_in_scaling(model) is None and not scaling.has_built_in_scaling(model)


def test_scaling_of_a_nested_network_is_known_but_not_merged():
    network = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None)
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(network(image))))
    assert scaling.find_built_in_scaling(model) is None and scaling.has_built_in_scaling(model)


@pytest.mark.parametrize("name", ["tf", "torch", "caffe"])
def test_applied_scaling_is_that_of_keras(name, photo_array):
    expected = keras.applications.imagenet_utils.preprocess_input(photo_array.astype(np.float32), mode=name)
    scaled = scaling.apply_scaling(photo_array, parse_scaling(name))
    assert scaled.dtype == np.float32 and np.allclose(scaled, expected, atol=1e-4)
