"""shapes.py: values are where onnxruntime has them, although images have their channels last."""

import numpy as np
import pytest
from onnx import helper

from edgetl.core.errors import ConfigError
from tests.engines.keras.from_onnx.graphs import measure


def make(operator, *inputs, output="y", **attributes):
    return helper.make_node(operator, list(inputs), [output], **attributes)


@pytest.mark.parametrize("target", [[-1, 240], [0, -1], [1, 3, 80], [0, 0, 4, 20], [1, 10, 24]])
def test_reshape(target):
    assert measure([make("Reshape", "x", "s")], {"s": np.array(target)}) == 0


@pytest.mark.parametrize("order", [[0, 2, 3, 1], [0, 3, 2, 1], [0, 1, 3, 2], [0, 1, 2, 3]])
def test_transpose(order):
    assert measure([make("Transpose", "x", perm=order)]) == 0


def test_image_in_both_orders_of_axes():
    nodes = [
        make("Transpose", "x", output="t", perm=[0, 2, 3, 1]),
        make("Relu", "t", output="r"),
        make("Transpose", "r", output="u", perm=[0, 3, 1, 2]),
        make("Flatten", "u"),
    ]
    assert measure(nodes) == 0


@pytest.mark.parametrize("keeps", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-2, -1], [1], [3]])
def test_mean(axes, keeps):
    assert measure([make("ReduceMean", "x", axes=axes, keepdims=keeps)]) < 1e-5


def test_squeeze_after_pooling():
    nodes = [make("GlobalAveragePool", "x", output="g"), make("Squeeze", "g", "a")]
    assert measure(nodes, {"a": np.array([2, 3])}) < 1e-5
    nodes = [make("Flatten", "x", output="f"), make("Unsqueeze", "f", "a")]
    assert measure(nodes, {"a": np.array([1, -1])}) == 0


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenation(axis):
    assert measure([make("Relu", "x", output="r"), make("Concat", "x", "r", axis=axis)]) == 0


def test_shuffle_of_channels():
    nodes = [
        make("Concat", "x", "x", output="c", axis=1),
        make("Reshape", "c", "a", output="r"),
        make("Transpose", "r", output="t", perm=[0, 2, 1, 3, 4]),
        make("Reshape", "t", "b"),
    ]
    assert measure(nodes, {"a": np.array([0, 2, 3, 8, 10]), "b": np.array([0, 6, 8, 10])}) == 0


@pytest.mark.parametrize(
    ("node", "constants", "message"),
    [
        (make("Transpose", "x", perm=[1, 0, 2, 3]), {}, "Transpose of photos"),
        (make("Reshape", "x", "s"), {"s": np.array([3, 80])}, r"Reshape of photos to \[3, 80\]"),
        (make("Concat", "x", "x", axis=0), {}, "Concat of photos"),
    ],
)
def test_operator_that_mixes_photos_is_an_error(node, constants, message):
    with pytest.raises(ConfigError, match=message):
        measure([node], constants)


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMin", "ReduceSum"])
@pytest.mark.parametrize("keeps", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [1], [1, 2], [-1]])
def test_other_reductions(operator, axes, keeps):
    if operator == "ReduceSum":
        assert measure([make(operator, "x", "a", keepdims=keeps)], {"a": np.array(axes)}) < 1e-5
    else:
        assert measure([make(operator, "x", axes=axes, keepdims=keeps)]) == 0


def test_reduction_of_an_image_with_channels_last_in_keras():
    nodes = [make("GlobalMaxPool", "x", output="g"), make("Sub", "x", "g", output="s")]
    assert measure([*nodes, make("ReduceMax", "s", axes=[1], keepdims=1)]) == 0
    assert measure([*nodes, make("ReduceMax", "s", axes=[1], keepdims=0)]) == 0
