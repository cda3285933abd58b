"""rounding.py: the rounded file is an int8 file that is nearer to the float graph than one rounded to the nearest."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from edgetl.core.methods import METHODS
from edgetl.core.network.rounding.layers import Samples
from edgetl.engines.onnx import inspect, rounding, runtime
from edgetl.engines.onnx.calibrate import quantize_graph
from edgetl.engines.onnx.parts import compute_part, cut_graph

INT8 = METHODS["int8_adaround"]


@pytest.fixture(scope="session")
def rounded(calibrated_onnx, photo_array, as_pixels, metadata):
    """The rounded small model, the layers that are not rounded, and the steps of the progress bar."""
    steps = []
    content, unchanged = rounding.round_model(calibrated_onnx, as_pixels(photo_array), metadata, steps.append)
    return content, unchanged, steps


@pytest.fixture
def quantized(calibrated_onnx):
    return quantize_graph(onnx.load_model_from_string(calibrated_onnx), INT8)


@pytest.fixture
def file(calibrated_onnx, quantized):
    return rounding.OnnxFile(onnx.load_model_from_string(calibrated_onnx), quantized)


def predict_logits(content, photos):
    """Return what the softmax consumes."""
    model = onnx.load_model_from_string(content)
    (softmax,) = [node for node in model.graph.node if node.op_type == "Softmax"]
    part = cut_graph(model, [softmax.input[0]], TensorProto.FLOAT)
    return compute_part(part, photos, lambda _, outputs: outputs[0][0])


def test_the_file_has_the_properties_of_int8(rounded, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(rounded[0])
    inspect.check_file(path, INT8)
    runtime.try_file(path)
    _, unchanged, steps = rounded
    assert unchanged == () and sum(steps) == 4


def test_logits_are_nearer_to_those_of_the_float_graph(rounded, calibrated_onnx, onnx_files, photo_array, as_pixels):
    photos = as_pixels(photo_array)
    expected = predict_logits(calibrated_onnx, photos)
    contents = onnx_files["int8"].read_bytes(), rounded[0]
    errors = [np.square(predict_logits(content, photos) - expected).mean() for content in contents]
    assert errors[1] < 0.7 * errors[0]


def test_the_same_photos_give_the_same_file(rounded, calibrated_onnx, photo_array, as_pixels, metadata):
    again, _ = rounding.round_model(calibrated_onnx, as_pixels(photo_array), metadata, lambda _: None)
    assert again == rounded[0]


def test_samples_of_inputs_and_outputs_fit_together(file, photo_array, as_pixels):
    """With its float weights, a layer computes what the float graph outputs, but for rounded inputs."""
    photos = as_pixels(photo_array[:2])
    assert [layer.depthwise for layer in file.layers] == [False, True, False, False]
    for number, layer in enumerate(file.layers):
        places = np.stack([np.arange(min(layer.places, 40))] * 2)
        (outputs,) = file.sample_outputs([number], photos, [places], quantized=False)
        samples = Samples(inputs=file.sample_inputs(number, photos, places), outputs=outputs)
        computed = np.clip(samples.compute(layer.weights, layer.biases), layer.low, layer.high)
        steps = np.abs(computed - np.clip(outputs, layer.low, layer.high)) / ((layer.high - layer.low) / 255)
        assert np.quantile(steps, 0.9) < 4
        assert (np.abs(layer.integers.dequantize() - layer.weights) <= 0.51 * layer.integers.scales[:, None]).all()


def test_equal_biases_become_biases_of_each_layer(quantized):
    layers = [node for node in quantized.graph.node if node.op_type in ("Conv", "Gemm") and len(node.input) > 2]
    for node in layers[1:2]:
        node.input[2] = layers[0].input[2]
    rounding._separate_biases(quantized)
    names = [node.input[2] for node in layers]
    assert len(set(names)) == len(names)
    onnx.checker.check_model(quantized)


def test_a_layer_with_shared_weights_or_with_groups_cannot_be_changed(calibrated_onnx, quantized):
    layers = [node for node in quantized.graph.node if node.op_type == "Conv"]
    layers[1].input[1] = layers[0].input[1]
    for attribute in layers[2].attribute:
        if attribute.name == "group":
            attribute.i = 2
    file = rounding.OnnxFile(onnx.load_model_from_string(calibrated_onnx), quantized)
    assert file.unchanged == tuple(node.name for node in layers[:3])


def test_weights_keep_their_order_on_the_way_to_a_matrix_and_back(file):
    for place in file._places:
        stored = file._constants[place.constants[0][0]]
        weights = onnx.numpy_helper.to_array(stored)
        matrix = rounding._to_matrix(weights, place)
        np.testing.assert_array_equal(rounding._from_matrix(matrix, weights.shape, place), weights)


def test_the_range_of_a_layer_that_stays_in_float_is_infinite(file):
    assert file._read_range("image") == (-np.inf, np.inf)
