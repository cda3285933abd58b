"""onnx_errors: what int8 does to each layer, held against the debugger that TensorFlow has for the other format."""

import onnx
import pytest
from onnxruntime import quantization

from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.onnx import calibrate as onnx_calibrate
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import layer_errors as onnx_layer_errors
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import calibrate as tflite_calibrate

KNOWN = {"Conv": {"CONV_2D", "DEPTHWISE_CONV_2D"}, "MatMul": {"FULLY_CONNECTED"}}


@pytest.fixture(scope="module")
def root(small_model, tmp_path_factory):
    """The SavedModels of both formats."""
    root = tmp_path_factory.mktemp("saved")
    keras_model.save_model(small_model(), root / "model.keras")
    saved_model.export_saved_model(root / "model.keras", root / "saved", onnx_convert.KIND)
    saved_model.export_saved_model(root / "model.keras", root / "ranged", "ranged")
    return root


@pytest.fixture(scope="module")
def model(root, photo_array, as_pixels):
    return onnx_calibrate.calibrate_model(
        onnx_convert.translate_saved_model(root / "saved"), as_pixels(photo_array), lambda _: None
    )


@pytest.fixture(scope="module")
def layers(model, photo_array, as_pixels):
    return onnx_layer_errors.measure_layer_errors(model, as_pixels(photo_array[::3]))


def test_every_layer_is_measured_the_worst_first(layers):
    assert {layer.operator for layer in layers} >= {"Conv", "MatMul"}
    errors = [layer.error_steps for layer in layers]
    assert errors == sorted(errors, reverse=True) and len({layer.name for layer in layers}) == len(layers)
    # A layer that rounds and does nothing else is 0.29 steps off; none of a healthy network is off by many.
    assert 0.1 < errors[0] < 5 and all(layer.saturated < 0.05 for layer in layers)


def test_the_errors_are_those_that_tensorflow_finds(layers, root, photo_array, as_pixels):
    """The oracle: the debugger of the other format, on the same network, ranges and photos."""
    ranged = tflite_calibrate.calibrate_model(root / "ranged", as_pixels(photo_array), lambda _: None)
    theirs = ladder.select_weighted_layers(tflite_calibrate.measure_layer_errors(ranged, as_pixels(photo_array[::3])))
    ours = ladder.select_weighted_layers(layers)
    assert len(ours) == len(theirs) == 4
    for layer in ours:
        alike = [of for of in theirs if of.operator in KNOWN[layer.operator] and 0.9 < of.scale / layer.scale < 1.1]
        assert any(0.8 < of.error_steps / layer.error_steps < 1.25 for of in alike), (layer, theirs)


def test_dark_photos_leave_ranges_that_daylight_saturates(root, photo_array, as_pixels):
    dark = onnx_calibrate.calibrate_model(
        onnx_convert.translate_saved_model(root / "saved"), as_pixels(photo_array // 16), lambda _: None
    )
    layers = onnx_layer_errors.measure_layer_errors(dark, as_pixels(photo_array[::3]))
    assert max(layer.saturated for layer in layers) > 0.05


@pytest.mark.parametrize("kind", [RuntimeError, onnx_runtime.RUNTIME_ERRORS[0], onnx.shape_inference.InferenceError])
def test_a_quantizer_that_fails_says_so(kind, model, as_pixels, photo_array, monkeypatch):
    def failing(*_, **__):
        raise kind("no kernel\nand more")

    monkeypatch.setattr(quantization, "quantize_static", failing)
    with pytest.raises(StageError, match=r"the ONNX quantizer failed: no kernel$"):
        onnx_layer_errors.measure_layer_errors(model, as_pixels(photo_array[:1]))
