"""calibrated.py: one calibration serves every int8 file, layers stay in float by name, and errors are measured."""

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.tflite import calibrate as tflite_calibrate
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime


@pytest.fixture(scope="module")
def saved(small_model, tmp_path_factory):
    root = tmp_path_factory.mktemp("saved")
    keras_model.save_model(small_model(), root / "model.keras")
    saved_model.export_saved_model(root / "model.keras", root / "ranged", "ranged")
    return root / "ranged"


@pytest.fixture(scope="module")
def model(saved, photo_array, as_pixels):
    seen = []
    made = tflite_calibrate.calibrate_model(saved, as_pixels(photo_array), seen.append)
    assert sum(seen) == len(photo_array)
    return made


@pytest.fixture(scope="module")
def layers(model, photo_array, as_pixels):
    return tflite_calibrate.measure_layer_errors(model, as_pixels(photo_array[::3]))


def test_the_int8_file_is_what_the_converter_makes(model, saved, photo_array, as_pixels, tmp_path):
    """The same operators and, to the bit, the same answers as TFLiteConverter's own full-integer file."""
    ours, theirs = tmp_path / "ours.tflite", tmp_path / "theirs.tflite"
    ours.write_bytes(tflite_calibrate.quantize_model(model))
    tflite_convert.check_file(ours, METHODS["int8"])
    theirs.write_bytes(tflite_convert.convert_saved_model(saved, METHODS["int8"], as_pixels(photo_array)))
    assert tflite_convert.summarize_file(ours).operators == tflite_convert.summarize_file(theirs).operators
    answers = [
        tflite_runtime.predict_file(path, as_pixels(photo_array), "reference", lambda _: None).raw
        for path in (ours, theirs)
    ]
    assert np.array_equal(*answers)


def test_every_layer_is_measured_the_worst_first(layers):
    assert {layer.operator for layer in layers} >= {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    errors = [layer.error_steps for layer in layers]
    assert errors == sorted(errors, reverse=True) and len({layer.name for layer in layers}) == len(layers)
    # A layer that rounds and does nothing else is 0.29 steps off; none of a healthy network is off by many.
    assert 0.1 < errors[0] < 5 and all(layer.saturated < 0.05 for layer in layers)


def test_dark_photos_leave_ranges_that_daylight_saturates(saved, photo_array, as_pixels):
    dark = tflite_calibrate.calibrate_model(saved, as_pixels(photo_array // 16), lambda _: None)
    layers = tflite_calibrate.measure_layer_errors(dark, as_pixels(photo_array[::3]))
    assert max(layer.saturated for layer in layers) > 0.05


@pytest.mark.parametrize("count", [1, 2])
def test_layers_left_in_float(model, layers, photo_array, as_pixels, tmp_path, count):
    chosen = ladder.select_weighted_layers(layers)[:count]
    path = tmp_path / "mixed.tflite"
    path.write_bytes(tflite_calibrate.quantize_model(model, [layer.name for layer in chosen]))
    found = tflite_convert.summarize_file(path)
    assert (found.input.dtype, found.output.dtype) == ("uint8", "uint8") and "float32" in found.tensor_dtypes
    floats = tflite_convert.list_float_operators(path)
    assert sorted(floats) == sorted(layer.operator for layer in chosen)
    ran = tflite_runtime.predict_file(path, as_pixels(photo_array), "xnnpack", lambda _: None)
    assert ran.scores.shape == (len(photo_array), 3) and np.allclose(ran.scores.sum(axis=1), 1, atol=0.02)


def test_a_quantizer_that_fails_says_so(model, monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("no kernel\nand more")

    monkeypatch.setattr(tflite_calibrate, "mlir_quantize", failing)
    with pytest.raises(StageError, match=r"the TFLite quantizer failed: no kernel$"):
        tflite_calibrate.quantize_model(model)
