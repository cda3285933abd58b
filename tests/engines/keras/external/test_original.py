"""A loaded model is held against the model in its file."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external import original
from edgetl.engines.keras.external.keras2_child import CarriedModel, Keras2Predictions
from edgetl.engines.keras.external.load import load_external
from edgetl.engines.keras.external.outputs import predict_raw


def test_float32_model_of_keras_3_is_the_one_in_its_file(valid_model):
    model = load_external(valid_model)
    assert original.check_against_original(valid_model, model, np.zeros((1, 32, 32, 3)), np.zeros((1, 3))) == ""


@pytest.mark.slow
def test_model_of_keras_2_is_held_against_keras_2(keras2_files):
    path, photos = keras2_files / "flat.h5", np.load(keras2_files / "scores.npz")["photos"]
    model = load_external(path)
    outputs = predict_raw(model, photos)
    sentence = original.check_against_original(path, model, photos, outputs)
    assert sentence.startswith("the model in Keras 3 predicts what Keras 2 does") and "4 photos" in sentence
    with pytest.raises(ConfigError, match=r"its outputs differ from those of the original by 0\.01") as caught:
        original.check_against_original(path, model, photos, outputs + 0.01)
    assert caught.value.where == (str(path),) and caught.value.hint


def test_half_precision_is_held_against_the_file(tmp_path):
    path = tmp_path / "half.keras"
    image = keras.Input((32, 32, 3))
    features = keras.layers.Conv2D(8, 3, dtype="mixed_bfloat16")(image)
    keras.Model(image, keras.layers.Dense(3, dtype="float32")(keras.layers.Flatten(dtype="float32")(features))).save(
        path
    )
    photos = np.random.default_rng(0).random((3, 32, 32, 3), np.float32)
    model = load_external(path)
    outputs = predict_raw(model, photos)
    sentence = original.check_against_original(path, model, photos, outputs)
    assert sentence.startswith("a float32 copy of a model that computes in bfloat16 predicts what the file does")
    with pytest.raises(ConfigError, match="differ"):
        original.check_against_original(path, model, photos, outputs + 1)


@pytest.fixture
def carried(valid_model):
    """A model with what "Keras 2" predicts for two photos."""
    model = keras.models.load_model(valid_model)
    photos = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)

    def make(change):
        outputs = change(predict_raw(model, photos))
        return CarriedModel(model, photos, Keras2Predictions(outputs, ("float32",)))

    return make


def test_random_photos_are_compared(carried, valid_model):
    original.check_probe(carried(lambda outputs: outputs), valid_model)
    with pytest.raises(ConfigError, match="cannot be carried over"):
        original.check_probe(carried(lambda outputs: outputs[::-1] + 0.1), valid_model)


def test_values_that_are_not_finite_must_be_so_in_both(carried, valid_model):
    with pytest.raises(ConfigError, match="not finite"):
        original.check_probe(carried(lambda outputs: np.where(outputs > 0, np.nan, outputs)), valid_model)
