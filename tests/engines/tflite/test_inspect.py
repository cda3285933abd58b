"""inspect.py: what is read from a file is what it contains, and a file without its method's properties is rejected."""

import numpy as np
import pytest
import tensorflow as tf

from edgetl.core import methods
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import METHODS
from edgetl.engines.tflite import calibrate, inspect

CONVERTED = [name for name, method in METHODS.items() if "tflite" in method.formats and not method.float_layers]


@pytest.mark.parametrize("name", CONVERTED)
def test_the_file_of_every_method_passes_its_check(tflite_files, name):
    method = METHODS[name]
    inspect.check_file(tflite_files[name], method)
    summary = inspect.summarize_file(tflite_files[name])
    assert {method.weights, method.activations} <= set(summary.tensor_dtypes)
    assert summary.input.shape == (1, 32, 32, 3) and summary.output.shape == (1, 3)
    assert not any("Flex" in operator for operator in summary.operators)


def test_an_int8_file_has_no_float_tensor(tflite_files):
    assert set(inspect.summarize_file(tflite_files["int8"]).tensor_dtypes) <= {"uint8", "int8", "int32"}
    assert all(operator.quantized for operator in inspect.list_operators(tflite_files["int8"]))


def test_a_summary_counts_operators_and_dtypes(tflite_files):
    summary = inspect.summarize_file(tflite_files["float32"])
    assert {"CAST", "CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"} <= set(summary.operators)
    assert summary.operators["CONV_2D"] == 2 and summary.operators["DEPTHWISE_CONV_2D"] == 1
    assert list(summary.operators) == sorted(summary.operators)
    assert summary.tensor_dtypes["uint8"] == 1
    assert (summary.input.name, summary.input.dtype) == ("image", "uint8")
    int8 = inspect.summarize_file(tflite_files["int8"])
    assert int8.operators["CONV_2D"] == 2 and "CAST" not in int8.operators


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int8", "int16x8"])
def test_weights_are_read_by_output_channel_in_every_dtype(tflite_files, small_model, name):
    weights = list(inspect.read_weights(tflite_files[name]))
    assert sorted(array.shape for array in weights) == [(3, 128), (8, 9), (8, 27), (128, 8)]
    assert all(array.dtype.kind in "fi" for array in weights)
    # The integers are the trained weights but for the scale of each channel.
    trained = small_model().get_layer("conv3").get_weights()[0].reshape(8, 128).T
    conv3 = next(array for array in weights if array.shape == (128, 8)).astype(np.float64)
    scales = np.abs(conv3).max(axis=1, keepdims=True) / np.abs(trained).max(axis=1, keepdims=True)
    np.testing.assert_allclose(conv3 / scales, trained, atol=1e-2 * np.abs(trained).max())


# Method of a file, method that it is checked for. int8 and float files have other outputs; weights differ otherwise.
@pytest.mark.parametrize(
    ("name", "checked_for"),
    [
        ("float32", "int8"),
        ("float16", "int8"),
        ("dynamic", "int8"),
        ("int16x8", "int8"),
        ("int8", "int16x8"),
        ("float32", "int16x8"),
        ("int8", "float32"),
        ("float32", "float16"),
        ("float32", "dynamic"),
    ],
)
def test_the_file_of_one_method_fails_the_check_of_another(tflite_files, name, checked_for):
    with pytest.raises(StageError, match=f"the {checked_for} file failed its check: ") as caught:
        inspect.check_file(tflite_files[name], METHODS[checked_for])
    assert caught.value.where == (str(tflite_files[name]),)


def test_the_error_names_a_float_operator_and_its_tensor(tflite_files):
    with pytest.raises(StageError, match=r"operator [A-Z_0-9]+ (computes in float at|has the float) tensor '"):
        inspect.check_file(tflite_files["float32"], METHODS["int8"])


@pytest.mark.parametrize(("count", "operators"), [(0, "nothing"), (2, "CONV_2D, FULLY_CONNECTED")])
def test_a_mixed8_file_with_another_number_of_float_layers_fails_its_check(
    calibrated_tflite, layers, tmp_path, count, operators
):
    # The layers with the largest errors are the dense one and the first convolution.
    float_layers = [layer.name for layer in ladder.select_weighted_layers(layers)[:count]]
    path = tmp_path / "mixed.tflite"
    path.write_bytes(calibrate.quantize_model(calibrated_tflite, float_layers))
    with pytest.raises(StageError, match=f"the mixed8-1 file failed its check: {operators} computes in float"):
        inspect.check_file(path, methods.find_method("mixed8-1"))


def convert_naively(saved_model, photo_array, **settings):
    """Convert to int8 as tutorials do, with further settings of the converter."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    dtype = np.uint8 if saved_model.name == "uint8" else np.float32
    converter.representative_dataset = lambda: ([photo[None].astype(dtype)] for photo in photo_array)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


def test_an_int8_file_with_a_cast_to_float_fails_its_check(saved_models, photo_array, tmp_path):
    path = tmp_path / "cast.tflite"
    path.write_bytes(convert_naively(saved_models["uint8"], photo_array))
    assert "CAST" in inspect.summarize_file(path).operators
    with pytest.raises(StageError, match="operator CAST has the float tensor"):
        inspect.check_file(path, METHODS["int8"])


def test_an_int8_file_with_one_scale_for_all_channels_fails_its_check(saved_models, photo_array, tmp_path):
    path = tmp_path / "per_tensor.tflite"
    path.write_bytes(convert_naively(saved_models["ranged"], photo_array, _experimental_disable_per_channel=True))
    with pytest.raises(StageError, match=r"has 1 scales for \d+ channels"):
        inspect.check_file(path, METHODS["int8"])


def test_an_int8_file_with_a_calibrated_input_fails_its_check(saved_models, photo_array, tmp_path):
    path = tmp_path / "dark.tflite"
    path.write_bytes(convert_naively(saved_models["float32"], photo_array // 16))
    with pytest.raises(StageError, match=r"input '.*' is not raw 0\.\.255"):
        inspect.check_file(path, METHODS["int8"])


def test_an_int8_file_with_a_float_output_fails_its_check(saved_models, photo_array, tmp_path):
    path = tmp_path / "float_output.tflite"
    path.write_bytes(convert_naively(saved_models["ranged"], photo_array, inference_output_type=tf.float32))
    with pytest.raises(StageError, match="the int8 file failed its check"):
        inspect.check_file(path, METHODS["int8"])


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + bytes(200)])
def test_a_file_of_another_kind_is_an_error(tmp_path, content):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    for read in (inspect.summarize_file, lambda path: inspect.check_file(path, METHODS["float32"])):
        with pytest.raises(ConfigError, match="not a TFLite file that can be run") as caught:
            read(path)
        assert caught.value.where == (str(path),)


def test_a_truncated_file_is_an_error(tflite_files, tmp_path):
    path = tmp_path / "truncated.tflite"
    path.write_bytes(tflite_files["int8"].read_bytes()[:2000])
    with pytest.raises(ConfigError, match="not a TFLite file that can be run"):
        inspect.summarize_file(path)


def test_a_file_too_large_for_the_format_is_not_read(tmp_path):
    path = tmp_path / "large.tflite"
    with path.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(ConfigError, match="too large for a TFLite file"):
        inspect.summarize_file(path)
