"""Scores: the predictions of reference and artifact, in the order of the photos, with the sha256 of their file."""

import dataclasses

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.photos import pixel_store
from edgetl.core.records import InputSpec
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime
from edgetl.stages.score import score_artifact, score_reference


def test_reference_scores_are_the_predictions_of_the_keras_model(built, scored_photos, make_work, counting_console):
    scores = score_reference(make_work(counting_console), built.trained, scored_photos)
    array = np.load(scores.path)
    assert (scores.photos, scores.part, scores.kernels) == (20, "test", "keras-tensorflow")
    assert (scores.accelerated, scores.invoke_ms) == (False, 0.0)
    assert counting_console.bars == {"Keras, test photos": [20, 20]}
    assert scores.model_sha256 == built.trained.sha256 and scores.sha256 == hash_file(scores.path)
    assert array.dtype == np.float32 and array.shape == (20, 3) and np.allclose(array.sum(axis=1), 1, atol=1e-5)
    model = keras_model.load_model(built.trained.path)
    assert np.allclose(array, np.asarray(model(scored_photos.open_pixels().rows(range(20)))), atol=1e-5)


@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
def test_tflite_scores_are_the_predictions_of_litert(delivered, scored_photos, make_work, counting_console, kernels):
    artifact = delivered.artifact
    scores = score_artifact(make_work(counting_console), artifact, scored_photos, kernels)
    array = np.load(scores.path)
    assert (scores.photos, scores.kernels, scores.accelerated) == (20, f"litert-{kernels}", kernels == "xnnpack")
    assert scores.model_sha256 == artifact.sha256 and scores.invoke_ms > 0
    assert list(counting_console.bars.values()) == [[20, 20]]
    assert array.dtype == np.float32 and array.shape == (20, 3)
    predictions = tflite_runtime.predict_file(artifact.path, scored_photos.open_pixels(), kernels, lambda _: None)
    assert np.array_equal(array, predictions.scores)
    both = BACKENDS["tflite"].predict_features(artifact.path, scored_photos.open_pixels(), kernels, lambda _: None)
    assert np.array_equal(np.load(scores.features_path), both.features)
    # Bundles contain the raw outputs, which the device must reproduce.
    assert predictions.raw.dtype == np.uint8 and predictions.raw.shape == (20, 3)


@pytest.mark.parametrize("kernels", ["onnxruntime", "reference"])
def test_onnx_scores_are_the_predictions_of_onnxruntime(built_both, scored_photos, work, kernels):
    artifact = built_both.targets[1].artifact
    scores = score_artifact(work, artifact, scored_photos, kernels)
    array = np.load(scores.path)
    assert (scores.kernels, scores.accelerated) == (f"onnxruntime-{kernels}", kernels == "onnxruntime")
    predictions = onnx_runtime.predict_file(artifact.path, scored_photos.open_pixels(), kernels, lambda _: None)
    assert np.array_equal(array, predictions.scores) and array.shape == (20, 3)
    both = BACKENDS["onnx"].predict_features(artifact.path, scored_photos.open_pixels(), kernels, lambda _: None)
    assert np.array_equal(np.load(scores.features_path), both.features)
    assert predictions.raw.dtype == np.float32


def test_reference_and_artifact_predict_the_same_classes(built, delivered, scored_photos, make_work):
    reference = np.load(score_reference(make_work(), built.trained, scored_photos).path)
    artifact = np.load(score_artifact(make_work(), delivered.artifact, scored_photos, "xnnpack").path)
    labels = [photo.label for photo in scored_photos.photos]
    assert np.mean(reference.argmax(axis=1) == labels) > 0.8
    assert np.mean(artifact.argmax(axis=1) == reference.argmax(axis=1)) >= 0.9


def test_photos_of_another_size_are_refused(delivered, shared_dataset, scored_photos, work):
    spec, photos = InputSpec(height_px=48, width_px=48, fit="crop"), shared_dataset.test[:3]
    pixel_store.fill_pixel_store(shared_dataset.root, [photo.path for photo in photos], spec, progress=lambda _: None)
    larger = dataclasses.replace(scored_photos, photos=photos, input_spec=spec)
    with pytest.raises(ConfigError, match=r"\(1, 32, 32, 3\)"):
        score_artifact(work, delivered.artifact, larger, "xnnpack")
