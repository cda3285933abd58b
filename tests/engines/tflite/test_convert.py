"""convert.py: the input and output, weights and size of each method's file, and reproducible bytes."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.engines.keras import saved_model
from edgetl.engines.tflite import convert, inspect


def test_inputs_and_outputs_have_the_dtypes_of_the_method(tflite_files):
    summaries = {name: inspect.summarize_file(path) for name, path in tflite_files.items()}
    dtypes = {name: (summary.input.dtype, summary.output.dtype) for name, summary in summaries.items()}
    assert {name: dtypes[name] for name in ("float32", "float16", "dynamic", "int8", "int8_more", "int16x8")} == {
        "float32": ("uint8", "float32"),
        "float16": ("uint8", "float32"),
        "dynamic": ("uint8", "float32"),
        "int8": ("uint8", "uint8"),
        "int8_more": ("uint8", "uint8"),
        "int16x8": ("float32", "float32"),
    }
    image, scores = summaries["int8"].input, summaries["int8"].output
    assert (image.scale, image.zero_point) == (1.0, 0)
    assert scores.scale == pytest.approx(1 / 256) and scores.zero_point == 0
    assert summaries["float32"].input.scale == 0


def test_smaller_weights_make_smaller_files(tflite_files):
    sizes = {name: path.stat().st_size for name, path in tflite_files.items()}
    assert sizes["float16"] < sizes["float32"] and sizes["dynamic"] < sizes["float32"]


@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_convolutions_have_a_scale_for_each_output_channel(tflite_files, name):
    interpreter = Interpreter(
        str(tflite_files[name]), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    scales = {
        tuple(int(length) for length in tensor["shape"]): len(tensor["quantization_parameters"]["scales"])
        for tensor in interpreter.get_tensor_details()
        if len(tensor["shape"]) == 4 and len(tensor["quantization_parameters"]["scales"]) > 1
    }
    assert scales == {(8, 3, 3, 3): 8, (1, 3, 3, 8): 8, (128, 1, 1, 8): 128}


def test_the_input_of_int8_is_a_raw_photo_also_with_dark_calibration_photos(
    saved_models, photo_array, as_pixels, tmp_path
):
    path = tmp_path / "dark.tflite"
    path.write_bytes(convert.convert_saved_model(saved_models["ranged"], METHODS["int8"], as_pixels(photo_array // 16)))
    inspect.check_file(path, METHODS["int8"])
    image = inspect.summarize_file(path).input
    assert (image.dtype, image.scale, image.zero_point) == ("uint8", 1.0, 0)


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_a_second_export_and_conversion_give_the_same_bytes(
    small_keras, tflite_files, photo_array, as_pixels, tmp_path, name
):
    method = METHODS[name]
    saved_model.export_saved_model(small_keras, tmp_path / "again", convert.choose_input_kind(method))
    photos = as_pixels(photo_array) if method.calibrated else None
    assert convert.convert_saved_model(tmp_path / "again", method, photos) == tflite_files[name].read_bytes()


def test_an_error_of_the_converter_names_the_method(saved_models, monkeypatch):
    class FailingConverter:
        target_spec = tf.lite.TargetSpec()

        def convert(self):
            raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_saved_model", lambda _: FailingConverter())
    with pytest.raises(StageError, match=r"could not make float32: first line\n  at "):
        convert.convert_saved_model(saved_models["uint8"], METHODS["float32"], None)


def test_photos_are_passed_to_the_converter_one_by_one_as_floats(photo_array, as_pixels):
    counts = []
    photos = [photo for (photo,) in convert.iterate_photos(as_pixels(photo_array[:3]), counts.append)]
    assert [photo.dtype for photo in photos] == [np.float32] * 3 and counts == [1, 1, 1]
    np.testing.assert_array_equal(np.concatenate(photos), photo_array[:3])


def test_the_smallest_model_has_one_dense_layer(tmp_path):
    path = tmp_path / "smallest.tflite"
    path.write_bytes(convert.make_smallest_model())
    assert inspect.summarize_file(path).operators == {"FULLY_CONNECTED": 1}


def test_integer_methods_start_from_an_input_without_a_cast():
    kinds = {name: convert.choose_input_kind(method) for name, method in METHODS.items() if "tflite" in method.formats}
    assert kinds == {
        "float32": "uint8",
        "float16": "uint8",
        "dynamic": "uint8",
        "int8": "ranged",
        "int8_more": "ranged",
        "int8_adaround": "ranged",
        "mixed8": "ranged",
        "int16x8": "float32",
        # The SavedModel of qat8 has the same input.
        "qat8": "ranged",
        "prune": "uint8",
        "prune8": "ranged",
        "cluster": "uint8",
        "cluster8": "ranged",
    }
