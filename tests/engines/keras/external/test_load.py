"""Loading of external models: what cannot be used is an error that names the file."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.load import load_external

layers = keras.layers


def make_two_inputs():
    images = keras.Input((32, 32, 3)), keras.Input((32, 32, 3))
    return keras.Model(images, layers.Dense(3)(layers.Flatten()(layers.Add()(images))))


def make_input_of_any_size():
    image = keras.Input((None, None, 3))
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(image)))


def make_output_map():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Conv2D(3, 1)(image))


def make_lambda():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(layers.Lambda(lambda pixels: pixels / 255)(image))))


def make_bfloat16():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Dense(3, dtype="mixed_bfloat16")(layers.Flatten()(image)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (make_two_inputs, "2 inputs and 1 outputs"),
        (make_input_of_any_size, "has no fixed size"),
        (make_output_map, "one row of scores"),
        (make_lambda, "Lambda layer: Python code"),
        (make_bfloat16, "computes in bfloat16"),
    ],
)
def test_model_that_cannot_be_used_is_an_error(make, match, tmp_path):
    path = tmp_path / "model.keras"
    make().save(path)
    with pytest.raises(ConfigError, match=match) as error:
        load_external(path)
    assert error.value.where == (str(path),)


def test_absent_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such model file"):
        load_external(tmp_path / "absent.keras")


def test_sequential_model_is_loaded_as_a_functional_one(photo_array, tmp_path):
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.save(tmp_path / "model.keras")
    loaded = load_external(tmp_path / "model.keras")
    assert not isinstance(loaded, keras.Sequential)
    photos = photo_array.astype(np.float32) / 255
    assert np.allclose(loaded.predict_on_batch(photos), model.predict_on_batch(photos), atol=1e-6)
