"""latencies.py: what devices have measured, by target, device and file."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.run.latencies import DeviceLatency, add_latency, read_latencies


def make(target="tflite", device="pi@a", model_sha256="f1", ms=2.5) -> DeviceLatency:
    return DeviceLatency(target=target, device=device, model_sha256=model_sha256, ms=ms)


def test_latencies_of_several_files_and_devices_are_kept(tmp_path):
    assert read_latencies(tmp_path, "tflite") == {}
    for latency in (make(), make(model_sha256="f2", ms=4), make(device="pi@b"), make(target="onnx", ms=9), make(ms=2)):
        add_latency(tmp_path, latency)
    assert read_latencies(tmp_path, "tflite") == {"pi@a": {"f1": 2.0, "f2": 4.0}, "pi@b": {"f1": 2.5}}
    assert read_latencies(tmp_path, "onnx") == {"pi@a": {"f1": 9.0}}


@pytest.mark.parametrize("content", ['{"tflite": []}', '{"tflite": {"pi": {"f1": "fast"}}}', '{"tflite": {"pi": 1}}'])
def test_damaged_file_is_an_error_with_a_hint(tmp_path, content):
    (tmp_path / "latencies.json").write_text(content)
    with pytest.raises(ConfigError, match="not a file of measured latencies") as caught:
        read_latencies(tmp_path, "tflite")
    assert "edgetl bench RUN --device NAME" in caught.value.hint
