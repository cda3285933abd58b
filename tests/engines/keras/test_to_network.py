"""Description of a Keras 3 model as a network: layer by layer, with weights, or an error that names the layer."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.network.description import AFFINE
from edgetl.engines.keras import build, to_network

layers = keras.layers


def make_model(*above, side=32, scaling=None):
    """A flat model with these layers above the scaling."""
    image = keras.Input((side, side, 3), dtype="uint8", name="image")
    scaling = scaling or layers.Rescaling(1 / 127.5, -1.0)
    scaling.name = build.SCALING
    tensor = scaling(image)
    for layer in above:
        tensor = layer(tensor)
    return keras.Model(image, tensor)


def test_each_layer_is_described_with_its_weights(small_model):
    model = small_model()
    network = to_network.describe_network(model)
    assert [node.name for node in network.nodes] == [layer.name for layer in model.layers[1:]]
    assert network.nodes[0].kind == "InputLayer" and network.nodes[0].shape == (32, 32, 3)
    for node in network.nodes[1:]:
        layer = model.get_layer(node.name)
        assert node.kind == type(layer).__name__ and node.shape == tuple(layer.output.shape[1:])
        for weight, expected in zip(node.weights, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)
    assert network.node("conv1").config["strides"] == (2, 2) and network.node("scores").activation == "softmax"


def test_weights_of_a_network_are_set_in_the_model(small_model):
    model = small_model()
    network = to_network.describe_network(model)
    weights, *rest = network.node("scores").weights
    to_network.fill_model(model, network.replace_weights({"scores": (weights * 2, *rest)}))
    np.testing.assert_array_equal(model.get_layer("scores").get_weights()[0], weights * 2)


def test_probe_returns_scaled_photos_and_scores(small_model, photo_array):
    model = small_model()
    scaled, scores = to_network.probe_model(model, photo_array)
    np.testing.assert_allclose(scaled, photo_array / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(scores, model.predict_on_batch(photo_array), atol=1e-6)


@pytest.mark.parametrize(
    ("scaling", "matrix", "offset"),
    [
        (lambda: layers.Rescaling(1 / 127.5, -1.0), np.eye(3) / 127.5, [-1, -1, -1]),
        (lambda: layers.Rescaling([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]), np.diag([0.1, 0.2, 0.3]), [1, 2, 3]),
    ],
)
def test_scaling_is_measured_as_matrix_and_offset(scaling, matrix, offset):
    measured = to_network.measure_scaling(make_model(layers.Flatten(), scaling=scaling()))
    np.testing.assert_allclose(measured[0], matrix, atol=1e-5)
    np.testing.assert_allclose(measured[1], offset, atol=1e-4)


def test_scaling_that_is_not_affine_is_an_error():
    model = make_model(layers.Flatten(), scaling=layers.ReLU(max_value=100.0))
    with pytest.raises(StageError, match="not a multiplication and an addition"):
        to_network.measure_scaling(model)


def test_additions_and_multiplications_with_numbers_are_affine_nodes():
    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1.0, name=build.SCALING)(image)
    network = to_network.describe_network(keras.Model(image, (scaled + 3.0) * 0.5))
    assert [node.kind for node in network.nodes] == ["InputLayer", AFFINE, AFFINE]
    assert [float(number) for number in network.nodes[1].weights] == [1.0, 3.0]
    assert [float(number) for number in network.nodes[2].weights] == [0.5, 0.0]


def test_rescaling_and_normalization_inside_are_affine_nodes():
    model = make_model(
        layers.Rescaling(2.0, 1.0, name="r"), layers.Normalization(mean=[1, 2, 3], variance=[4, 4, 1], name="n")
    )
    network = to_network.describe_network(model)
    assert [node.kind for node in network.nodes] == ["InputLayer", AFFINE, AFFINE]
    np.testing.assert_allclose(network.node("n").weights[0], [0.5, 0.5, 1])
    np.testing.assert_allclose(network.node("n").weights[1], [-0.5, -1, -3])


def test_stochastic_depth_is_switched_off():
    model = make_model(layers.Dropout(0.5, noise_shape=(None, 1, 1, 1), name="d"))
    assert to_network.describe_network(model).node("d").config["rate"] == 0.0


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: layers.LayerNormalization(name="odd"), "layers of class LayerNormalization are not known"),
        (lambda: layers.Conv2D(2, 1, activation="elu", name="odd"), "its activation 'elu' is not known"),
        (
            lambda: layers.GlobalAveragePooling2D(data_format="channels_first", name="odd"),
            "its data_format is channels_first",
        ),
        (
            lambda: layers.Normalization(mean=[1, 2, 3], variance=[4, 4, 1], invert=True, name="odd"),
            "it is an inverted Normalization",
        ),
    ],
)
def test_layer_that_cannot_be_described_is_an_error(layer, reason):
    with pytest.raises(StageError, match="layer 'odd' cannot be copied to Keras 2") as error:
        to_network.describe_network(make_model(layer()))
    assert reason in error.value.message and "the other methods do not" in error.value.hint


def test_layer_that_is_used_twice_is_an_error():
    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    shared = layers.Conv2D(3, 1, name="shared")
    model = keras.Model(image, shared(shared(layers.Rescaling(1.0, name=build.SCALING)(image))))
    with pytest.raises(StageError, match="layer 'shared' cannot be copied to Keras 2: it is used 2 times"):
        to_network.describe_network(model)
