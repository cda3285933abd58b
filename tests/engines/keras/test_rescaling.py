"""scaling.py: raw RGB through our network says what Keras's own preprocessing and network say, for every scaling."""

import numpy as np
import pytest

from edgetl.core.network import base_table, bases
from edgetl.core.network.input_scaling import AFFINES
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe
from edgetl.engines.keras import half_weights, rescaling
from edgetl.engines.keras import model as keras_model

keras = keras_model.keras
SIDE_PX = 32


@pytest.fixture(scope="module")
def raw():
    """uint8 [4, 32, 32, 3] whose channels differ."""
    draws = np.random.default_rng(3).integers(0, 256, (4, SIDE_PX, SIDE_PX, 3))
    return (draws * [1.0, 0.6, 0.3]).astype(np.uint8)


def network(row: base_table.BaseNetwork, **own):
    """Keras's own, from random weights, as Keras gives it."""
    widths = {"alpha": row.alphas[0]} if row.has_widths else {}
    builder = getattr(keras.applications, row.builder)
    return builder(input_shape=(SIDE_PX, SIDE_PX, 3), include_top=False, weights=None, **widths, **own)


# For each of them Keras's module, whose preprocess_input does what its users do; V3 and EfficientNetV2 scale inside.
MODULES = {
    "mobilenet": "mobilenet",
    "mobilenet_v3_small": "mobilenet_v3",
    "efficientnet_v2_b0": "efficientnet_v2",
    "densenet121": "densenet",
    "vgg16": "vgg16",
    "resnet50": "resnet",
    "resnet50_v2": "resnet_v2",
}


@pytest.mark.parametrize("name", MODULES)
def test_our_network_says_what_keras_says(name, raw, tmp_path):
    row = bases.find_base(name)
    keras_model.reset_keras(5)
    theirs = network(row)
    path = tmp_path / "theirs.weights.h5"
    # What Keras trained has no scaling inside: it is added here as Keras adds it, and the weights are the same.
    bare = network(row, include_preprocessing=False) if row.scaled_inside else theirs
    bare.set_weights([weight for weight in theirs.get_weights() if not _of_normalization(theirs, weight)])
    bare.save_weights(path)
    preprocess = getattr(keras.applications, MODULES[name]).preprocess_input
    expected = theirs.predict_on_batch(preprocess(raw.astype(np.float32)))
    base = BaseRecipe(name=name, alpha=row.alphas[0], side_px=SIDE_PX, weights=str(path))
    ours = build.assemble_model(base, HeadRecipe(dropout=0.0), 3)
    answer = keras.Model(ours.input, ours.get_layer(build.POOLING).input).predict_on_batch(raw)
    assert float(np.abs(expected).max()) > 0
    assert np.abs(answer - expected).max() < 1e-5 * np.abs(expected).max()
    if row.scaling == "caffe":
        mirrored = keras.Model(ours.input, ours.get_layer(build.POOLING).input).predict_on_batch(raw[..., ::-1])
        assert np.abs(mirrored - expected).max() > 1e-3 * np.abs(expected).max(), "the order of the channels matters"


def _of_normalization(model, weight):
    """Keras's Normalization keeps mean, variance and a count among the weights; they are no weights of the network."""
    return any(
        weight.shape == held.shape and np.array_equal(weight, np.asarray(held))
        for layer in model.layers
        if isinstance(layer, keras.layers.Normalization)
        for held in layer.weights
    )


@pytest.mark.parametrize(("name", "mode"), [("tf", "tf"), ("torch", "torch")])
def test_numbers_are_those_of_preprocess_input(name, mode):
    photo = np.arange(256, dtype=np.float32).repeat(3).reshape(1, 16, 16, 3)
    expected = keras.applications.imagenet_utils.preprocess_input(photo.copy(), mode=mode)
    assert np.allclose(rescaling.make_rescaling(AFFINES[name])(photo), expected, atol=1e-6)


def test_caffe_is_that_of_preprocess_input_but_for_the_order():
    photo = np.arange(256, dtype=np.float32).repeat(3).reshape(1, 16, 16, 3)
    expected = keras.applications.imagenet_utils.preprocess_input(photo.copy(), mode="caffe")
    assert np.allclose(rescaling.make_rescaling(AFFINES["caffe"])(photo), expected[..., ::-1], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "spread", "scaled"),
    [
        # The lowest number and zero are both levels, which takes the highest up a little.
        ("tf", (0.0, 2.0), (-1.0, 1 + 1 / 127)),
        ("torch", (0.0, 1 / 0.224), (-0.485 / 0.229, 0.485 / 0.229 * (255 / 113 - 1))),
        ("caffe", (0.0, 255.0), (-123.68, 123.68 * (255 / 114 - 1))),
    ],
)
def test_ranges_are_those_of_all_channels(name, spread, scaled):
    found = rescaling.compute_scaled_ranges(*rescaling.read_rescaling(rescaling.make_rescaling(AFFINES[name])))
    assert found == (pytest.approx(spread, rel=1e-6), pytest.approx(scaled, rel=1e-6))


def test_ranges_hold_zero_and_turn_round():
    assert rescaling.compute_scaled_ranges(np.float32(-1 / 255), np.float32(2.0)) == (
        pytest.approx((-1, 0)),
        pytest.approx((0, 2)),
    )


def test_weights_learned_here_stay_in_the_order_rgb(tmp_path):
    base = recipe.BaseRecipe(name="vgg16", side_px=SIDE_PX, weights="none")
    keras_model.reset_keras(5)
    model = build.assemble_model(base, HeadRecipe(dropout=0.0), 3)
    # Half floats hold what random weights of this size lose in rounding.
    first = build.list_base_layers(model)[0]
    path = tmp_path / "ours.npz"
    path.write_bytes(half_weights.pack_weights(build.list_base_layers(model)))
    again = build.assemble_model(base.model_copy(update={"weights": str(path)}), HeadRecipe(dropout=0.0), 3)
    kept = np.asarray(again.get_layer(first.name).kernel)
    assert np.allclose(kept, np.asarray(first.kernel), atol=1e-3)
    assert not np.allclose(kept[:, :, ::-1], np.asarray(first.kernel), atol=1e-3)


def test_the_layer_survives_its_file(tmp_path):
    image = keras.Input((SIDE_PX, SIDE_PX, 3), dtype="uint8")
    model = keras.Model(image, rescaling.make_rescaling(AFFINES["torch"])(image))
    keras_model.save_model(model, tmp_path / "model.keras")
    again = keras_model.load_model(tmp_path / "model.keras").get_layer(rescaling.LAYER_NAME)
    for ours, kept in zip(rescaling.read_rescaling(model.layers[-1]), rescaling.read_rescaling(again), strict=True):
        assert ours.shape == (3,) and np.array_equal(ours, kept)
