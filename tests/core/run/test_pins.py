"""pins.py: pinned methods by target, in a file that exists only where something was pinned."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.run.pins import read_pins, write_pin


def test_pin_is_read_back_until_it_is_removed(tmp_path):
    assert read_pins(tmp_path) == {}
    write_pin(tmp_path, "tflite", "qat8")
    write_pin(tmp_path, "onnx", "float16")
    write_pin(tmp_path, "tflite", "int8")
    assert read_pins(tmp_path) == {"tflite": "int8", "onnx": "float16"}
    write_pin(tmp_path, "tflite", "")
    assert read_pins(tmp_path) == {"onnx": "float16"}


def test_removing_no_pin_writes_nothing(tmp_path):
    write_pin(tmp_path, "tflite", "")
    assert list(tmp_path.iterdir()) == []


def test_damaged_file_is_an_error(tmp_path):
    (tmp_path / "pins.json").write_text("[]")
    with pytest.raises(ConfigError, match="not a JSON object"):
        read_pins(tmp_path)
