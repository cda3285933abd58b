"""load.py: whole networks from .onnx files and SavedModel folders predict what Keras predicts."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.load import load_external
from edgetl.engines.keras.external.scaling import find_built_in_scaling
from edgetl.engines.keras.from_onnx import load

layers = keras.layers
PHOTOS = np.random.default_rng(1).integers(0, 256, (3, 24, 32, 3)).astype(np.float32)


def make_network():
    """Make a network of the layers that classifiers consist of."""
    keras.utils.set_random_seed(2)
    image = keras.Input((24, 32, 3))
    tensor = layers.Rescaling(1 / 127.5, -1)(image)
    tensor = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(tensor)
    tensor = layers.ReLU(6.0)(layers.BatchNormalization()(tensor))
    tensor = layers.Activation("hard_silu")(
        layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(tensor))
    )
    tensor = layers.Add()([tensor, layers.Conv2D(8, 1)(tensor)])
    tensor = layers.Conv2D(8, 3, strides=2, activation="swish")(layers.ZeroPadding2D(((0, 1), (0, 1)))(tensor))
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(tensor))
    tensor = layers.Flatten()(layers.MaxPooling2D()(layers.Multiply()([tensor, gate])))
    tensor = layers.LayerNormalization()(layers.Dense(10, activation="gelu")(tensor))
    return keras.Model(image, layers.Dense(4, activation="softmax")(tensor))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a network, and its SavedModel folder."""
    model, folder = make_network(), tmp_path_factory.mktemp("exported") / "model"
    model.export(folder, verbose=False)
    return model, folder


def test_saved_model_predicts_the_same(exported):
    model, folder = exported
    loaded = load_external(folder)
    assert np.allclose(loaded.predict_on_batch(PHOTOS), model.predict_on_batch(PHOTOS), atol=1e-5)
    assert find_built_in_scaling(loaded).affine.scale == pytest.approx(1 / 127.5)


def test_loaded_model_is_saved_in_safe_mode_and_always_the_same(exported, tmp_path):
    _, folder = exported
    for name in ("a.keras", "b.keras"):
        load.load_graph_model(folder).save(tmp_path / name)
    loaded = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    other = load_external(tmp_path / "b.keras")
    assert [layer.name for layer in loaded.layers] == [
        layer.name for layer in keras.saving.load_model(tmp_path / "b.keras").layers
    ]
    assert np.array_equal(loaded.predict_on_batch(PHOTOS), other.predict_on_batch(PHOTOS))


def test_difference_from_the_original_is_an_error(exported, monkeypatch):
    _, folder = exported
    monkeypatch.setattr(load, "_TOLERANCE", -1.0)
    with pytest.raises(ConfigError, match="the network in Keras differs from the one in the file") as caught:
        load.load_graph_model(folder)
    assert caught.value.where == (str(folder),)
