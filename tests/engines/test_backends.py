"""backends.py: every format has a backend with the whole interface, which converts heads that no base has."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation import ladder
from edgetl.core.formats import FORMATS
from edgetl.core.methods import find_method
from edgetl.core.network.float_layers import describe_float_layers, group_float_layers
from edgetl.core.network.input_scaling import COMMON_SCALINGS
from edgetl.core.network.layer_names import read_layers
from edgetl.engines.backends import BACKENDS, Backend
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external.wrap import wrap_model
from tests.fixtures.heads import HEADS, make_classifier

METHODS = [name for name, _ in inspect.getmembers(Backend, inspect.isfunction) if not name.startswith("_")]


def test_every_format_has_a_backend():
    assert set(BACKENDS) == set(FORMATS)


def test_the_interface_has_fifteen_methods():
    assert len(METHODS) == 15


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("method", METHODS)
def test_every_backend_has_every_method_with_the_same_parameters(format_name, method):
    parameters = list(inspect.signature(getattr(Backend, method)).parameters.values())[1:]
    implemented = list(inspect.signature(getattr(BACKENDS[format_name], method)).parameters.values())
    assert [(parameter.name, parameter.annotation) for parameter in implemented] == [
        (parameter.name, parameter.annotation) for parameter in parameters
    ]


# What the quantizers leave in float, for those heads that are fast to convert.
IN_FLOAT = {
    ("tflite", "elu"): "Activation(elu) 'activation' stays in float32: no int8 kernel for ELU",
    ("tflite", "layer normalization"): "LayerNormalization 'norm' stays in float32: no int8 kernel for NEG",
    ("onnx", "gelu"): "Activation(gelu) 'activation' stays in float32: no int8 kernel for Erf, Sub",
    ("onnx", "elu"): "",
    ("onnx", "group normalization"): "GroupNormalization 'group_normalization', Transpose 'Transpose#2', Transpose "
    "'Transpose#3' stay in float32: no int8 kernel for Expand, Neg, Reciprocal and 4 more",
}


@pytest.fixture
def convert(photo_array, as_pixels, metadata, tmp_path):
    """Return a function that converts a head; it returns the sentence about layers in float."""

    def run(format_name: str, head: str) -> str:
        import keras

        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        model = make_classifier(head)
        scaling = next(iter(COMMON_SCALINGS.values()))
        wrapped, path = wrap_model(model, scaling, "probabilities", (0, 1, 2)), tmp_path / "model.keras"
        keras_model.save_model(wrapped, path)
        expected = np.asarray(keras_model.load_model(path)(photo_array))
        assert np.ptp(expected, axis=0).max() > 0.01, "the head predicts the same for every photo"
        backend, photos = BACKENDS[format_name], as_pixels(photo_array)
        source = backend.prepare(path, tmp_path)
        check_predictions(format_name, backend.convert(source, find_method("float32"), None, metadata), expected, 1e-4)
        calibrated = backend.calibrate(source, photos, lambda _: None)
        backend.measure_layer_errors(calibrated, as_pixels(photo_array[:2]))
        layers = group_float_layers(backend.list_operators(calibrated), read_layers(path), ladder.WEIGHTED_OPERATORS)
        kept = tuple(name for layer in layers for name in layer.kept)
        method = find_method("mixed8-0" if layers else "int8")
        content = backend.quantize(calibrated, method, kept, metadata)
        file = check_predictions(format_name, content, expected, 0.25)
        backend.check(file, method, kept)
        return describe_float_layers(layers, "int8") if layers else ""

    def check_predictions(format_name: str, content: bytes, expected: np.ndarray, tolerance: float) -> Path:
        file = tmp_path / f"model.{format_name}"
        file.write_bytes(content)
        kernels = FORMATS[format_name].fast_kernels
        scores = BACKENDS[format_name].predict(file, as_pixels(photo_array), kernels, lambda _: None).scores
        np.testing.assert_allclose(scores, expected, atol=tolerance)
        return file

    return run


@pytest.mark.parametrize(("format_name", "head"), IN_FLOAT)
def test_layers_without_an_int8_kernel_are_named_and_stay_in_float(convert, format_name, head):
    assert convert(format_name, head) == IN_FLOAT[format_name, head]


@pytest.mark.parametrize(
    ("format_name", "message"),
    [("tflite", "TFLite has no operator BitwiseAnd"), ("onnx", "ONNX has no operator Bitcast, BitwiseAnd")],
)
def test_an_operator_that_a_format_lacks_is_named(convert, format_name, message):
    with pytest.raises(StageError, match=message):
        convert(format_name, "arg max")


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("head", HEADS)
def test_every_head_becomes_a_file(convert, format_name, head):
    convert(format_name, head)
