"""runtime.py of the tflite target with a fake interpreter: its input is quantized, its output dequantized."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest


class FakeInterpreter:
    """Outputs the first pixel of its input; input and output have the given dtype, scale and zero point."""

    dtype, quantization = np.uint8, (1.0, 0)
    operators = ("CONV_2D",)
    # The second output and its quantization; empty for a file with one output.
    features: tuple = ()

    def __init__(self, model_path, num_threads):
        self.path, self.threads = model_path, num_threads

    def allocate_tensors(self):
        pass

    def get_input_details(self):
        return [{"index": 0, "dtype": self.dtype, "quantization": self.quantization}]

    def get_output_details(self):
        second = [{"index": 2, "quantization": self.features[1]}] if self.features else []
        return [{"index": 1, "quantization": self.quantization}, *second]

    def _get_ops_details(self):
        return [{"op_name": name} for name in self.operators]

    def set_tensor(self, index, values):
        assert index == 0 and values.dtype == self.dtype and values.ndim == 4
        self.input = values

    def invoke(self):
        self.output = self.input[:, 0, 0]

    def get_tensor(self, index):
        return self.output if index == 1 else self.features[0]


@pytest.fixture
def make_model(import_payload, monkeypatch):
    """Make a runtime.Model whose tensors have that dtype, scale and zero point."""
    runtime = import_payload("runtime")

    def make(dtype=np.uint8, scale=1.0, zero_point=0, **attributes):
        attributes |= {"dtype": dtype, "quantization": (scale, zero_point)}
        monkeypatch.setattr(runtime, "Interpreter", type("Interpreter", (FakeInterpreter,), attributes))
        return runtime.Model(Path("model.tflite"), 2)

    return make


@pytest.fixture
def photo():
    """uint8 [2, 2, 3]: the first pixel is black, mid grey and white in its three channels."""
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (0, 128, 255)
    return pixels


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "values"),
    [
        (np.uint8, 1.0, 0, [0, 128, 255]),
        # Scale 0 means that the tensor is not quantized.
        (np.float32, 0.0, 0, [0.0, 128.0, 255.0]),
        (np.int8, 1.0, -128, [-128, 0, 127]),
        # 128 / 2 is 64, and 255 / 2 = 127.5 is rounded to the even 128.
        (np.uint8, 2.0, 0, [0, 64, 128]),
        # Values beyond the range of the dtype are clipped.
        (np.uint8, 0.5, 0, [0, 255, 255]),
    ],
)
def test_photo_is_quantized_as_the_input_tensor_needs_it(make_model, photo, dtype, scale, zero_point, values):
    output = make_model(dtype, scale, zero_point).predict(photo)
    assert output.dtype == dtype and output.tolist() == values


def test_output_is_dequantized_with_its_scale_and_zero_point(make_model):
    values = make_model(np.uint8, 0.25, 4).dequantize(np.array([0, 4, 255], np.uint8))
    assert values.dtype == np.float32 and values.tolist() == [-1.0, 0.0, 62.75]
    values = make_model(np.float32, 0.0).dequantize(np.array([0.5], np.float32))
    assert values.dtype == np.float32 and values.tolist() == [0.5]


@pytest.mark.parametrize(
    ("features", "scale", "zero_point", "values"),
    [
        (np.array([[-128, 0, 127]], np.int8), 0.5, -128, [0.0, 64.0, 127.5]),
        (np.array([[3, 4, 255]], np.uint8), 0.25, 3, [0.0, 0.25, 63.0]),
        (np.array([[0.1, 7.0]], np.float32), 0.0, 0, np.float32([0.1, 7.0]).tolist()),
    ],
)
def test_second_output_has_the_features_dequantized(make_model, photo, features, scale, zero_point, values):
    model = make_model(features=(features, (scale, zero_point)))
    # The first output is what it is without features.
    assert model.predict(photo).tolist() == [0, 128, 255]
    assert model.get_features().dtype == np.float32 and model.get_features().tolist() == values


def test_file_with_one_output_has_no_features(make_model, photo):
    model = make_model()
    model.predict(photo)
    assert model.get_features() is None


def test_delegate_in_the_plan_means_accelerated(make_model):
    assert make_model(operators=("CONV_2D", "DELEGATE")).accelerated is True
    assert make_model().accelerated is False


def test_notices_of_the_library_are_left_out_and_errors_are_printed(import_payload, capfd):
    runtime = import_payload("runtime")
    with runtime.hide_notices():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nERROR: a tensor is missing\n")
    os.write(2, b"INFO: of another library\n")
    assert capfd.readouterr().err == "ERROR: a tensor is missing\nINFO: of another library\n"


def test_error_of_the_library_is_printed_where_it_fails(import_payload, capfd):
    runtime = import_payload("runtime")
    with pytest.raises(ValueError, match="no model"), runtime.hide_notices():
        os.write(2, b"INFO: a notice\nERROR: why\n")
        raise ValueError("no model")
    assert capfd.readouterr().err == "ERROR: why\n"


def test_model_loads_with_closed_standard_error(device, bundles):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import runtime; runtime.Model(sys.argv[1] + '/model.tflite', 1)"
    )
    command = f'exec "$0" -B -c "{program}" "$1" 2>&-'
    assert subprocess.run(["sh", "-c", command, device.python, bundles["int8"]], check=False).returncode == 0
