"""Wrapped external models: raw RGB in, the probabilities of the model in the file out."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.network.input_scaling import parse_scaling
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import rescaling
from edgetl.engines.keras.external.load import load_external
from edgetl.engines.keras.external.outputs import classify_outputs, compute_probabilities, predict_raw
from edgetl.engines.keras.external.scaling import apply_scaling
from edgetl.engines.keras.external.wrap import check_wrapped, wrap_model

layers = keras.layers

# Kind of output → units and activation of the last layer.
OUTPUTS = {
    "softmax": (3, "softmax"),
    "softmax logits": (3, None),
    "sigmoid": (1, "sigmoid"),
    "sigmoid logits": (1, None),
}


def make_normalization():
    return layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[40.0, 50.0, 60.0])


# First layers of the model, and the --scaling that it needs.
SCALINGS = {
    "tf": ((), "tf"),
    "caffe": ((), "caffe"),
    "torch-bgr": ((), "torch-bgr"),
    "built in": ((lambda: layers.Rescaling(1 / 255),), "none"),
    "two built in": ((lambda: layers.Rescaling(1 / 255), lambda: layers.Rescaling(2.0, -1.0)), "none"),
    "built-in normalization of BGR": ((make_normalization,), "none-bgr"),
}


# Every scaling with one kind of output, and every kind of output with one scaling.
PAIRS = [(scaling, kind) for scaling in SCALINGS for kind in OUTPUTS]
QUICK = [(scaling, kind) for scaling, kind in PAIRS if scaling == "tf" or kind == "softmax"]


@pytest.mark.parametrize(
    ("scaling", "kind"), [pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow) for pair in PAIRS]
)
def test_wrapped_model_predicts_what_the_model_in_the_file_does(make_classifier, scaling, kind, photo_array, tmp_path):
    first, text = SCALINGS[scaling]
    units, activation = OUTPUTS[kind]
    model = make_classifier(*(make() for make in first), units=units, activation=activation)
    outputs = predict_raw(model, apply_scaling(photo_array, parse_scaling(text)))
    # Small logits of one unit can be in 0..1, like a sigmoid.
    if kind != "sigmoid logits":
        assert classify_outputs(outputs, tmp_path) == kind
    expected = compute_probabilities(outputs, kind)
    order = tuple(reversed(range(expected.shape[1])))
    wrapped = wrap_model(model, parse_scaling(text), kind, order)
    assert wrapped.inputs[0].dtype == "uint8" and wrapped.layers[1].name == rescaling.LAYER_NAME
    check_wrapped(wrapped, photo_array, expected[:, list(order)])
    keras_model.save_model(wrapped, tmp_path / "model.keras")
    check_wrapped(keras_model.load_model(tmp_path / "model.keras"), photo_array, expected[:, list(order)])


def test_difference_from_the_model_in_the_file_is_an_error(make_classifier, photo_array):
    wrapped = wrap_model(make_classifier(), parse_scaling("tf"), "softmax", (0, 1, 2))
    expected = predict_raw(wrapped, photo_array)
    check_wrapped(wrapped, photo_array, expected)
    with pytest.raises(StageError, match="differs from the model in the file"):
        check_wrapped(wrapped, photo_array, expected + 2e-4)


def test_bgr_input_of_a_nested_network_is_reordered(photo_array):
    inner = keras.Input((32, 32, 3))
    network = keras.Model(inner, layers.Conv2D(4, 3)(layers.ZeroPadding2D()(inner)))
    image = keras.Input((32, 32, 3))
    pooled = layers.GlobalAveragePooling2D()(network(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(pooled))
    scaling = parse_scaling("tf-bgr")
    expected = predict_raw(model, apply_scaling(photo_array, scaling))
    check_wrapped(wrap_model(model, scaling, "softmax", (0, 1, 2)), photo_array, expected)


def make_grouped_convolution():
    image = keras.Input((32, 32, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, groups=3)(image))
    return keras.Model(image, layers.Dense(3, activation="softmax")(pooled))


def test_bgr_without_a_first_convolution_is_an_error():
    with pytest.raises(ConfigError, match="takes BGR photos") as error:
        wrap_model(make_grouped_convolution(), parse_scaling("caffe"), "softmax", (0, 1, 2))
    assert "reverse the channels" in error.value.hint


def test_reordered_classes_without_a_last_dense_layer_are_an_error():
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Softmax()(layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(image))))
    with pytest.raises(ConfigError, match="does not end in a Dense layer") as error:
        wrap_model(model, parse_scaling("tf"), "softmax", (1, 0, 2))
    assert "rename the class folders" in error.value.hint


@pytest.mark.parametrize("built", ["with an Input", "later"])
def test_sequential_model_that_scales_its_input_is_wrapped(built, photo_array, tmp_path):
    """Its layers are called again by each `add`, and again when the file is loaded."""
    first = [layers.Rescaling(1 / 127.5, -1), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((32, 32, 3)), *first] if built == "with an Input" else first)
    model.add(layers.Dense(3, activation="softmax"))
    model.build((None, 32, 32, 3))
    model.save(tmp_path / "model.keras")
    expected = model.predict_on_batch(photo_array.astype(np.float32))
    loaded = load_external(tmp_path / "model.keras")
    wrapped = wrap_model(loaded, parse_scaling("none"), "softmax", (2, 0, 1))
    check_wrapped(wrapped, photo_array, expected[:, [2, 0, 1]])
    with_bgr = wrap_model(load_external(tmp_path / "model.keras"), parse_scaling("none-bgr"), "softmax", (0, 1, 2))
    check_wrapped(with_bgr, photo_array, model.predict_on_batch(photo_array[..., ::-1].astype(np.float32)))
