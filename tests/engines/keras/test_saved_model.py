"""The SavedModel: one photo with named input and output, the scores of the Keras model, and known ranges."""

import os
import sys

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.model_file import INPUT, OUTPUT
from edgetl.core.network.input_scaling import AFFINES
from edgetl.engines.keras import build, rescaling, saved_model
from edgetl.engines.keras import model as keras_model

DTYPES = {"uint8": "uint8", "float32": "float32", "ranged": "float32"}


def load_function(folder):
    """The function that the converters convert."""
    return saved_model.tf.saved_model.load(str(folder)).signatures["serving_default"]


def list_ranges(folder):
    """The different ranges of all fake-quant nodes."""
    graph = load_function(folder).graph
    graphs = [graph, *(function.graph for function in graph._functions.values())]
    nodes = [node for each_graph in graphs for node in each_graph.as_graph_def().node]
    ranges = {
        (round(node.attr["min"].f, 4), round(node.attr["max"].f, 4))
        for node in nodes
        if node.op == "FakeQuantWithMinMaxArgs"
    }
    return sorted(ranges)


@pytest.mark.parametrize("kind", DTYPES)
def test_exported_model_predicts_one_photo_as_keras(saved_models, small_model, photo_array, kind):
    function = load_function(saved_models[kind])
    inputs = function.structured_input_signature[1]
    assert {name: (tuple(spec.shape), spec.dtype.name) for name, spec in inputs.items()} == {
        INPUT: ((1, 32, 32, 3), DTYPES[kind])
    }
    assert list(function.structured_outputs) == [OUTPUT]
    expected = np.asarray(small_model()(photo_array))
    photos = photo_array.astype(DTYPES[kind])
    scores = np.concatenate([function(image=photo[None])[OUTPUT].numpy() for photo in photos])
    # Fake quantization rounds the scaled photo to 256 levels, which are not exactly those of the photo.
    assert np.allclose(scores, expected, atol=5e-3 if kind == "ranged" else 1e-6)


@pytest.mark.parametrize("kind", ["uint8", pytest.param("ranged", marks=pytest.mark.slow)])
def test_file_is_the_same_as_from_an_export_by_keras(saved_models, small_keras, tmp_path, kind):
    model = keras_model.load_model(small_keras)
    serve = saved_model._serve_uint8(model) if kind == "uint8" else saved_model._serve_float32(model, with_ranges=True)
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = saved_model.tf.TensorSpec((1, 32, 32, 3), DTYPES[kind], name=INPUT)
    archive.add_endpoint("serve", serve, input_signature=[signature])
    archive.write_out(str(tmp_path / "model"), verbose=False)
    converted = []
    for folder in (tmp_path / "model", saved_models[kind]):
        converter = saved_model.tf.lite.TFLiteConverter.from_saved_model(str(folder))
        converted.append(converter.convert())
    # The names of tensors, the order of the constants and the signature are part of these bytes.
    assert converted[0] == converted[1]


def test_ranges_contain_all_pixel_values(saved_models):
    assert list_ranges(saved_models["ranged"]) == [(-1.0, 1.0079), (0.0, 2.0), (0.0, 255.0)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch", [(-2.1179, 2.6614), (0.0, 4.4643), (0.0, 255.0)]),
        # The scale is 1, so that there is no multiplication, and no range after it.
        ("caffe", [(-123.68, 152.9726), (0.0, 255.0)]),
    ],
)
def test_ranges_contain_the_values_of_all_channels(name, expected, photo_array, tmp_path):
    keras_model.reset_keras(2)
    image = keras.Input((32, 32, 3), dtype="uint8", name="image")
    features = rescaling.make_rescaling(AFFINES[name])(image)
    features = keras.layers.Conv2D(4, 3, name="conv")(features)
    features = keras.layers.GlobalAveragePooling2D(name=build.POOLING)(features)
    model = keras.Model(image, features)
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "model", "ranged")
    assert list_ranges(tmp_path / "model") == expected
    outputs = load_function(tmp_path / "model")(image=photo_array[:1].astype("float32"))[OUTPUT].numpy()
    reference = np.asarray(model(photo_array[:1]))
    assert np.abs(outputs - reference).max() < 0.01 * np.abs(reference).max()


def test_exports_of_the_same_file_load_it_once(small_keras, tmp_path, monkeypatch):
    keras_model.load_for_prediction.cache_clear()
    loads = []
    load = keras_model.load_model
    monkeypatch.setattr(keras_model, "load_model", lambda path: loads.append(path) or load(path))
    for place, kind in enumerate(("ranged", "uint8")):
        saved_model.export_saved_model(small_keras, tmp_path / str(place), kind, unroll=kind == "ranged")
    assert loads == [small_keras]


def test_exports_of_a_loaded_model_give_the_same_files_as_exports_of_a_new_one(small_keras, tmp_path):
    def convert(place, kind):
        saved_model.export_saved_model(small_keras, tmp_path / place / kind, kind)
        return saved_model.tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / place / kind)).convert()

    keras_model.load_for_prediction.cache_clear()
    first = [convert("first", kind) for kind in ("uint8", "ranged")]
    # The model is still loaded, and "ranged" has added nodes to it.
    again = [convert("again", kind) for kind in ("uint8", "ranged")]
    assert again == first


def test_file_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"the model cannot be read: .*No such file"):
        saved_model.export_saved_model(tmp_path / "none.keras", tmp_path / "model", "uint8")


def test_unrolled_export_leaves_the_model_of_the_next_export_as_it_is(tmp_path):
    photo = keras.Input((4, 4, 3))
    scaled = keras.layers.Rescaling(1 / 255, name="rescaling")(photo)
    rows = keras.layers.Reshape((4, 12))(scaled)
    keras.Model(photo, keras.layers.Dense(2)(keras.layers.LSTM(3)(rows))).save(tmp_path / "lstm.keras")
    loops = {}
    for unroll in (True, False):
        saved_model.export_saved_model(tmp_path / "lstm.keras", tmp_path / str(unroll), "uint8", unroll=unroll)
        graph = load_function(tmp_path / str(unroll)).graph.as_graph_def()
        nodes = [node.op for function in graph.library.function for node in function.node_def]
        loops[unroll] = any("While" in name for name in nodes)
    assert loops == {True: False, False: True}


def test_child_process_exports_under_another_backend(small_keras, small_model, photo_array, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_model, "get_backend", lambda: "jax")
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "jax")
    # The current folder can contain a file with the name of a module.
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    saved_model.export_saved_model(small_keras, tmp_path / "model", "uint8")
    scores = load_function(tmp_path / "model")(image=photo_array[:1])[OUTPUT].numpy()
    assert np.allclose(scores, np.asarray(small_model()(photo_array[:1])), atol=1e-6)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo first >&2; echo 'RuntimeError: the last line' >&2; exit 1", "RuntimeError: the last line"),
        ("exit 9", "exit code 9"),
    ],
)
def test_error_of_the_child_process_is_reported(small_keras, tmp_path, monkeypatch, script, reason):
    monkeypatch.setattr(keras_model, "get_backend", lambda: "jax")
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(StageError, match=f"export to a SavedModel failed: {reason}") as error:
        saved_model.export_saved_model(small_keras, tmp_path / "model", "uint8")
    assert error.value.where == (str(small_keras),)


def test_file_that_is_no_model_is_an_error(tmp_path):
    (tmp_path / "text.keras").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="not a Keras model"):
        saved_model.export_saved_model(tmp_path / "text.keras", tmp_path / "model", "uint8")
