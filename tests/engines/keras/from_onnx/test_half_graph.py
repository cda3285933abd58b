"""half_graph.py: graphs in half precision become the same graphs in float32; quantized ones are refused."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.half_precision import find_tolerance
from edgetl.engines.keras.from_onnx.half_graph import list_half_dtypes, widen_graph
from edgetl.engines.keras.from_onnx.source import open_graph
from tests.engines.keras.from_onnx.graphs import IMAGE, compare, make_graph, weights

CONSTANTS = {"w": weights(4, 3, 3, 3).astype(np.float16), "b": weights(4).astype(np.float16)}
CAST_TO_HALF = helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16)
CAST_BACK = helper.make_node("Cast", ["s"], ["y"], to=TensorProto.FLOAT)
BODY = (helper.make_node("Conv", ["h", "w", "b"], ["c"]), helper.make_node("Sigmoid", ["c"], ["s"]))


def make_half_input():
    """Return a graph that is of half precision from its input to its output."""
    model = make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["c"]), helper.make_node("Sigmoid", ["c"], ["y"])], CONSTANTS
    )
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model


@pytest.mark.parametrize("model", [make_graph([CAST_TO_HALF, *BODY, CAST_BACK], CONSTANTS), make_half_input()])
def test_graph_in_half_precision_is_built_in_float32(model):
    source = open_graph(model)
    assert source.half_dtypes == ("float16",)
    assert {tensor.data_type for tensor in source.graph.graph.initializer} <= {TensorProto.FLOAT, TensorProto.INT64}
    assert 0 < compare(source, IMAGE) <= find_tolerance(("float16",), 1, 1.0)


def test_original_graph_stays_as_it_is():
    model = make_half_input()
    before = model.SerializeToString()
    assert list_half_dtypes(widen_graph(model)) == ()
    assert model.SerializeToString() == before


def test_bfloat16_and_constants_in_nodes_are_found():
    value = helper.make_tensor("v", TensorProto.BFLOAT16, [1], [1.5])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=value),
        helper.make_node("Cast", ["c"], ["d"], to=TensorProto.FLOAT),
    ]
    model = make_graph([*nodes, helper.make_node("Add", ["x", "d"], ["y"])])
    assert list_half_dtypes(model) == ("bfloat16",)
    constant = widen_graph(model).graph.node[0].attribute[0].t
    assert constant.data_type == TensorProto.FLOAT and np.frombuffer(constant.raw_data, "<f4").tolist() == [1.5]


def test_graph_in_float32_has_no_half_dtypes():
    assert open_graph(make_graph([helper.make_node("Relu", ["x"], ["y"])])).half_dtypes == ()


@pytest.mark.parametrize("operator", ["QuantizeLinear", "DynamicQuantizeLinear", "ConvInteger"])
def test_quantized_graph_is_refused_with_what_to_give_instead(operator):
    node = helper.make_node(operator, ["x"], ["y"], name="q1")
    with pytest.raises(
        ConfigError, match=rf"was quantized already: it has the operator {operator} \(node 'q1'\)"
    ) as caught:
        open_graph(make_graph([node]))
    assert "float32 model" in caught.value.hint
