"""build.py: inputs, constants, and operators that are not known."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.from_onnx.build import OPERATORS, build_model
from edgetl.engines.keras.from_onnx.source import open_graph
from tests.engines.keras.from_onnx.graphs import make_graph, measure, weights


def build(*arguments):
    source = open_graph(make_graph(*arguments))
    return build_model(source.graph, source.photos)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (("photos", 3, 8, 10), (None, 8, 10, 3)),
        (("photos", 8, 10, 3), (None, 8, 10, 3)),
        ((1, 3, 8, 10), (None, 8, 10, 3)),
        (("photos", 1, 8, 10), (None, 8, 10, 1)),
    ],
)
def test_image_is_given_with_its_channels_last(shape, expected):
    assert build([helper.make_node("Relu", ["x"], ["y"])], {}, shape).inputs[0].shape == expected


def test_constant_nodes_are_constants():
    value = helper.make_tensor("v", TensorProto.FLOAT, [1], [2.0])
    nodes = [helper.make_node("Constant", [], ["c"], value=value), helper.make_node("Mul", ["x", "c"], ["y"])]
    assert measure(nodes) < 1e-6


def test_number_of_photos_may_be_fixed():
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    assert measure(nodes, {"s": np.array([4, 240])}, (4, 3, 8, 10)) == 0


def test_unknown_operator_is_named_with_its_node():
    node = helper.make_node("LRN", ["x"], ["y"], name="norm1", size=3)
    with pytest.raises(ConfigError, match=r"an operator that edgetl cannot take over: LRN \(node 'norm1'\)") as caught:
        build([node])
    assert caught.value.hint


def test_output_without_the_photo_is_an_error():
    nodes = [helper.make_node("Identity", ["c"], ["y"]), helper.make_node("Relu", ["x"], ["z"])]
    with pytest.raises(ConfigError, match=r"does not depend on the photo|cannot be run|of a constant"):
        build(nodes, {"c": weights(3)})


def test_operators_have_the_names_of_onnx():
    for operator in OPERATORS:
        helper.make_node(operator, ["x"], ["y"])
        assert operator[0].isupper()
