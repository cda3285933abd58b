"""formula: half floats there and back, the same bytes every time, both Kerases, and nothing but arrays in the file."""

import io

import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe
from edgetl.engines.keras import half_weights
from edgetl.engines.keras import model as keras_model

BASE = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=32, weights="none")


class Layer:
    """A layer as far as its weights go."""

    def __init__(self, name, *weights):
        self.name, self.weights = name, [np.asarray(weight, np.float32) for weight in weights]

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def test_there_and_back():
    exact = np.arange(6).reshape(2, 3) / 4
    layers = [Layer("conv", exact, [1, 2]), Layer("relu"), Layer("bn", [0.1])]
    content = half_weights.pack_weights(layers)
    assert content == half_weights.pack_weights(layers) and list(half_weights.unpack_weights(content)) == ["conv", "bn"]
    others = [Layer("renamed", np.zeros((2, 3)), [0, 0]), Layer("bn_2", [0]), Layer("pool")]
    half_weights.fill_layers(others, content)
    assert np.array_equal(others[0].weights[0], exact) and others[0].weights[0].dtype == np.float32
    assert abs(others[1].weights[0][0] - 0.1) < 1e-4


@pytest.mark.parametrize("weight", [70000, np.nan, -np.inf])
def test_what_is_no_half_float_is_refused(weight):
    with pytest.raises(StageError, match="layer conv"):
        half_weights.pack_weights([Layer("conv", [weight])])


def test_another_network_is_refused_and_left_alone():
    content = half_weights.pack_weights([Layer("a", [1]), Layer("b", [1, 2])])
    layers = [Layer("a", [0]), Layer("b", [0, 0, 0])]
    with pytest.raises(ConfigError, match="layer b takes"):
        half_weights.fill_layers(layers, content)
    assert layers[0].weights[0] == 0
    with pytest.raises(ConfigError, match="2 layers, the network has 1"):
        half_weights.fill_layers(layers[:1], content)


def test_a_file_of_something_else_is_refused():
    pickled = io.BytesIO()
    np.savez(pickled, **{"a/0": np.array([{}], dtype=object)})
    lone = io.BytesIO()
    np.save(lone, np.zeros(3))
    whole = half_weights.pack_weights([Layer("a", np.ones(99))])
    for content in (pickled.getvalue(), lone.getvalue(), b"", b"PK", whole[: len(whole) // 2], b"weights"):
        with pytest.raises(ConfigError, match="not a file of half-float weights"):
            half_weights.unpack_weights(content)


def test_both_kerases_compute_the_same(tmp_path):
    import tf_keras

    keras_model.reset_keras(1)
    network = build.assemble_model(BASE, HeadRecipe(), 3)
    layers = build.list_base_layers(network)
    content = half_weights.pack_weights(layers)
    assert len(content) < 1_000_000
    half_weights.fill_layers(layers, content)
    twin = tf_keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
    half_weights.fill_layers(twin.layers, content)
    photos = np.random.default_rng(0).integers(256, size=(4, 32, 32, 3), dtype=np.uint8)
    import keras

    ours = keras.Model(network.input, network.get_layer(build.POOLING).output).predict(photos, verbose=0)
    theirs = np.asarray(twin(photos / np.float32(127.5) - 1, training=False))
    assert np.abs(ours).max() > 0 and np.abs(ours - theirs).max() < 1e-5 * np.abs(ours).max()


def test_a_file_that_would_fill_the_memory_is_refused(monkeypatch):
    content = half_weights.pack_weights([Layer("a", np.zeros(1000))])
    monkeypatch.setattr(half_weights, "_MOST_BYTES", 2000)
    with pytest.raises(ConfigError, match="at most 2000 are taken"):
        half_weights.unpack_weights(content)
