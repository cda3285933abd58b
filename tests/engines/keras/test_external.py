"""own.py: a model made anywhere answers the same once it eats raw RGB; what cannot be taken is refused."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network.input_scaling import AFFINES, parse_scaling
from edgetl.engines.keras import external, rescaling
from edgetl.engines.keras import model as keras_model

keras = keras_model.keras
layers = keras.layers
ENDS = {
    "softmax": (3, "softmax"),
    "softmax logits": (3, None),
    "sigmoid": (1, "sigmoid"),
    "sigmoid logits": (1, None),
}


def model(*first, units=3, activation="softmax", side=32):
    keras_model.reset_keras(4)
    image = keras.Input((side, side, 3))
    value = image
    for layer in first:
        value = layer(value)
    value = layers.GlobalMaxPooling2D()(layers.Conv2D(8, 3, activation="relu")(value))
    return keras.Model(image, layers.Dense(units, activation=activation, kernel_initializer="random_normal")(value))


def normalization():
    return layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[40.0, 50.0, 60.0])


WAYS = {
    "tf": ((), "tf"),
    "caffe": ((), "caffe"),
    "torch-bgr": ((), "torch-bgr"),
    "inside": ((lambda: layers.Rescaling(1 / 255),), "none"),
    "two inside": ((lambda: layers.Rescaling(1 / 255), lambda: layers.Rescaling(2.0, -1.0)), "none"),
    "normalization inside, BGR": ((normalization,), "none-bgr"),
}


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("way", WAYS)
def test_the_wrapped_model_answers_the_same(way, ends, photo_array, tmp_path):
    first, text = WAYS[way]
    made = model(*(make() for make in first), units=ENDS[ends][0], activation=ENDS[ends][1])
    outputs = external.predict_raw(made, external.apply_scaling(photo_array, parse_scaling(text)))
    kind = external.classify_outputs(outputs, tmp_path) if not ends.startswith("sigmoid l") else "sigmoid logits"
    assert kind == ends
    expected = external.to_probabilities(outputs, kind)
    order = tuple(reversed(range(expected.shape[1])))
    wrapped = external.wrap_model(made, parse_scaling(text), kind, order)
    assert wrapped.inputs[0].dtype == "uint8" and wrapped.layers[1].name == rescaling.LAYER_NAME
    external.check_wrapped(wrapped, photo_array, expected[:, list(order)])
    keras_model.save_model(wrapped, tmp_path / "model.keras")
    external.check_wrapped(keras_model.load_model(tmp_path / "model.keras"), photo_array, expected[:, list(order)])


def test_scaling_inside_is_lifted_into_the_first_layer():
    made = model(layers.Rescaling(1 / 127.5, -1.0))
    found = external.find_built_in_scaling(made)
    assert found is not None and found.numbers == AFFINES["tf"] and external.has_built_in_scaling(made)
    assert external.find_built_in_scaling(model()) is None and not external.has_built_in_scaling(model())


def test_scaling_inside_a_nested_network_is_seen():
    network = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None)
    image = keras.Input((32, 32, 3))
    made = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(network(image))))
    assert external.find_built_in_scaling(made) is None and external.has_built_in_scaling(made)


def two_inputs():
    images = keras.Input((32, 32, 3)), keras.Input((32, 32, 3))
    return keras.Model(images, layers.Dense(3)(layers.Flatten()(layers.Add()(images))))


def grey():
    image = keras.Input((32, 32, 1))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(image)))


def any_size():
    image = keras.Input((None, None, 3))
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(image)))


def a_map():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Conv2D(3, 1)(image))


def a_lambda():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(layers.Lambda(lambda value: value / 255)(image))))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (two_inputs, "2 inputs and 1 outputs"),
        (grey, "must take RGB photos"),
        (any_size, "square photos of one size"),
        (a_map, "one row of scores"),
        (a_lambda, "Lambda layer, which is Python code"),
    ],
)
def test_what_cannot_be_taken(make, match, tmp_path):
    path = tmp_path / "model.keras"
    make().save(path)
    with pytest.raises(ConfigError, match=match) as caught:
        external.load_external(path)
    assert caught.value.where == (str(path),)


def test_independent_outputs_and_no_numbers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="independent of each other"):
        external.classify_outputs(np.array([[0.9, 0.8, 0.1]]), tmp_path)
    with pytest.raises(ConfigError, match="no number"):
        external.classify_outputs(np.array([[np.nan, 0.8, 0.1]]), tmp_path)


def test_an_absent_file(tmp_path):
    with pytest.raises(ConfigError, match="no such model file"):
        external.load_external(tmp_path / "gone.keras")
