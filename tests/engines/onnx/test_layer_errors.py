"""layer_errors.py: the quantization errors of layers, compared with those of TensorFlow's debugger for TFLite."""

import onnx
import pytest
from onnxruntime import quantization

from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.engines.onnx import calibrate, layer_errors, runtime
from edgetl.engines.tflite import layer_errors as tflite_layer_errors

TFLITE_OPERATORS = {"Conv": {"CONV_2D", "DEPTHWISE_CONV_2D"}, "MatMul": {"FULLY_CONNECTED"}}


def test_every_layer_is_measured_and_the_largest_error_is_first(layers):
    assert {layer.operator for layer in layers} >= {"Conv", "MatMul"}
    errors = [layer.error_steps for layer in layers]
    assert errors == sorted(errors, reverse=True) and len({layer.name for layer in layers}) == len(layers)
    # Rounding alone is 0.29 steps. No layer of this network is off by many steps.
    assert 0.1 < errors[0] < 5 and all(layer.saturated < 0.05 for layer in layers)


def test_the_errors_are_those_that_tensorflow_measures(layers, calibrated_tflite, photo_array, as_pixels):
    """The same network, ranges and photos in the other format. Layers are matched by operator and output scale."""
    tflite_layers = tflite_layer_errors.measure_layer_errors(calibrated_tflite, as_pixels(photo_array[::3]))
    expected = ladder.select_weighted_layers(tflite_layers)
    measured = ladder.select_weighted_layers(layers)
    assert len(measured) == len(expected) == 4
    for layer in measured:
        ratios = [
            candidate.error_steps / layer.error_steps
            for candidate in expected
            if candidate.operator in TFLITE_OPERATORS[layer.operator] and 0.9 < candidate.scale / layer.scale < 1.1
        ]
        assert any(0.8 < ratio < 1.25 for ratio in ratios), (layer, expected)


def test_ranges_from_dark_photos_saturate_in_daylight(translated_onnx, photo_array, as_pixels):
    calibrated = calibrate.calibrate_model(translated_onnx, as_pixels(photo_array // 16), lambda _: None)
    layers = layer_errors.measure_layer_errors(calibrated, as_pixels(photo_array[::3]))
    assert max(layer.saturated for layer in layers) > 0.05


@pytest.mark.parametrize("kind", [RuntimeError, runtime.RUNTIME_ERRORS[0], onnx.shape_inference.InferenceError])
def test_an_error_of_the_quantizer_is_reported_by_its_first_line(
    kind, calibrated_onnx, as_pixels, photo_array, monkeypatch
):
    def fail(*_, **__):
        raise kind("no kernel\nand more")

    monkeypatch.setattr(quantization, "quantize_static", fail)
    with pytest.raises(StageError, match=r"the ONNX quantizer failed: no kernel$"):
        layer_errors.measure_layer_errors(calibrated_onnx, as_pixels(photo_array[:1]))
