"""Loading of external models: what cannot be used is an error that names the file."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.load import load_external, load_saved_model

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


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (make_two_inputs, "2 inputs and 1 outputs"),
        (make_input_of_any_size, "has no fixed size"),
        (make_output_map, "one row of scores"),
        (make_lambda, "Lambda layer: layer 'lambda' of class Lambda is Python code"),
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


def test_model_in_half_precision_is_loaded_in_float32(tmp_path):
    image = keras.Input((32, 32, 3))
    keras.Model(image, layers.Dense(3, dtype="mixed_bfloat16")(layers.Flatten()(image))).save(tmp_path / "model.keras")
    loaded = load_external(tmp_path / "model.keras")
    assert {str(layer.compute_dtype) for layer in loaded.layers} == {"float32"}


def test_model_of_keras_2_is_loaded(keras2_files, finished_child):
    check_scores(load_external(keras2_files / "flat.h5"), keras2_files, "flat")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nested.h5", "half.keras"])
def test_other_model_of_keras_2_is_loaded(name, keras2_files):
    check_scores(load_external(keras2_files / name), keras2_files, name.partition(".")[0])


def check_scores(model, folder, name):
    reference = np.load(folder / "scores.npz")
    scores = np.asarray(model.predict_on_batch(reference["photos"]))
    assert np.abs(scores - reference[name]).max() < (1e-2 if name == "half" else 1e-6)


def test_h5_file_of_keras_3_is_loaded(tmp_path, photo_array):
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Conv2D(3, 3, activation="hard_sigmoid"), layers.Flatten(), layers.Dense(3)]
    )
    model.save(tmp_path / "model.h5")
    photos = photo_array.astype(np.float32) / 255
    loaded = load_external(tmp_path / "model.h5")
    assert np.allclose(loaded.predict_on_batch(photos), model.predict_on_batch(photos), atol=1e-6)


def test_saved_model_keeps_its_input_and_precision(tmp_path):
    image = keras.Input((8, 8, 3), dtype="uint8")
    keras.Model(image, layers.Dense(3, dtype="mixed_bfloat16")(layers.Flatten()(image))).save(tmp_path / "model.keras")
    loaded = load_saved_model(tmp_path / "model.keras")
    assert loaded.inputs[0].dtype == "uint8" and loaded.layers[-1].compute_dtype == "bfloat16"


def test_saved_model_of_keras_2_predicts_what_keras_2_does(keras2_files, finished_child):
    check_scores(load_saved_model(keras2_files / "flat.h5"), keras2_files, "flat")


def test_h5_file_that_keras_cannot_load_has_a_hint_that_works(tmp_path):
    """Keras loses the number in a sum when it writes a .h5 file, as in the hard swish of MobileNetV3."""

    def build():
        image = keras.Input((8, 8, 3))
        return keras.Model(
            image, layers.Dense(3, activation="softmax")(layers.Flatten()(layers.ReLU(6.0)(image + 3.0)))
        )

    model = build()
    model.save(tmp_path / "model.h5")
    with pytest.raises(ConfigError, match="not a Keras model that can be loaded safely") as caught:
        load_external(tmp_path / "model.h5")
    assert "model.save('FILE.keras')" in caught.value.hint
    assert "model.load_weights(FILE) before" in caught.value.hint
    copy = build()
    copy.load_weights(tmp_path / "model.h5")
    copy.save(tmp_path / "FILE.keras")
    photos = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype(np.float32)
    loaded = load_external(tmp_path / "FILE.keras")
    np.testing.assert_allclose(np.asarray(loaded(photos)), np.asarray(model(photos)), atol=1e-6)


def test_output_that_is_no_row_of_scores_has_a_hint(tmp_path):
    make_output_map().save(tmp_path / "model.keras")
    with pytest.raises(ConfigError, match="one row of scores") as caught:
        load_external(tmp_path / "model.keras")
    assert caught.value.hint == "give a classifier: a model that ends in a Dense layer with a unit for each class"
