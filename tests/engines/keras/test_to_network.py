"""flatten.py: a Keras 3 model is told layer by layer, or the layer that cannot be is named."""

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.network.description import AFFINE
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import to_network

layers = keras_model.keras.layers


def model_of(*middle, side=32, scaling=None):
    """A flat model with these layers, each eating the one before."""
    image = keras_model.keras.Input((side, side, 3), dtype="uint8", name="image")
    scaling = scaling or layers.Rescaling(1 / 127.5, -1.0)
    scaling.name = build.SCALING
    out = scaling(image)
    for layer in middle:
        out = layer(out)
    return keras_model.keras.Model(image, out)


def test_every_layer_with_its_weights(small_model):
    model = small_model()
    told = to_network.describe_network(model)
    assert [node.name for node in told.nodes] == [layer.name for layer in model.layers[1:]]
    assert told.nodes[0].kind == "InputLayer" and told.nodes[0].shape == (32, 32, 3)
    for node in told.nodes[1:]:
        layer = model.get_layer(node.name)
        assert node.kind == type(layer).__name__ and node.shape == tuple(layer.output.shape[1:])
        for mine, theirs in zip(node.weights, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert told.node("conv1").config["strides"] == (2, 2) and told.node("scores").activation == "softmax"


def test_weights_go_back(small_model):
    model = small_model()
    told = to_network.describe_network(model)
    kernel, *rest = told.node("scores").weights
    to_network.fill_model(model, told.replace_weights({"scores": (kernel * 2, *rest)}))
    np.testing.assert_array_equal(model.get_layer("scores").get_weights()[0], kernel * 2)


def test_a_probe(small_model, photo_array):
    model = small_model()
    photos, answers = to_network.probe_model(model, photo_array)
    np.testing.assert_allclose(photos, photo_array / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(answers, model.predict_on_batch(photo_array), atol=1e-6)


@pytest.mark.parametrize(
    ("scaling", "matrix", "offset"),
    [
        (lambda: layers.Rescaling(1 / 127.5, -1.0), np.eye(3) / 127.5, [-1, -1, -1]),
        (lambda: layers.Rescaling([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]), np.diag([0.1, 0.2, 0.3]), [1, 2, 3]),
    ],
)
def test_the_scaling_is_read_off_colours(scaling, matrix, offset):
    found = to_network.measure_scaling(model_of(layers.Flatten(), scaling=scaling()))
    np.testing.assert_allclose(found[0], matrix, atol=1e-5)
    np.testing.assert_allclose(found[1], offset, atol=1e-4)


def test_a_scaling_that_is_more():
    made = model_of(layers.Flatten(), scaling=layers.ReLU(max_value=100.0))
    with pytest.raises(StageError, match="more than a product and a sum"):
        to_network.measure_scaling(made)


def test_sums_and_products_with_numbers():
    image = keras_model.keras.Input((8, 8, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1.0, name=build.SCALING)(image)
    told = to_network.describe_network(keras_model.keras.Model(image, (scaled + 3.0) * 0.5))
    assert [node.kind for node in told.nodes] == ["InputLayer", AFFINE, AFFINE]
    assert [float(number) for number in told.nodes[1].weights] == [1.0, 3.0]
    assert [float(number) for number in told.nodes[2].weights] == [0.5, 0.0]


def test_a_rescaling_and_a_normalization_within():
    made = model_of(
        layers.Rescaling(2.0, 1.0, name="r"), layers.Normalization(mean=[1, 2, 3], variance=[4, 4, 1], name="n")
    )
    told = to_network.describe_network(made)
    assert [node.kind for node in told.nodes] == ["InputLayer", AFFINE, AFFINE]
    np.testing.assert_allclose(told.node("n").weights[0], [0.5, 0.5, 1])
    np.testing.assert_allclose(told.node("n").weights[1], [-0.5, -1, -3])


def test_dropped_branches_are_not_dropped():
    told = to_network.describe_network(model_of(layers.Dropout(0.5, noise_shape=(None, 1, 1, 1), name="d")))
    assert told.node("d").config["rate"] == 0.0


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (lambda: layers.LayerNormalization(name="odd"), "layers of class LayerNormalization are not known"),
        (lambda: layers.Conv2D(2, 1, activation="elu", name="odd"), "its activation 'elu' is not known"),
        (lambda: layers.GlobalAveragePooling2D(data_format="channels_first", name="odd"), "it has its channels first"),
    ],
)
def test_a_layer_that_cannot_be_carried_over(layer, why):
    with pytest.raises(StageError, match="layer 'odd' cannot be carried over to Keras 2") as caught:
        to_network.describe_network(model_of(layer()))
    assert why in caught.value.message and "the other methods do not" in caught.value.hint


def test_a_layer_used_twice():
    image = keras_model.keras.Input((8, 8, 3), dtype="uint8", name="image")
    shared = layers.Conv2D(3, 1, name="shared")
    made = keras_model.keras.Model(image, shared(shared(layers.Rescaling(1.0, name=build.SCALING)(image))))
    with pytest.raises(StageError, match="layer 'shared' cannot be carried over to Keras 2: it is used 2 times"):
        to_network.describe_network(made)
