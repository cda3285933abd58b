"""calibrate.py: int8 files from one calibration equal the converter's, and layers stay in float by name."""

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS
from edgetl.engines.tflite import calibrate, convert, inspect, runtime


def test_the_int8_file_computes_what_that_of_the_converter_does(
    calibrated_tflite, tflite_files, photo_array, as_pixels, tmp_path
):
    path = tmp_path / "int8.tflite"
    path.write_bytes(calibrate.quantize_model(calibrated_tflite))
    inspect.check_file(path, METHODS["int8"])
    assert inspect.summarize_file(path).operators == inspect.summarize_file(tflite_files["int8"]).operators
    outputs = [
        runtime.predict_file(file, as_pixels(photo_array), "reference", lambda _: None).raw
        for file in (path, tflite_files["int8"])
    ]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("count", [1, 2])
def test_named_layers_stay_in_float(calibrated_tflite, layers, photo_array, as_pixels, tmp_path, count):
    selected = ladder.select_weighted_layers(layers)[:count]
    path = tmp_path / "mixed.tflite"
    path.write_bytes(calibrate.quantize_model(calibrated_tflite, [layer.name for layer in selected]))
    summary = inspect.summarize_file(path)
    assert (summary.input.dtype, summary.output.dtype) == ("uint8", "uint8") and "float32" in summary.tensor_dtypes
    floats = [operator.type for operator in inspect.list_operators(path) if not operator.quantized]
    assert sorted(floats) == sorted(layer.operator for layer in selected)
    scores = runtime.predict_file(path, as_pixels(photo_array), "xnnpack", lambda _: None).scores
    assert scores.shape == (len(photo_array), 3) and np.allclose(scores.sum(axis=1), 1, atol=0.02)


def test_an_error_of_the_quantizer_is_reported_by_its_first_line(calibrated_tflite, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no kernel\nand more")

    monkeypatch.setattr(calibrate, "mlir_quantize", fail)
    with pytest.raises(StageError, match=r"the TFLite quantizer failed: no kernel$"):
        calibrate.quantize_model(calibrated_tflite)


def test_an_error_of_the_calibrator_names_the_saved_model(saved_models, photo_array, as_pixels, monkeypatch):
    class FailingConverter:
        target_spec = convert.tf.lite.TargetSpec()

        def convert(self):
            raise RuntimeError("no room\nand more")

    monkeypatch.setattr(convert.tf.lite.TFLiteConverter, "from_saved_model", lambda _: FailingConverter())
    with pytest.raises(StageError, match=r"could not calibrate: no room\n  at ") as caught:
        calibrate.calibrate_model(saved_models["ranged"], as_pixels(photo_array[:1]), lambda _: None)
    assert caught.value.where == (str(saved_models["ranged"]),)
