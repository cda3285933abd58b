"""missing_operators.py: operators that tf2onnx leaves in the graph are replaced by such that compute the same."""

import math

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgetl.engines.onnx import runtime
from edgetl.engines.onnx.missing_operators import replace_missing_operators

VALUES = np.array([[-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.5]], np.float32)
POSITIVE = np.abs(VALUES) + 0.5


def make_model(op_type, inputs):
    """A graph with the operator between two others, so that its output has a consumer."""
    names = [f"x{number}" for number in range(len(inputs))]
    nodes = [
        helper.make_node("Neg", [names[0]], ["negative"], name="before"),
        helper.make_node("Neg", ["negative"], ["first"], name="again"),
        helper.make_node(op_type, ["first", *names[1:]], ["value"], name="body/gelu/op"),
        helper.make_node("Abs", ["value"], ["size"], name="after"),
        helper.make_node("Sub", ["value", "size"], ["scores"], name="last"),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 7]) for name in names]
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 7])
    graph = helper.make_graph(nodes, "graph", values, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def xlogy(x, y):
    return np.where(x == 0, 0, x * np.log(y))


@pytest.mark.parametrize(
    ("op_type", "function", "inputs"),
    [
        ("Erfc", np.vectorize(math.erfc), [VALUES]),
        ("Expm1", np.expm1, [VALUES]),
        ("Log1p", np.log1p, [POSITIVE]),
        ("Inv", np.reciprocal, [POSITIVE]),
        ("Xlogy", xlogy, [VALUES, POSITIVE]),
        ("AccumulateNV2", lambda *values: sum(values), [VALUES, POSITIVE, VALUES]),
    ],
)
def test_the_replacement_computes_the_same(op_type, function, inputs):
    model = make_model(op_type, inputs)
    replace_missing_operators(model)
    assert op_type not in {node.op_type for node in model.graph.node}
    feed = {f"x{number}": value for number, value in enumerate(inputs)}
    (scores,) = runtime.open_unoptimized(model).run(None, feed)
    expected = function(*inputs)
    np.testing.assert_allclose(scores, expected - np.abs(expected), atol=2e-6)


def test_new_nodes_have_names_in_the_layer_of_the_old_one():
    model = make_model("Erfc", [VALUES])
    replace_missing_operators(model)
    names = [node.name for node in model.graph.node]
    assert [name for name in names if name.startswith("body/gelu/op/")] == ["body/gelu/op/Erf0", "body/gelu/op/Sub1"]


def test_an_operator_without_a_replacement_is_an_error_with_its_name():
    with pytest.raises(ValueError, match="ONNX has no operator Lgamma"):
        replace_missing_operators(make_model("Lgamma", [VALUES]))


def test_a_graph_of_onnx_operators_stays_as_it_is():
    model = make_model("Erf", [VALUES])
    before = model.SerializeToString()
    replace_missing_operators(model)
    assert model.SerializeToString() == before
