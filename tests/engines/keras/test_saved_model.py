"""savedmodel: one photo at a time, named ends, raw RGB in, and the same answers as the Keras model."""

import os
import sys

import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.network.input_scaling import AFFINES
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import rescaling, saved_model

KINDS = {"uint8": "uint8", "float32": "float32", "ranged": "float32"}


@pytest.fixture(scope="module")
def saved(small_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    keras_model.save_model(small_model(), path)
    return path


def served(folder):
    """The function that a converter will see."""
    return saved_model.tf.saved_model.load(str(folder)).signatures["serving_default"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_photo_in_scores_out(saved, small_model, photo_array, tmp_path, kind):
    saved_model.export_saved_model(saved, tmp_path / "model", kind)
    serve = served(tmp_path / "model")
    given = {name: (tuple(spec.shape), spec.dtype.name) for name, spec in serve.structured_input_signature[1].items()}
    assert given == {saved_model.INPUT: ((1, 32, 32, 3), KINDS[kind])}
    assert list(serve.structured_outputs) == [saved_model.OUTPUT]
    expected = np.asarray(small_model()(photo_array))
    photos = photo_array.astype(KINDS[kind])
    scores = np.concatenate([serve(image=photo[None])[saved_model.OUTPUT].numpy() for photo in photos])
    # Pinned ranges round the scaled photo to 256 levels, which are not exactly those of the photo.
    assert np.allclose(scores, expected, atol=5e-3 if kind == "ranged" else 1e-6)


def pins(folder):
    """The ranges of all fake-quant nodes."""
    graph = served(folder).graph
    functions = [graph, *(function.graph for function in graph._functions.values())]
    nodes = [node for each in functions for node in each.as_graph_def().node]
    ranges = sorted(
        (round(node.attr["min"].f, 4), round(node.attr["max"].f, 4))
        for node in nodes
        if node.op == "FakeQuantWithMinMaxArgs"
    )
    return sorted(set(ranges))


def test_pinned_ranges_cover_every_level(saved, tmp_path):
    saved_model.export_saved_model(saved, tmp_path / "model", "ranged")
    assert pins(tmp_path / "model") == [(-1.0, 1.0079), (0.0, 2.0), (0.0, 255.0)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch", [(-2.1179, 2.6614), (0.0, 4.4643), (0.0, 255.0)]),
        # Nothing is multiplied, so nothing but the photo and the shifted photo is rounded.
        ("caffe", [(-123.68, 152.9726), (0.0, 255.0)]),
    ],
)
def test_pinned_ranges_cover_every_channel(name, expected, photo_array, tmp_path):
    keras_model.reset_keras(2)
    image = keras_model.keras.Input((32, 32, 3), dtype="uint8", name="image")
    features = rescaling.make_rescaling(AFFINES[name])(image)
    features = keras_model.keras.layers.Conv2D(4, 3, name="conv")(features)
    features = keras_model.keras.layers.GlobalAveragePooling2D(name=build.POOLING)(features)
    model = keras_model.keras.Model(image, features)
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "model", "ranged")
    assert pins(tmp_path / "model") == expected
    answer = served(tmp_path / "model")(image=photo_array[:1].astype("float32"))[saved_model.OUTPUT].numpy()
    expected_answer = np.asarray(model(photo_array[:1]))
    assert np.abs(answer - expected_answer).max() < 0.01 * np.abs(expected_answer).max()


def test_under_another_backend_a_child_process_exports(saved, small_model, photo_array, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_model, "get_backend", lambda: "jax")
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "jax")
    # A folder of photos can hold anything.
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    saved_model.export_saved_model(saved, tmp_path / "model", "uint8")
    scores = served(tmp_path / "model")(image=photo_array[:1])[saved_model.OUTPUT].numpy()
    assert np.allclose(scores, np.asarray(small_model()(photo_array[:1])), atol=1e-6)


def test_a_child_process_that_fails_gives_its_reason(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_model, "get_backend", lambda: "jax")
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho first >&2\necho 'RuntimeError: the last line' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))
    with pytest.raises(StageError, match="export to a SavedModel failed: RuntimeError: the last line") as caught:
        saved_model.export_saved_model(saved, tmp_path / "model", "uint8")
    assert caught.value.where == (str(saved),)
    failing.write_text("#!/bin/sh\nexit 9\n")
    with pytest.raises(StageError, match="exit code 9"):
        saved_model.export_saved_model(saved, tmp_path / "model", "uint8")


def test_garbage(tmp_path):
    (tmp_path / "garbage.keras").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="not a Keras model"):
        saved_model.export_saved_model(tmp_path / "garbage.keras", tmp_path / "model", "uint8")
