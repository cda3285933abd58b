"""onnx_graph: one graph, one file; and what a file must not do is refused before anything runs it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.core.errors import ConfigError, StageError
from edgetl.engines.onnx import graph as onnx_graph

FLOAT = TensorProto.FLOAT


def graph(prefix: str, shuffled: bool = False) -> onnx.ModelProto:
    """image → two sums of one constant each → scores; `prefix` and order say nothing about what it computes."""
    nodes = [
        helper.make_node("Add", ["in", f"{prefix}a"], [f"{prefix}left"], name=f"{prefix}1"),
        helper.make_node("Mul", ["in", f"{prefix}b"], [f"{prefix}right"], name=f"{prefix}2"),
        helper.make_node("Sub", [f"{prefix}left", f"{prefix}right"], ["out"], name=f"{prefix}3"),
        helper.make_node("Neg", [f"{prefix}right"], [f"{prefix}unused"], name=f"{prefix}4"),
    ]
    constants = [numpy_helper.from_array(np.float32([1, 2]), f"{prefix}{name}") for name in "ab"]
    constants.append(numpy_helper.from_array(np.float32([9]), f"{prefix}stray"))
    if shuffled:
        nodes = [nodes[1], nodes[3], nodes[0], nodes[2]]
        constants.reverse()
    ends = [helper.make_tensor_value_info(name, FLOAT, [1, 2]) for name in ("in", "out")]
    made = helper.make_graph(nodes, f"{prefix}graph", ends[:1], ends[1:], constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)])


def test_one_graph_has_one_form_whatever_its_names_and_order():
    first, other = onnx_graph.canonicalize(graph("a")), onnx_graph.canonicalize(graph("zz__17", shuffled=True))
    assert first.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
    assert [node.op_type for node in first.graph.node] == ["Add", "Mul", "Sub"], "what nothing needs is gone"
    assert (first.graph.input[0].name, first.graph.output[0].name) == ("image", "scores")
    assert len(first.graph.initializer) == 1, "equal constants are one"
    assert [opset.domain for opset in first.opset_import] == [""]
    again = onnx_graph.canonicalize(first)
    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
    onnx.checker.check_model(first, full_check=True)


def test_another_graph_has_another_form():
    other = graph("a")
    other.graph.node[2].input[:] = reversed(other.graph.node[2].input)
    one, two = (onnx_graph.canonicalize(model).SerializeToString() for model in (graph("a"), other))
    assert one != two


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("StatefulPartitionedCall/classifier_1/block_1_expand_1/convolution", "block_1_expand/Relu"),
        ("StatefulPartitionedCall/classifier_1/scores_1/MatMul", "scores/Relu"),
        ("Conv__235", "Relu"),
        ("block_1/Relu", "block_1/Relu"),
        ("block_1/Relu#2", "block_1/Relu"),
    ],
)
def test_nodes_are_called_after_their_layer(name, label):
    assert onnx_graph._label(helper.make_node("Relu", ["a"], ["b"], name=name)) == label


def test_a_graph_inside_a_node():
    model = graph("a")
    model.graph.node.append(helper.make_node("If", ["in"], ["x"], then_branch=model.graph, else_branch=model.graph))
    with pytest.raises(StageError, match="a graph inside a node"):
        onnx_graph.canonicalize(model)


def test_weights_beside_the_file_are_not_opened(tmp_path):
    model = graph("a")
    (tmp_path / "secret").write_bytes(bytes(8))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="beside it, which are not opened"):
        onnx_graph.read_model(tmp_path / "model.onnx")


def test_weights_beside_the_file_are_seen_inside_nodes_too(tmp_path):
    model = graph("a")
    node = helper.make_node("Constant", [], ["x"], value=numpy_helper.from_array(np.float32([1]), "c"))
    node.attribute[0].t.data_location = TensorProto.EXTERNAL
    inner = helper.make_graph([node], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["in"], ["y"], then_branch=inner, else_branch=inner))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="beside it"):
        onnx_graph.read_model(tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"no model", b"\xff" * 40])
def test_what_is_no_onnx_file(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ConfigError, match=r"not an ONNX file|one of each is needed"):
        onnx_graph.read_model(tmp_path / "model.onnx")


def test_two_outputs(tmp_path):
    model = graph("a")
    model.graph.output.append(helper.make_tensor_value_info("aleft", FLOAT, [1, 2]))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="1 inputs and 2 outputs"):
        onnx_graph.read_model(tmp_path / "model.onnx")


def test_the_border_is_what_only_scales(tmp_path):
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], name="cast", to=FLOAT),
        helper.make_node("Mul", ["floats", "w"], ["scaled"], name="mul"),
        helper.make_node("Conv", ["scaled", "w"], ["scores"], name="conv"),
    ]
    ends = [helper.make_tensor_value_info(name, FLOAT, [1, 1, 2, 2]) for name in ("image", "scores")]
    weights = numpy_helper.from_array(np.ones((4, 1, 1, 1), np.float32), "w")
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights]))
    assert onnx_graph.find_input_preprocessing(model) == (["cast", "mul"], "scaled")
    assert onnx_graph.find_weight_axes(model) == {"w": 0}


@pytest.mark.parametrize(
    ("kind", "attributes", "axis"), [("MatMul", {}, 1), ("Gemm", {}, 1), ("Gemm", {"transB": 1}, 0)]
)
def test_where_the_channels_of_a_product_are(kind, attributes, axis):
    assert onnx_graph.find_channel_axis(helper.make_node(kind, ["a", "b"], ["c"], **attributes), 2) == axis


def test_layers_are_operators_with_what_merges_with_them():
    """And the pixels' scaling is none."""
    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], name="cast", to=FLOAT),
        helper.make_node("Conv", ["cast", "w"], ["conv"], name="conv"),
        helper.make_node("Clip", ["conv", "low", "high"], ["clip"], name="clip"),
        helper.make_node("Relu", ["clip"], ["relu"], name="relu"),
        helper.make_node("Add", ["relu", "relu"], ["add"], name="add"),
        helper.make_node("Relu", ["add"], ["scores"], name="last"),
    ]
    model = helper.make_model(helper.make_graph(nodes, "g", [], []))
    assert [[node.name for node in layer] for layer in onnx_graph.iterate_layers(model)] == [
        ["conv", "clip", "relu"],
        ["add", "last"],
    ]
