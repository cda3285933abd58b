"""Files of Keras 2: recognized, carried over, predicted by Keras 2 itself; code and incomplete files are errors."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.keras2_child import carry_over, is_keras2, predict_keras2, read_keras_version


def write_h5(path, **attributes):
    with h5py.File(path, "w") as file:
        file.create_group("model_weights")
        file.attrs.update(attributes)
    return path


def write_keras(path, metadata):
    with zipfile.ZipFile(path, "w") as archive:
        if metadata is not None:
            archive.writestr("metadata.json", json.dumps(metadata))
    return path


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"keras_version": "2.15.0"}, True),
        ({"keras_version": b"2.2.4-tf"}, True),
        ({"keras_version": "3.4.1"}, False),
        ({}, True),
    ],
)
def test_version_of_an_h5_file_is_recognized(tmp_path, attributes, expected):
    assert is_keras2(write_h5(tmp_path / "model.h5", **attributes)) is expected


def test_version_beside_the_weights_is_read(tmp_path):
    path = write_h5(tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights"].attrs["keras_version"] = "2.1.6"
    assert read_keras_version(path) == "2.1.6"


@pytest.mark.parametrize(
    ("metadata", "expected"), [({"keras_version": "2.13.1"}, True), ({"keras_version": "3.0.0"}, False), (None, False)]
)
def test_version_of_a_keras_file_is_recognized(tmp_path, metadata, expected):
    assert is_keras2(write_keras(tmp_path / "model.keras", metadata)) is expected


def test_file_of_keras_1_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"saved by Keras 1\.2\.2") as caught:
        is_keras2(write_h5(tmp_path / "model.h5", keras_version="1.2.2"))
    assert caught.value.where == (str(tmp_path / "model.h5"),) and caught.value.hint


def test_file_of_keras_3_is_not_of_keras_2(valid_model, tmp_path):
    assert not is_keras2(valid_model)
    keras.models.load_model(valid_model).save(tmp_path / "model.h5")
    assert not is_keras2(tmp_path / "model.h5")


def test_scores_are_those_of_keras_2(keras2_files, finished_child):
    check_carried_model(keras2_files, "flat.h5")


@pytest.mark.slow
def test_scores_of_a_nested_model_are_those_of_keras_2(keras2_files):
    check_carried_model(keras2_files, "nested.keras")


def check_carried_model(folder, name):
    reference = np.load(folder / "scores.npz")
    expected = reference[name.partition(".")[0]]
    carried = carry_over(folder / name)
    assert np.abs(np.asarray(carried.model.predict_on_batch(reference["photos"])) - expected).max() < 1e-6
    assert np.abs(expected - expected[0]).max() > 0
    assert carried.predictions.compute_dtypes == ("float32",) and len(carried.photos) == 2


def test_photos_are_predicted_by_keras_2(keras2_files):
    reference = np.load(keras2_files / "scores.npz")
    predictions = predict_keras2(keras2_files / "half.h5", reference["photos"])
    assert np.allclose(predictions.outputs, reference["half"], atol=1e-3)
    assert predictions.compute_dtypes == ("float16", "float32")


# Such configurations are refused in tests/engines/keras2/test_configuration.py, without a process.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "match"),
    [("lambda", "Lambda layer"), ("weights", "weights only"), ("custom", "'gate_7' of class Gate")],
)
def test_file_that_cannot_be_used_is_an_error_of_the_file_of_the_user(keras2_files, name, match):
    path = keras2_files / f"{name}.h5"
    with pytest.raises(ConfigError, match=match) as caught:
        carry_over(path)
    assert caught.value.where == (str(path),) and caught.value.hint
