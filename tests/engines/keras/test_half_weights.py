"""Half-float weights: the same bytes every time, for both Keras versions, and only arrays in the file."""

import io

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe
from edgetl.engines.keras import build, half_weights
from edgetl.engines.keras import model as keras_model


class Layer:
    """A layer, as far as its weights are concerned."""

    def __init__(self, name, *weights):
        self.name, self.weights = name, [np.asarray(weight, np.float32) for weight in weights]

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def test_weights_are_matched_by_the_order_of_the_layers():
    exact = np.arange(6).reshape(2, 3) / 4
    layers = [Layer("conv", exact, [1, 2]), Layer("relu"), Layer("bn", [0.1])]
    content = half_weights.pack_weights(layers)
    assert content == half_weights.pack_weights(layers) and list(half_weights.unpack_weights(content)) == ["conv", "bn"]
    renamed = [Layer("renamed", np.zeros((2, 3)), [0, 0]), Layer("bn_2", [0]), Layer("pool")]
    half_weights.fill_layers(renamed, content)
    assert np.array_equal(renamed[0].weights[0], exact) and renamed[0].weights[0].dtype == np.float32
    assert abs(renamed[1].weights[0][0] - 0.1) < 1e-4


@pytest.mark.parametrize("weight", [70000, np.nan, -np.inf])
def test_weight_that_is_no_finite_half_float_is_an_error(weight):
    with pytest.raises(StageError, match="layer conv"):
        half_weights.pack_weights([Layer("conv", [weight])])


def test_weights_of_another_network_change_no_layer():
    content = half_weights.pack_weights([Layer("a", [1]), Layer("b", [1, 2])])
    layers = [Layer("a", [0]), Layer("b", [0, 0, 0])]
    with pytest.raises(ConfigError, match="layer b needs"):
        half_weights.fill_layers(layers, content)
    assert layers[0].weights[0] == 0
    with pytest.raises(ConfigError, match="2 layers, the network has 1"):
        half_weights.fill_layers(layers[:1], content)


def test_other_files_are_an_error():
    pickled = io.BytesIO()
    np.savez(pickled, **{"a/0": np.array([{}], dtype=object)})
    single_array = io.BytesIO()
    np.save(single_array, np.zeros(3))
    complete = half_weights.pack_weights([Layer("a", np.ones(99))])
    truncated = complete[: len(complete) // 2]
    for content in (pickled.getvalue(), single_array.getvalue(), b"", b"PK", truncated, b"weights"):
        with pytest.raises(ConfigError, match="not a file of half-float weights"):
            half_weights.unpack_weights(content)


def test_array_that_declares_more_than_the_file_contains_is_an_error():
    complete = half_weights.pack_weights([Layer("a", np.ones(99))])
    # The header of the only array is the text of a dict. The archive checks its CRC last.
    for shape in (b"(99999999999,), ", b"(9**99,), "):
        changed = complete.replace(b"(99,), ", shape).replace(b" " * (len(shape) - 7) + b"\n", b"\n")
        assert len(changed) == len(complete)
        with pytest.raises(ConfigError, match="not a file of half-float weights"):
            half_weights.unpack_weights(changed)


def test_file_that_would_fill_the_memory_is_an_error(monkeypatch):
    content = half_weights.pack_weights([Layer("a", np.zeros(1000))])
    monkeypatch.setattr(half_weights, "_MAX_UNPACKED_BYTES", 2000)
    with pytest.raises(ConfigError, match="at most 2000 are allowed"):
        half_weights.unpack_weights(content)


def test_both_keras_versions_compute_the_same_with_the_weights():
    import tf_keras

    keras_model.reset_keras(1)
    base = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=32, weights="none")
    model = build.assemble_model(base, HeadRecipe(), 3, None)
    layers = build.list_base_layers(model)
    content = half_weights.pack_weights(layers)
    assert len(content) < 1_000_000
    half_weights.fill_layers(layers, content)
    keras2 = tf_keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
    half_weights.fill_layers(keras2.layers, content)
    photos = np.random.default_rng(0).integers(256, size=(4, 32, 32, 3), dtype=np.uint8)
    network = keras.Model(model.input, model.get_layer(build.POOLING).output)
    features = np.asarray(network(photos, training=False))
    keras2_features = np.asarray(keras2(photos / np.float32(127.5) - 1, training=False))
    largest = np.abs(features).max()
    assert largest > 0 and np.abs(features - keras2_features).max() < 1e-5 * largest
