"""A headless browser gives the integers of XNNPACK on this machine for the test photos of the shared run."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import DecodedPixels
from edgetl.engines.tflite import runtime
from tests.fixtures.browser import CHROMIUM

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'edgetl[browser]'")
from edgetl.engines.browser import predict

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")


@pytest.fixture
def test_set(built, shared_dataset):
    return pixel_store.open_pixels([photo.sha256 for photo in shared_dataset.test], built.trained.input)


@needs_browser
@pytest.mark.parametrize("method", ["int8", pytest.param("float32", marks=pytest.mark.slow)])
def test_outputs_are_those_of_xnnpack(pipeline, test_set, browser_runtime, method):
    artifact = pipeline.files.make("tflite", method)
    host = runtime.predict_file(artifact.path, test_set, "xnnpack", lambda _: None)
    seen = []
    predictions = predict.predict_in_browser(artifact, test_set, seen.append)
    assert sum(seen) == len(test_set) and predictions.accelerated and predictions.latency.ms > 0
    if method == "int8":
        np.testing.assert_array_equal(predictions.raw, host.raw)
    np.testing.assert_allclose(predictions.scores, host.scores, atol=1e-5)
    assert predictions.raw.dtype == host.raw.dtype


def test_photos_of_another_size_are_refused_before_a_browser_starts(pipeline, built):
    artifact = pipeline.files.make("tflite", "int8")
    spec = built.trained.input.model_copy(update={"height_px": 8, "width_px": 8})
    with pytest.raises(ConfigError, match="the photos are"):
        predict.predict_in_browser(artifact, DecodedPixels(np.zeros((1, 8, 8, 3), np.uint8), spec), lambda _: None)


def test_times_with_different_quartiles_are_disturbed():
    assert not predict.summarize_times([1.0, 1.01, 1.02, 1.03]).disturbed
    assert predict.summarize_times([1.0, 1.0, 3.0, 4.0]).disturbed
    assert predict.summarize_times([2.0]).ms == 2.0


@needs_browser
@pytest.mark.slow
def test_outputs_of_an_onnx_file_are_those_of_onnxruntime(built_both, test_set, onnx_browser_runtime):
    from edgetl.engines.onnx import runtime as onnx_runtime

    artifact = built_both.targets[1].artifact
    host = onnx_runtime.predict_file(artifact.path, test_set, "onnxruntime", lambda _: None)
    predictions = predict.predict_in_browser(artifact, test_set, lambda _: None)
    np.testing.assert_allclose(predictions.scores, host.scores, atol=1e-5)
    assert predictions.raw.dtype == host.raw.dtype and predictions.accelerated
