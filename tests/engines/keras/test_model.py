"""Keras 3 models: predictions in photo order, safe loading, the input's side, backend, device and precision."""

import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.core import machine
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe
from edgetl.engines.keras import build
from edgetl.engines.keras import model as keras_model
from tests.fixtures.photos import ArrayPixels

BASE = BaseRecipe(name="mobilenet", alpha=0.25, side_px=32, weights="none")


@pytest.fixture
def saved(small_model, tmp_path) -> Path:
    path = tmp_path / "model.keras"
    keras_model.save_model(small_model(), path)
    return path


def test_same_seed_gives_the_same_names_and_weights():
    models = []
    for _ in range(2):
        keras_model.reset_keras(3)
        models.append(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    assert [layer.name for layer in models[0].layers] == [layer.name for layer in models[1].layers]
    assert all(map(np.array_equal, models[0].get_weights(), models[1].get_weights()))


# A batch has 64 photos.
@pytest.mark.parametrize("count", [1, pytest.param(63, marks=pytest.mark.slow), 64, 65, 130])
def test_scores_are_in_the_order_of_the_photos(small_model, photo_array, as_pixels, count):
    model = small_model()
    photos = np.random.default_rng(3).permutation(np.concatenate([photo_array] * 5))[:count]
    batches: list[int] = []
    scores = keras_model.predict_scores(model, as_pixels(photos), batches.append)
    assert scores.shape == (count, 3) and scores.dtype == np.float32 and sum(batches) == count
    assert np.allclose(scores, np.asarray(model(photos)), atol=1e-6)


def test_sigmoid_scores_have_two_columns(small_model, photo_array, as_pixels):
    model = small_model(classes=2, activation="sigmoid")
    scores = keras_model.predict_scores(model, as_pixels(photo_array))
    assert scores.shape == (30, 2) and np.allclose(scores[:, 1:], np.asarray(model(photo_array)), atol=1e-6)
    assert np.allclose(scores.sum(axis=1), 1)


def test_loaded_model_predicts_as_the_saved_one(small_model, saved, photo_array):
    loaded = keras_model.load_model(saved)
    assert np.array_equal(np.asarray(small_model()(photo_array)), np.asarray(loaded(photo_array)))
    assert not loaded.compiled and loaded.inputs[0].dtype == "uint8"


def test_model_for_predictions_is_loaded_once_for_each_content(saved):
    model = keras_model.load_for_prediction(saved, "a" * 64)
    assert keras_model.load_for_prediction(saved, "a" * 64) is model
    assert keras_model.load_for_prediction(saved, "b" * 64) is not model


def test_several_threads_predict_as_one(small_model, photo_array, monkeypatch):
    photos = np.concatenate([photo_array, 255 - photo_array, photo_array[::-1]])
    model, scores = small_model(), []
    for cores in (1, 3):
        monkeypatch.setattr(machine, "count_cores", lambda cores=cores: cores)
        scores.append(keras_model.predict_scores(model, ArrayPixels(photos)))
    np.testing.assert_array_equal(*scores)
    np.testing.assert_allclose(scores[0], np.asarray(model(photos)), atol=1e-6)


def test_model_with_code_is_not_loaded(tmp_path):
    image = keras.Input((32, 32, 3))
    path = tmp_path / "lambda.keras"
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2, output_shape=(32, 32, 3))(image)).save(path)
    with pytest.raises(ConfigError, match="contains a Lambda layer: Python code") as error:
        keras_model.load_model(path)
    assert error.value.where == (str(path),)


