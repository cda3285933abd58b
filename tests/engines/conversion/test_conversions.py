"""conversions.py: the sentence about a library that failed names it and the layers that no base has."""

import pytest

from edgetl.core.network.layer_names import NamedLayer
from edgetl.engines.conversion.conversions import describe_failure
from edgetl.engines.conversion.tasks import ConversionTask
from edgetl.engines.conversion.worker import OUT_OF_MEMORY, TaskFailed

CONV, LSTM = NamedLayer("conv", "Conv2D", common=True), NamedLayer("lstm", "LSTM", common=False)


@pytest.fixture
def explain(tmp_path):
    def make(format_name, action, failure, *layers):
        return describe_failure(
            ConversionTask(action=action, format=format_name, source=tmp_path, output=tmp_path), failure, layers
        )

    return make


def test_a_crash_names_the_program_and_the_layers(explain):
    error = explain("tflite", "calibrate", TaskFailed("crashed (SIGSEGV)"), CONV, LSTM)
    assert error.message == "TFLite's calibrator crashed (SIGSEGV); the model has LSTM 'lstm'"


def test_of_a_model_of_common_layers_none_is_named(explain):
    error = explain("onnx", "calibrate", TaskFailed("failed: TypeError: x"), CONV)
    assert error.message == "onnxruntime's calibrator failed: TypeError: x"


def test_a_sentence_that_names_the_library_is_kept(explain):
    error = explain("onnx", "prepare", TaskFailed("tf2onnx could not", complete=True, hint="a hint"), LSTM)
    assert (error.message, error.hint) == ("tf2onnx could not; the model has LSTM 'lstm'", "a hint")


def test_a_lack_of_memory_says_what_to_do(explain):
    error = explain("tflite", "convert", TaskFailed(OUT_OF_MEMORY), CONV)
    assert error.message == "the TFLite converter ran out of memory" and "smaller --side" in error.hint
