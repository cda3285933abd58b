"""graph_file.py: a file that is read and written again computes the same and is quantized to the same bytes."""

from edgetl.engines.tflite import calibrate
from edgetl.engines.tflite.graph_file import pack_model, unpack_model


def test_a_file_that_is_written_again_is_quantized_to_the_same_bytes(calibrated_tflite):
    content = pack_model(unpack_model(calibrated_tflite))
    assert pack_model(unpack_model(content)) == content
    assert calibrate.quantize_model(content) == calibrate.quantize_model(calibrated_tflite)
