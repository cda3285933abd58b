"""convolutions.py: each operator computes in Keras what it computes in onnxruntime."""

import numpy as np
import pytest
from onnx import helper

from edgetl.core.errors import ConfigError
from tests.engines.keras.from_onnx.graphs import IMAGE, measure, weights


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 1, 1, 1]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"strides": [2, 2], "pads": [0, 0, 1, 1]},
        {"strides": [2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID"},
        {"dilations": [2, 2], "pads": [2, 2, 2, 2]},
    ],
)
def test_convolution(attributes):
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], **attributes)
    assert measure([node], {"w": weights(4, 3, 3, 3), "b": weights(4)}) < 1e-5


@pytest.mark.parametrize(("kernel", "groups"), [((6, 1, 3, 3), 3), ((3, 1, 3, 3), 3), ((4, 2, 1, 1), 2)])
def test_grouped_and_depthwise_convolutions(kernel, groups):
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=groups)
    shape = IMAGE if groups == 3 else ("photos", 4, 8, 10)
    first = helper.make_node("Conv", ["x", "v"], ["z"])
    if groups == 2:
        node = helper.make_node("Conv", ["z", "w"], ["y"], group=2)
        assert measure([first, node], {"v": weights(4, 3, 1, 1), "w": weights(*kernel)}) < 1e-5
    else:
        assert measure([node], {"w": weights(*kernel)}, shape) < 1e-5


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
        ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
        ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("GlobalAveragePool", {}),
        ("GlobalMaxPool", {}),
    ],
)
def test_pooling(operator, attributes):
    assert measure([helper.make_node(operator, ["x"], ["y"], **attributes)]) < 1e-5


def test_pooling_of_resnet_has_a_border_around_activations():
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    ]
    assert measure(nodes) < 1e-6
    with pytest.raises(ConfigError, match="MaxPool with a border around values that may be negative"):
        measure([helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])])


def test_normalization_of_an_image():
    node = helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"])
    constants = {"s": weights(3), "b": weights(3, seed=3), "m": weights(3, seed=4), "v": np.abs(weights(3)) + 0.1}
    assert measure([node], constants) < 1e-5


@pytest.mark.parametrize("transposed", [0, 1])
def test_dense_layer_after_an_image(transposed):
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=transposed, alpha=0.5, beta=2.0),
    ]
    kernel = weights(5, 240) if transposed else weights(240, 5)
    assert measure(nodes, {"w": kernel, "b": weights(5)}) < 1e-5


def test_border_of_zeros():
    node = helper.make_node("Pad", ["x", "p"], ["y"])
    assert measure([node], {"p": np.array([0, 0, 1, 2, 0, 0, 3, 0])}) < 1e-6
    with pytest.raises(ConfigError, match="Pad of mode reflect"):
        measure([helper.make_node("Pad", ["x", "p"], ["y"], mode="reflect")], {"p": np.array([0, 0, 1, 1] * 2)})


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 2]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [4, 5]},
        {"dilations": [2, 2], "pads": [1, 0, 1, 2]},
    ],
)
def test_transposed_convolution(attributes):
    node = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"], **attributes)
    assert measure([node], {"w": weights(3, 4, 3, 3), "b": weights(4)}) < 1e-5


def test_transposed_convolution_that_adds_a_border_is_refused():
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], output_padding=[1, 1])
    with pytest.raises(ConfigError, match="ConvTranspose with"):
        measure([node], {"w": weights(3, 4, 3, 3)})


@pytest.mark.parametrize("shape", [("photos", 3, 8, 10), ("photos", 3, 9, 11), ("photos", 3, 7, 12)])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1]])
@pytest.mark.parametrize("size", [2, 3])
def test_pooling_whose_last_window_is_incomplete(shape, pads, size):
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[size] * 2, strides=[2, 2], pads=pads, ceil_mode=1),
    ]
    assert measure(nodes, {}, shape) == 0


def test_mean_in_one_dimension():
    nodes = [helper.make_node("Reshape", ["x", "s"], ["r"]), helper.make_node("GlobalAveragePool", ["r"], ["y"])]
    assert measure(nodes, {"s": np.array([0, 6, 40])}) < 1e-5
