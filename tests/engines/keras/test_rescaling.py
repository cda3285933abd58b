"""The scaling layer: raw photos give the features that Keras's preprocessing and network give, for each scaling."""

import keras
import numpy as np
import pytest

from edgetl.core.network import bases
from edgetl.core.network.input_scaling import AFFINES
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe
from edgetl.engines.keras import build, half_weights, rescaling
from edgetl.engines.keras import model as keras_model

SIDE_PX = 32
HEAD = HeadRecipe(dropout=0.0)


@pytest.fixture(scope="module")
def raw_photos():
    """uint8 [4, 32, 32, 3] with different means of the channels."""
    noise = np.random.default_rng(3).integers(0, 256, (4, SIDE_PX, SIDE_PX, 3))
    return (noise * [1.0, 0.6, 0.3]).astype(np.uint8)


@pytest.fixture(scope="module")
def grey_ramp():
    """float32 [1, 16, 16, 3] with all grey levels."""
    return np.arange(256, dtype=np.float32).repeat(3).reshape(1, 16, 16, 3)


def make_network(row, **arguments):
    """The network of keras.applications with random weights."""
    widths = {"alpha": row.alphas[0]} if row.has_widths else {}
    builder = getattr(keras.applications, row.builder)
    return builder(input_shape=(SIDE_PX, SIDE_PX, 3), include_top=False, weights=None, **widths, **arguments)


def is_of_normalization(model, weight):
    """Return whether a weight is mean, variance or count of a Normalization layer, which Keras lists as weights."""
    return any(
        weight.shape == statistic.shape and np.array_equal(weight, np.asarray(statistic))
        for layer in model.layers
        if isinstance(layer, keras.layers.Normalization)
        for statistic in layer.weights
    )


# Base → the module of keras.applications with its preprocess_input. MobileNetV3 and EfficientNetV2 scale inside.
MODULES = {
    "mobilenet": "mobilenet",
    "mobilenet_v3_small": "mobilenet_v3",
    "efficientnet_v2_b0": "efficientnet_v2",
    "densenet121": "densenet",
    "vgg16": "vgg16",
    "resnet50": "resnet",
    "resnet50_v2": "resnet_v2",
}
# Two of the scalings. One inside the network is that of mobilenet_v3_small, which takes long.
QUICK = ("mobilenet", "vgg16")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in MODULES]
)
def test_features_of_raw_photos_are_those_of_keras(name, raw_photos, tmp_path):
    row = bases.find_base(name)
    keras_model.reset_keras(5)
    network = make_network(row)
    # Published weights are those of the network without its scaling.
    unscaled = make_network(row, include_preprocessing=False) if row.scaled_inside else network
    unscaled.set_weights([weight for weight in network.get_weights() if not is_of_normalization(network, weight)])
    path = tmp_path / "network.weights.h5"
    unscaled.save_weights(path)
    preprocess = getattr(keras.applications, MODULES[name]).preprocess_input
    # Called without `predict`, which would compile each network.
    expected = np.asarray(network(preprocess(raw_photos.astype(np.float32)), training=False))
    base = BaseRecipe(name=name, alpha=row.alphas[0], side_px=SIDE_PX, weights=str(path))
    model = build.assemble_model(base, HEAD, 3, path)
    features = keras.Model(model.input, model.get_layer(build.POOLING).input)
    largest = float(np.abs(expected).max())
    assert largest > 0
    assert np.abs(np.asarray(features(raw_photos, training=False)) - expected).max() < 1e-5 * largest
    if row.scaling == "caffe":
        reversed_channels = np.asarray(features(raw_photos[..., ::-1], training=False))
        assert np.abs(reversed_channels - expected).max() > 1e-3 * largest, "the channel order has no effect"


@pytest.mark.parametrize("name", ["tf", "torch"])
def test_scaled_pixels_are_those_of_preprocess_input(name, grey_ramp):
    expected = keras.applications.imagenet_utils.preprocess_input(grey_ramp.copy(), mode=name)
    assert np.allclose(rescaling.make_rescaling(AFFINES[name])(grey_ramp), expected, atol=1e-6)


def test_caffe_scaling_is_that_of_preprocess_input_in_the_order_rgb(grey_ramp):
    expected = keras.applications.imagenet_utils.preprocess_input(grey_ramp.copy(), mode="caffe")
    assert np.allclose(rescaling.make_rescaling(AFFINES["caffe"])(grey_ramp), expected[..., ::-1], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "multiplied", "scaled"),
    [
        # The upper ends are larger than the largest value, because both the lowest value and 0.0 are levels.
        ("tf", (0.0, 2.0), (-1.0, 1 + 1 / 127)),
        ("torch", (0.0, 1 / 0.224), (-0.485 / 0.229, 0.485 / 0.229 * (255 / 113 - 1))),
        ("caffe", (0.0, 255.0), (-123.68, 123.68 * (255 / 114 - 1))),
    ],
)
def test_ranges_contain_the_values_of_all_channels(name, multiplied, scaled):
    layer = rescaling.make_rescaling(AFFINES[name])
    ranges = rescaling.compute_scaled_ranges(*rescaling.read_rescaling(layer))
    assert ranges == (pytest.approx(multiplied, rel=1e-6), pytest.approx(scaled, rel=1e-6))


def test_ranges_of_a_negative_scale_contain_zero():
    assert rescaling.compute_scaled_ranges(np.float32(-1 / 255), np.float32(2.0)) == (
        pytest.approx((-1, 0)),
        pytest.approx((0, 2)),
    )


def test_normalization_is_read_as_scale_and_offset(raw_photos):
    layer = keras.layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[40.0, 50.0, 0.0])
    expected = np.asarray(layer(raw_photos.astype(np.float32)))
    scale, offset = rescaling.read_normalization(layer)
    assert scale.shape == offset.shape == (3,) and scale.dtype == np.float64
    assert np.allclose(raw_photos * scale + offset, expected, rtol=1e-5)


def test_half_float_weights_keep_the_channel_order(tmp_path):
    base = BaseRecipe(name="vgg16", side_px=SIDE_PX, weights="none")
    keras_model.reset_keras(5)
    model = build.assemble_model(base, HEAD, 3, None)
    path = tmp_path / "weights.npz"
    path.write_bytes(half_weights.pack_weights(build.list_base_layers(model)))
    loaded = build.assemble_model(base.model_copy(update={"weights": str(path)}), HEAD, 3, path)
    first = build.list_base_layers(model)[0]
    weights, expected = (np.asarray(network.get_layer(first.name).kernel) for network in (loaded, model))
    # The tolerance is the rounding to half floats.
    assert np.allclose(weights, expected, atol=1e-3)
    assert not np.allclose(weights[:, :, ::-1], expected, atol=1e-3)


def test_layer_is_the_same_after_saving_and_loading(tmp_path):
    image = keras.Input((SIDE_PX, SIDE_PX, 3), dtype="uint8")
    model = keras.Model(image, rescaling.make_rescaling(AFFINES["torch"])(image))
    keras_model.save_model(model, tmp_path / "model.keras")
    loaded = keras_model.load_model(tmp_path / "model.keras").get_layer(rescaling.LAYER_NAME)
    expected = rescaling.read_rescaling(model.layers[-1])
    for values, saved_values in zip(rescaling.read_rescaling(loaded), expected, strict=True):
        assert values.shape == (3,) and np.array_equal(values, saved_values)
