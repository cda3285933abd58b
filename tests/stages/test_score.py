"""score: what reference and artifact answer, in the photos' order, kept on disk with a sha256."""

import numpy as np
import pytest
from edgetl.core.photos.evaluation_set import EvaluationSet

from edgetl.core.errors import ConfigError
from edgetl.core.records import InputSpec
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime
from edgetl.stages import score


@pytest.fixture
def questions(built, shared_dataset):
    return EvaluationSet(part="test", photos=shared_dataset.test[:20], shape=built.trained.input)


def test_the_reference(built, questions, tmp_path):
    done: list[int] = []
    scores = score.reference(built.trained, questions, tmp_path, advance=done.append)
    kept = np.load(scores.path)
    assert (scores.photos, scores.part, scores.kernels) == (20, "test", "keras-tensorflow")
    assert (scores.accelerated, scores.invoke_ms, sum(done)) == (False, 0.0, 20)
    assert scores.model_sha256 == built.trained.sha256 and scores.sha256 == hash_file(tmp_path / "scores.npy")
    assert kept.dtype == np.float32 and kept.shape == (20, 3) and np.allclose(kept.sum(axis=1), 1, atol=1e-5)
    model = keras_model.load_model(built.trained.path)
    assert np.allclose(kept, np.asarray(model(questions.pixels().rows(range(20)))), atol=1e-5)


@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
def test_the_artifact(built, questions, tmp_path, kernels):
    done: list[int] = []
    scores = score.artifact(built.artifact, questions, kernels, tmp_path, advance=done.append)
    kept = np.load(scores.path)
    assert (scores.photos, scores.kernels, scores.accelerated) == (20, f"litert-{kernels}", kernels == "xnnpack")
    assert scores.model_sha256 == built.artifact.sha256 and scores.invoke_ms > 0 and sum(done) == 20
    assert kept.dtype == np.float32 and kept.shape == (20, 3)
    ran = tflite_runtime.predict_file(built.artifact.path, questions.pixels(), kernels, lambda _: None)
    assert np.array_equal(kept, ran.scores)


@pytest.mark.parametrize("kernels", ["onnxruntime", "reference"])
def test_an_onnx_artifact(built_both, questions, tmp_path, kernels):
    artifact = built_both.targets[1].artifact
    scores = score.artifact(artifact, questions, kernels, tmp_path, advance=lambda _: None)
    kept = np.load(scores.path)
    assert (scores.kernels, scores.accelerated) == (f"onnxruntime-{kernels}", kernels == "onnxruntime")
    ran = onnx_runtime.predict_file(artifact.path, questions.pixels(), kernels, lambda _: None)
    assert np.array_equal(kept, ran.scores) and kept.shape == (20, 3)
    assert score.raw_outputs(artifact, questions, kernels).dtype == np.float32


def test_both_name_the_same_classes(built, questions, shared_dataset, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    reference = np.load(score.reference(built.trained, questions, tmp_path / "a", advance=lambda _: None).path)
    ours = score.artifact(built.artifact, questions, "xnnpack", tmp_path / "b", advance=lambda _: None)
    labels = [photo.label for photo in questions.photos]
    assert np.mean(reference.argmax(axis=1) == labels) > 0.8
    assert np.mean(np.load(ours.path).argmax(axis=1) == reference.argmax(axis=1)) >= 0.9


def test_raw_outputs_are_those_a_device_gives(built, questions):
    raw = score.raw_outputs(built.artifact, questions, "xnnpack")
    assert raw.dtype == np.uint8 and raw.shape == (20, 3)


def test_photos_of_another_shape(built, shared_dataset, tmp_path):
    from edgetl.core.photos import pixel_store

    shape = InputSpec(side_px=48, fit="crop")
    photos = shared_dataset.test[:3]
    pixel_store.fill_pixel_store(shared_dataset.root, [photo.path for photo in photos], shape, progress=lambda _: None)
    with pytest.raises(ConfigError, match=r"the model takes \(1, 32, 32, 3\)"):
        score.artifact(
            built.artifact,
            EvaluationSet(part="test", photos=photos, shape=shape),
            "xnnpack",
            tmp_path,
            advance=lambda _: None,
        )
