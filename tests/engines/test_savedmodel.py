"""savedmodel: one photo at a time, named ends, raw RGB in, and the same answers as the Keras model."""

import os
import sys

import numpy as np
import pytest

from edgetl.core.errors import ConfigError, StageError
from edgetl.engines import keras3, savedmodel

KINDS = {"uint8": "uint8", "float32": "float32", "ranged": "float32"}


@pytest.fixture(scope="module")
def saved(small_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    keras3.save(small_model(), path)
    return path


def served(folder):
    """The function that a converter will see."""
    return savedmodel.tf.saved_model.load(str(folder)).signatures["serving_default"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_photo_in_scores_out(saved, small_model, photo_array, tmp_path, kind):
    savedmodel.export(saved, tmp_path / "model", kind)
    serve = served(tmp_path / "model")
    given = {name: (tuple(spec.shape), spec.dtype.name) for name, spec in serve.structured_input_signature[1].items()}
    assert given == {savedmodel.INPUT: ((1, 32, 32, 3), KINDS[kind])}
    assert list(serve.structured_outputs) == [savedmodel.OUTPUT]
    expected = np.asarray(small_model()(photo_array))
    photos = photo_array.astype(KINDS[kind])
    scores = np.concatenate([serve(image=photo[None])[savedmodel.OUTPUT].numpy() for photo in photos])
    # Pinned ranges round the scaled photo to 256 levels, which are not exactly those of the photo.
    assert np.allclose(scores, expected, atol=5e-3 if kind == "ranged" else 1e-6)


def test_pinned_ranges_cover_every_level(saved, tmp_path):
    savedmodel.export(saved, tmp_path / "model", "ranged")
    graph = served(tmp_path / "model").graph
    functions = [graph, *(function.graph for function in graph._functions.values())]
    nodes = [node for each in functions for node in each.as_graph_def().node]
    ranges = sorted(
        (round(node.attr["min"].f, 4), round(node.attr["max"].f, 4))
        for node in nodes
        if node.op == "FakeQuantWithMinMaxArgs"
    )
    assert sorted(set(ranges)) == [(-1.0, 1.0), (0.0, 2.0), (0.0, 255.0)]


def test_under_another_backend_a_child_process_exports(saved, small_model, photo_array, tmp_path, monkeypatch):
    monkeypatch.setattr(keras3, "backend", lambda: "jax")
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "jax")
    savedmodel.export(saved, tmp_path / "model", "uint8")
    scores = served(tmp_path / "model")(image=photo_array[:1])[savedmodel.OUTPUT].numpy()
    assert np.allclose(scores, np.asarray(small_model()(photo_array[:1])), atol=1e-6)


def test_a_child_process_that_fails_gives_its_reason(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(keras3, "backend", lambda: "jax")
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho first >&2\necho 'RuntimeError: the last line' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))
    with pytest.raises(StageError, match="export to a SavedModel failed: RuntimeError: the last line") as caught:
        savedmodel.export(saved, tmp_path / "model", "uint8")
    assert caught.value.where == (str(saved),)
    failing.write_text("#!/bin/sh\nexit 9\n")
    with pytest.raises(StageError, match="exit code 9"):
        savedmodel.export(saved, tmp_path / "model", "uint8")


def test_garbage(tmp_path):
    (tmp_path / "garbage.keras").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="not a Keras model"):
        savedmodel.export(tmp_path / "garbage.keras", tmp_path / "model", "uint8")
