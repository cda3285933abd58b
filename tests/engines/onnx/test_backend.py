"""backend.py: every step from a .keras file to predictions, through the interface of `engines.backends`."""

import numpy as np
import pytest

from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS, find_method
from edgetl.engines.onnx.backend import OnnxBackend


@pytest.fixture(scope="module")
def backend():
    return OnnxBackend()


@pytest.fixture(scope="module")
def source(backend, small_keras, tmp_path_factory):
    return backend.prepare(small_keras, tmp_path_factory.mktemp("source"))


def test_conversions_start_from_a_translated_graph(source, translated_onnx):
    assert source.name == "graph.onnx" and source.read_bytes() == translated_onnx


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_a_conversion_gives_the_file_of_the_method(backend, source, onnx_files, photo_array, as_pixels, metadata, name):
    method = METHODS[name]
    photos = as_pixels(photo_array) if method.calibrated else None
    assert backend.convert(source, method, photos, metadata) == onnx_files[name].read_bytes()


def test_a_calibration_serves_int8_and_mixed8(
    backend, source, calibrated_onnx, onnx_files, photo_array, as_pixels, metadata, tmp_path
):
    counts: list[int] = []
    calibrated = backend.calibrate(source, as_pixels(photo_array), counts.append)
    assert calibrated == calibrated_onnx and sum(counts) == len(photo_array)
    assert backend.quantize(calibrated, METHODS["int8"], [], metadata) == onnx_files["int8"].read_bytes()
    layers = backend.measure_layer_errors(calibrated, as_pixels(photo_array[:4]))
    path, method = tmp_path / "model.onnx", find_method("mixed8-1")
    largest = ladder.select_weighted_layers(layers)[0].name
    path.write_bytes(backend.quantize(calibrated, method, [largest], metadata))
    backend.check(path, method, ())


def test_a_quantization_aware_model_becomes_int8(backend, qat_export, photo_array, as_pixels, metadata, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(backend.convert_qat(qat_export / "saved_model", as_pixels(photo_array[:1]), metadata))
    backend.check(path, METHODS["qat8"], ())


def test_a_file_is_summarized_and_predicts(backend, onnx_files, photo_array, as_pixels):
    path = onnx_files["int8"]
    assert backend.summarize(path).output.shape == (1, 3)
    assert sorted(len(weights) for weights in backend.read_weights(path)) == [3, 8, 8, 128]
    scores = [
        backend.predict(path, as_pixels(photo_array), kernels, lambda _: None).scores
        for kernels in ("onnxruntime", "reference")
    ]
    np.testing.assert_allclose(*scores, atol=0.02)
