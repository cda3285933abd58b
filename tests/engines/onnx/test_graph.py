"""graph.py: equal graphs get equal bytes, and files that must not be opened are rejected before anything runs them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.core.errors import ConfigError, StageError
from edgetl.engines.onnx import graph

FLOAT = TensorProto.FLOAT


def make_model(prefix: str, *, shuffled: bool = False) -> onnx.ModelProto:
    """Make a graph of three operators, with an unused one; names begin with `prefix`, and the order may be another."""
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
    image, scores = (helper.make_tensor_value_info(name, FLOAT, [1, 2]) for name in ("in", "out"))
    content = helper.make_graph(nodes, f"{prefix}graph", [image], [scores], constants)
    return helper.make_model(content, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)])


def serialize(model):
    return model.SerializeToString(deterministic=True)


def test_a_canonical_graph_does_not_depend_on_names_and_order():
    canonical = graph.canonicalize(make_model("a"))
    assert serialize(graph.canonicalize(make_model("zz__17", shuffled=True))) == serialize(canonical)
    assert serialize(graph.canonicalize(canonical)) == serialize(canonical)


def test_a_canonical_graph_has_no_unused_parts_and_no_equal_constants():
    canonical = graph.canonicalize(make_model("a"))
    onnx.checker.check_model(canonical, full_check=True)
    assert [node.op_type for node in canonical.graph.node] == ["Add", "Mul", "Sub"]
    assert (canonical.graph.input[0].name, canonical.graph.output[0].name) == ("image", "scores")
    assert len(canonical.graph.initializer) == 1
    assert [opset.domain for opset in canonical.opset_import] == [""]


def test_a_graph_that_computes_something_else_has_other_bytes():
    swapped = make_model("a")
    swapped.graph.node[2].input[:] = reversed(swapped.graph.node[2].input)
    assert serialize(graph.canonicalize(swapped)) != serialize(graph.canonicalize(make_model("a")))


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
def test_nodes_are_named_after_their_keras_layer(name, label):
    assert graph._make_label(helper.make_node("Relu", ["a"], ["b"], name=name)) == label


def test_a_graph_inside_a_node_is_an_error():
    model = make_model("a")
    model.graph.node.append(helper.make_node("If", ["in"], ["x"], then_branch=model.graph, else_branch=model.graph))
    with pytest.raises(StageError, match="a graph inside a node"):
        graph.canonicalize(model)


def test_weights_in_external_files_are_not_opened(tmp_path):
    model = make_model("a")
    (tmp_path / "secret").write_bytes(bytes(8))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="its weights are in external files, which are not opened"):
        graph.read_model(tmp_path / "model.onnx")


def test_external_weights_inside_a_node_are_not_opened(tmp_path):
    model = make_model("a")
    node = helper.make_node("Constant", [], ["x"], value=numpy_helper.from_array(np.float32([1]), "c"))
    node.attribute[0].t.data_location = TensorProto.EXTERNAL
    inner = helper.make_graph([node], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["in"], ["y"], then_branch=inner, else_branch=inner))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="external files"):
        graph.read_model(tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"no model", b"\xff" * 40])
def test_a_file_of_another_kind_is_an_error(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    # Some bytes are a valid protobuf message without a graph.
    with pytest.raises(ConfigError, match=r"not an ONNX file|0 inputs and 0 outputs, one of each is needed"):
        graph.read_model(tmp_path / "model.onnx")


def test_a_file_too_large_for_protobuf_is_not_read(tmp_path):
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(ConfigError, match="too large for an ONNX file"):
        graph.read_model(tmp_path / "model.onnx")


def test_a_model_with_two_outputs_is_an_error(tmp_path):
    model = make_model("a")
    model.graph.output.append(helper.make_tensor_value_info("aleft", FLOAT, [1, 2]))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match="the model has 1 inputs and 2 outputs, one of each is needed"):
        graph.read_model(tmp_path / "model.onnx")


def test_the_input_preprocessing_ends_before_the_first_convolution():
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], name="cast", to=FLOAT),
        helper.make_node("Mul", ["floats", "w"], ["scaled"], name="mul"),
        helper.make_node("Conv", ["scaled", "w"], ["scores"], name="conv"),
    ]
    image, scores = (helper.make_tensor_value_info(name, FLOAT, [1, 1, 2, 2]) for name in ("image", "scores"))
    weights = numpy_helper.from_array(np.ones((4, 1, 1, 1), np.float32), "w")
    model = helper.make_model(helper.make_graph(nodes, "g", [image], [scores], [weights]))
    assert graph.find_input_preprocessing(model) == (["cast", "mul"], "scaled")
    assert graph.find_weight_axes(model) == {"w": 0}


@pytest.mark.parametrize(
    ("operator", "attributes", "axis"), [("MatMul", {}, 1), ("Gemm", {}, 1), ("Gemm", {"transB": 1}, 0)]
)
def test_the_channel_axis_of_a_matrix_product_depends_on_its_transposition(operator, attributes, axis):
    node = helper.make_node(operator, ["a", "b"], ["c"], **attributes)
    assert graph.find_channel_axis(node, 2) == axis


def test_a_layer_is_an_operator_with_its_fused_activations():
    nodes = [
        # The input scaling belongs to no layer.
        helper.make_node("Cast", ["image"], ["cast"], name="cast", to=FLOAT),
        helper.make_node("Conv", ["cast", "w"], ["conv"], name="conv"),
        helper.make_node("Clip", ["conv", "low", "high"], ["clip"], name="clip"),
        helper.make_node("Relu", ["clip"], ["relu"], name="relu"),
        helper.make_node("Add", ["relu", "relu"], ["add"], name="add"),
        helper.make_node("Relu", ["add"], ["scores"], name="last"),
    ]
    model = helper.make_model(helper.make_graph(nodes, "g", [], []))
    assert [[node.name for node in layer] for layer in graph.iterate_layers(model)] == [
        ["conv", "clip", "relu"],
        ["add", "last"],
    ]


def test_a_tensor_is_constant_if_it_depends_on_constants_only():
    nodes = [
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Clip", ["b", "", "a"], ["c"]),
        helper.make_node("Add", ["in", "c"], ["out"]),
    ]
    image, scores = (helper.make_tensor_value_info(name, FLOAT, [1, 2]) for name in ("in", "out"))
    content = helper.make_graph(nodes, "graph", [image], [scores], [numpy_helper.from_array(np.float32(1), "a")])
    assert graph.find_constants(helper.make_model(content)) == {"", "a", "b", "c"}


def test_constants_are_found_in_a_graph_that_is_deeper_than_the_stack_of_python():
    nodes = [helper.make_node("Neg", [f"t{number}"], [f"t{number + 1}"]) for number in range(5000)]
    image, scores = (helper.make_tensor_value_info(name, FLOAT, [1, 2]) for name in ("t0", "t5000"))
    assert graph.find_constants(helper.make_model(helper.make_graph(nodes, "graph", [image], [scores]))) == {""}


def test_a_replaced_constant_is_the_output_of_a_node():
    model = make_model("a")
    values = numpy_helper.from_array(np.float16([1, 2]), "aa/float16")
    graph.replace_initializer(model, "aa", [values], helper.make_node("Cast", ["aa/float16"], ["aa"], to=FLOAT))
    assert set(graph.map_initializers(model)) == {"aa/float16", "ab", "astray"}
    assert graph.map_producers(model)["aa"].op_type == "Cast"
    assert [node.op_type for node in graph.map_consumers(model)["in"]] == ["Add", "Mul"]