def test_files_that_are_no_models_are_an_error(saved, tmp_path):
    content = saved.read_bytes()
    with zipfile.ZipFile(tmp_path / "no_model.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with zipfile.ZipFile(tmp_path / "no_config.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", "{}")
    for name, damaged in {
        "empty": b"",
        "text": b"not a model",
        "truncated": content[: len(content) // 2],
        "flipped": content[:5000] + bytes([content[5000] ^ 255]) * 300 + content[5300:],
    }.items():
        (tmp_path / f"{name}.keras").write_bytes(damaged)
    (tmp_path / "model.txt").write_bytes(content)
    (tmp_path / "folder.keras").mkdir()
    paths = [path for path in sorted(tmp_path.iterdir()) if path != saved]
    assert len(paths) == 8
    for path in [*paths, tmp_path / "absent.keras"]:
        with pytest.raises(ConfigError, match="not a Keras model that can be loaded safely"):
            keras_model.load_model(path)


def test_saved_file_has_no_time_and_loads_as_the_same_model(small_model, photo_array, saved):
    with zipfile.ZipFile(saved) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b'"date_saved": "1980-01-01@00:00:00"' in archive.read("metadata.json")
        shared = set(re.findall(rb'"shared_object_id": (\d+)', archive.read("config.json")))
    assert shared <= {b"1", b"2", b"3", b"4"}
    model, loaded = small_model(), keras_model.load_model(saved)
    np.testing.assert_array_equal(loaded.predict_on_batch(photo_array), model.predict_on_batch(photo_array))
    assert [layer.dtype_policy for layer in loaded.layers] == [layer.dtype_policy for layer in model.layers]
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def test_model_that_cannot_be_saved_is_an_error(small_model, tmp_path):
    with pytest.raises(StageError, match="could not be saved"):
        keras_model.save_model(small_model(), tmp_path / "no" / "such" / "folder" / "model.keras")


@pytest.mark.parametrize("shape", [(32, 32, 1), (None, None, 3), (10,)])
def test_input_that_is_no_rgb_photo_of_a_fixed_size_is_an_error(shape):
    image = keras.Input(shape)
    model = keras.Model(image, keras.layers.Flatten()(image) if None not in shape else image)
    with pytest.raises(ConfigError, match="must be one RGB photo of a fixed size"):
        keras_model.read_input_size(model)


def test_size_of_an_input_is_height_and_width():
    image = keras.Input((32, 48, 3))
    assert keras_model.read_input_size(keras.Model(image, keras.layers.Flatten()(image))) == (32, 48)


def test_two_inputs_are_an_error():
    images = [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))]
    with pytest.raises(ConfigError, match="must be one RGB photo of a fixed size"):
        keras_model.read_input_size(keras.Model(images, keras.layers.Add()(images)))


def test_backend_and_device_of_the_tests():
    assert keras_model.get_backend() == "tensorflow"
    assert keras_model.get_device().split(":")[0] in ("cpu", "gpu")


def test_first_device_that_is_no_cpu_computes(monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "gpu:0", "gpu:1"])
    assert keras_model.get_device() == "gpu:0"
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    assert keras_model.get_device() == "cpu:0"


def test_bfloat16_without_a_gpu_is_an_error(monkeypatch):
    monkeypatch.setattr(keras_model, "get_device", lambda: "cpu:0")
    policy = keras.config.dtype_policy()
    with pytest.raises(ConfigError, match="bfloat16 is for GPUs"), keras_model.use_precision("bfloat16"):
        pass
    assert keras.config.dtype_policy() == policy


def test_bfloat16_model_is_copied_to_float32(monkeypatch):
    monkeypatch.setattr(keras_model, "get_device", lambda: "gpu:0")
    keras_model.reset_keras(1)
    with keras_model.use_precision("bfloat16"):
        model = build.assemble_model(BASE, HeadRecipe(dropout=0.0), 3, None)
    assert keras.config.dtype_policy().name == "float32"
    assert {layer.compute_dtype for layer in build.list_base_layers(model)} == {"bfloat16"}
    assert model.get_layer(build.SCALING).compute_dtype == model.get_layer(build.SCORES).compute_dtype == "float32"
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    copy = keras_model.convert_to_float32(model)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert {layer.compute_dtype for layer in build.list_base_layers(copy)} == {"float32"}
    assert copy.inputs[0].dtype == "uint8"
    assert all(np.array_equal(a, b) for a, b in zip(copy.get_weights(), model.get_weights(), strict=True))
    photos = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    assert np.allclose(np.asarray(copy(photos)), np.asarray(model(photos)), atol=0.05)
