"""backend.py: every step from a .keras file to predictions, through the interface of `engines.backends`."""

import numpy as np
import pytest

from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS, find_method
from edgetl.engines.keras import saved_model
from edgetl.engines.tflite.backend import TFLiteBackend


@pytest.fixture(scope="module")
def backend():
    return TFLiteBackend()


def test_conversions_start_from_the_keras_file_itself(backend, small_keras, tmp_path):
    assert backend.prepare(small_keras, tmp_path) == small_keras and not any(tmp_path.iterdir())


def test_a_file_is_converted_once_for_several_calibrations(small_keras, photo_array, as_pixels, monkeypatch):
    exports = []
    export = saved_model.export_saved_model
    monkeypatch.setattr(saved_model, "export_saved_model", lambda *a, **k: exports.append(a) or export(*a, **k))
    backend, dark = TFLiteBackend(), as_pixels(photo_array[:5] // 4)
    first = backend.calibrate(small_keras, as_pixels(photo_array), lambda _: None)
    second = backend.calibrate(small_keras, dark, lambda _: None)
    assert len(exports) == 1 and second != first
    assert backend.calibrate(small_keras, as_pixels(photo_array), lambda _: None) == first
    assert TFLiteBackend().calibrate(small_keras, dark, lambda _: None) == second and len(exports) == 2


@pytest.mark.parametrize("name", ["float32", "int16x8"])
def test_a_conversion_gives_the_file_of_the_method(
    backend, small_keras, tflite_files, photo_array, as_pixels, metadata, name
):
    method = METHODS[name]
    photos = as_pixels(photo_array) if method.calibrated else None
    assert backend.convert(small_keras, method, photos, metadata) == tflite_files[name].read_bytes()


def test_a_calibration_serves_int8_and_mixed8(
    backend, small_keras, calibrated_tflite, photo_array, as_pixels, metadata, tmp_path
):
    counts: list[int] = []
    calibrated = backend.calibrate(small_keras, as_pixels(photo_array), counts.append)
    assert calibrated == calibrated_tflite and sum(counts) == len(photo_array)
    layers = backend.measure_layer_errors(calibrated, as_pixels(photo_array[:4]))
    largest = ladder.select_weighted_layers(layers)[0].name
    path = tmp_path / "model.tflite"
    for name, float_layers in (("int8", []), ("mixed8-1", [largest])):
        method = find_method(name)
        path.write_bytes(backend.quantize(calibrated, method, float_layers, metadata))
        backend.check(path, method, ())


def test_a_quantization_aware_model_becomes_int8(backend, qat_export, photo_array, as_pixels, metadata, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(backend.convert_qat(qat_export / "saved_model", as_pixels(photo_array[:1]), metadata))
    backend.check(path, METHODS["qat8"], ())


def test_a_file_is_summarized_and_predicts(backend, tflite_files, photo_array, as_pixels):
    path = tflite_files["int8"]
    assert backend.summarize(path).output.shape == (1, 3)
    assert sorted(len(weights) for weights in backend.read_weights(path)) == [3, 8, 8, 128]
    scores = [
        backend.predict(path, as_pixels(photo_array), kernels, lambda _: None).scores
        for kernels in ("xnnpack", "reference")
    ]
    np.testing.assert_allclose(*scores, atol=0.02)
