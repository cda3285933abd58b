"""elementwise.py: each operator computes in Keras what it computes in onnxruntime."""

import numpy as np
import pytest
from onnx import helper

from edgetl.core.errors import ConfigError
from tests.engines.keras.from_onnx.graphs import measure, weights


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("Relu", {}),
        ("LeakyRelu", {"alpha": 0.2}),
        ("Elu", {"alpha": 0.7}),
        ("Selu", {}),
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("Softplus", {}),
        ("Softsign", {}),
        ("HardSigmoid", {}),
        ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
        ("HardSwish", {}),
        ("Erf", {}),
        ("Exp", {}),
        ("Abs", {}),
        ("Neg", {}),
        ("LogSoftmax", {"axis": -1}),
        ("Softmax", {"axis": -1}),
    ],
)
def test_function_of_each_value(operator, attributes):
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node(operator, ["f"], ["y"], **attributes)]
    assert measure(nodes) < 1e-5


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (0.0, np.inf), (-1.0, 1.0), (-np.inf, 0.5)])
def test_clip(low, high):
    node = helper.make_node("Clip", ["x", "a", "b"], ["y"])
    assert measure([node], {"a": np.float32(low), "b": np.float32(high)}) < 1e-6


def test_slopes_of_each_channel():
    assert measure([helper.make_node("PRelu", ["x", "s"], ["y"])], {"s": weights(3, 1, 1)}) < 1e-6


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1), (1, 3, 1, 1)])
def test_constant_of_each_channel(operator, shape):
    constant = np.abs(weights(*shape)) + 0.5
    assert measure([helper.make_node(operator, ["x", "c"], ["y"])], {"c": constant.astype(np.float32)}) < 1e-5


@pytest.mark.parametrize("operator", ["Sub", "Div"])
def test_constant_as_the_first_operand(operator):
    nodes = [helper.make_node("Exp", ["x"], ["e"]), helper.make_node(operator, ["c", "e"], ["y"])]
    assert measure(nodes, {"c": np.float32(1.5)}) < 1e-5


def test_gate_of_each_channel_multiplies_an_image():
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["g"]),
        helper.make_node("Sigmoid", ["g"], ["s"]),
        helper.make_node("Mul", ["x", "s"], ["y"]),
    ]
    assert measure(nodes) < 1e-5


def test_constant_that_differs_by_photo_is_an_error_that_names_the_operator():
    with pytest.raises(ConfigError, match=r"Add with another constant for each photo \(node"):
        measure([helper.make_node("Add", ["x", "c"], ["y"])], {"c": weights(2, 3, 1, 1)}, (2, 3, 8, 10))


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax"])
def test_softmax_over_any_axis(operator, axis):
    assert measure([helper.make_node(operator, ["x"], ["y"], axis=axis)]) < 1e-5
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node(operator, ["c"], ["y"], axis=axis)]
    assert measure(nodes, {"w": weights(4, 3, 1, 1)}) < 1e-5


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("shape", [(8, 10), (3, 8, 10), (1, 3, 8, 1), (8, 1), (3, 1, 1)])
def test_constant_that_differs_by_place(operator, shape):
    constants = {"c": np.abs(weights(*shape)) + 1}
    for inputs in (["x", "c"], ["c", "x"]):
        assert measure([helper.make_node(operator, inputs, ["y"])], constants) < 1e-5
    nodes = [helper.make_node("Conv", ["x", "w"], ["t"]), helper.make_node(operator, ["t", "c"], ["y"])]
    assert measure(nodes, {**constants, "w": weights(3, 3, 1, 1)}) < 1e-5
