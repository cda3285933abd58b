"""Reads .onnx files, finds nodes and constants in a graph, and brings equal graphs into the same form.

Converters number names throughout a process and write nodes in any order. `canonicalize` derives order and names from
the graph alone, so that two conversions of a model give the same bytes.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.model_file import FEATURES, INPUT, OUTPUT

# protobuf cannot read a larger message.
_MODEL_BYTES_LIMIT = 2**31 - 1
# Operators whose weights are quantized, with one scale for each output channel.
WEIGHTED_OPS = ("Conv", "MatMul", "Gemm")
# Activations that runtimes fuse with the operator before them.
FUSED_ACTIVATIONS = ("Relu", "Clip")
# Operators that select or move values. Behind a float layer, onnxruntime's quantizer leaves them in float.
PASSTHROUGH_OPS = ("Reshape", "Squeeze", "Unsqueeze", "Transpose", "MaxPool", "Pad", "Slice", "Split", "Gather")
# Operators that stay in float at the end of a network: 256 levels are too coarse for probabilities.
FINAL_OPS = ("Softmax", "Sigmoid")
_PREPROCESSING_OPS = ("Cast", "Mul", "Add", "Sub", "Div", "Transpose")
# Names from TensorFlow consist of the call, the model, the layer, and operators inside the layer.
_LAYER = re.compile(r"^StatefulPartitionedCall/[^/]+/(?P<layer>[^/:]+?)(_\d+)?/")
# A model made elsewhere is a model "body" inside the model. Its layers can be models again, so all scopes are kept.
_INNER_LAYER = re.compile(r"^StatefulPartitionedCall/[^/]+/body(_\d+)?/(?P<scopes>[^:]+)/[^/:]+")
_INNER = "body"


def read_model(path: Path) -> ModelProto:
    """Read a model with one input and one output, or with features as its second output.

    Raises:
        ConfigError: not an ONNX file, too large, weights in external files, or more inputs or outputs.
    """
    if path.stat().st_size > _MODEL_BYTES_LIMIT:
        raise ConfigError("too large for an ONNX file", where=(path,))
    try:
        model = onnx.load_model(path, load_external_data=False)
    except DecodeError as error:
        raise ConfigError("not an ONNX file", where=(path,)) from error
    # A file from elsewhere could name any file of this host as its weights.
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in _iterate_constants(model.graph)):
        raise ConfigError(
            "its weights are in external files, which are not opened",
            where=(path,),
            hint="save the model with its weights in one file",
        )
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    # The second output is that of `features`.
    if len(inputs) != 1 or [output.name for output in model.graph.output][1:] not in ([], [FEATURES]):
        count = f"{len(inputs)} inputs and {len(model.graph.output)} outputs"
        raise ConfigError(f"the model has {count}, one of each is needed", where=(path,))
    return model


def _iterate_constants(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Yield all constants of a graph, including those in attributes of nodes and in graphs inside nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _iterate_constants(inner)


def map_initializers(model: ModelProto) -> dict[str, TensorProto]:
    """Map the names of the constants to the constants."""
    return {tensor.name: tensor for tensor in model.graph.initializer}


def to_array(tensor: TensorProto) -> np.ndarray:
    """Return the values of a constant."""
    return np.asarray(numpy_helper.to_array(tensor))


def map_producers(model: ModelProto) -> dict[str, NodeProto]:
    """Map the name of every tensor to the node that produces it."""
    return {name: node for node in model.graph.node for name in node.output if name}


def map_consumers(model: ModelProto) -> dict[str, list[NodeProto]]:
    """Map the name of every tensor to the nodes that consume it, in their order in the graph."""
    consumers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in dict.fromkeys(node.input):
            consumers.setdefault(name, []).append(node)
    return consumers


def find_constants(model: ModelProto) -> set[str]:
    """Find the tensors that do not depend on the input; with the empty name of an optional input that is absent.

    Args:
        model: its nodes are in an order that ONNX permits: every producer comes before its consumers.
    """
    constants = {"", *map_initializers(model)}
    for node in model.graph.node:
        if constants.issuperset(node.input):
            constants.update(node.output)
    return constants


def replace_initializer(model: ModelProto, name: str, values: Iterable[TensorProto], node: NodeProto) -> None:
    """Replace a constant by a node that produces the tensor of the same name from other constants.

    Args:
        model: is changed.
        name: the constant.
        values: the constants that `node` consumes.
        node: its output is `name`.
    """
    # Without a new list: protobuf does not free the memory of removed messages, so all weights would be there twice.
    place = next(index for index, tensor in enumerate(model.graph.initializer) if tensor.name == name)
    del model.graph.initializer[place]
    model.graph.initializer.extend(values)
    model.graph.node.insert(0, node)


def find_weight_axes(model: ModelProto) -> dict[str, int]:
    """Map the constant weights of convolutions and matrix products to the axis of their output channels."""
    constants = map_initializers(model)
    return {
        node.input[1]: find_channel_axis(node, len(constants[node.input[1]].dims))
        for node in model.graph.node
        if node.op_type in WEIGHTED_OPS and node.input[1] in constants
    }


def find_channel_axis(node: NodeProto, dimensions: int) -> int:
    """Find the axis of the output channels in the weights of a convolution or matrix product."""
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else dimensions - 1


def find_input_preprocessing(model: ModelProto) -> tuple[list[str], str]:
    """Find the input scaling: the operators that only cast, scale or transpose the image.

    Returns:
        The names of its nodes, and its output tensor: the scaled pixels.
    """
    consumers = map_consumers(model)
    tensor, nodes = INPUT, list[str]()
    while len(consumers[tensor]) == 1 and consumers[tensor][0].op_type in _PREPROCESSING_OPS:
        (node,) = consumers[tensor]
        nodes.append(node.name)
        tensor = node.output[0]
    return nodes, tensor


def iterate_layers(model: ModelProto) -> Iterator[tuple[NodeProto, ...]]:
    """Yield each operator of a float graph with the activations that are fused with it, without the input scaling."""
    consumers, scaling = map_consumers(model), set(find_input_preprocessing(model)[0])
    for node in model.graph.node:
        if node.name in scaling or node.op_type in FUSED_ACTIVATIONS:
            continue
        layer = [node]
        while (
            len(following := consumers.get(layer[-1].output[0], [])) == 1 and following[0].op_type in FUSED_ACTIVATIONS
        ):
            layer.append(following[0])
        yield tuple(layer)


def canonicalize(model: ModelProto) -> ModelProto:
    """Return the graph with nodes and constants in canonical order, with canonical names, and without unused parts.

    Equal constants become one.

    Raises:
        StageError: a node contains a graph, as in If and Loop.
    """
    for node in model.graph.node:
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise StageError(f"the ONNX graph contains a graph inside a node: {node.op_type}")
    nodes, constants = _sort_nodes(model), map_initializers(model)
    graph = onnx.GraphProto(name="classifier")
    graph.input.add().CopyFrom(model.graph.input[0])
    graph.output.add().CopyFrom(model.graph.output[0])
    graph.input[0].name, graph.output[0].name = INPUT, OUTPUT
    # Tensor → canonical name. The empty name is an optional input that is absent.
    names = {"": "", model.graph.input[0].name: INPUT}
    used_names: set[str] = {INPUT, OUTPUT}
    by_content: dict[tuple[object, ...], str] = {}
    for old in nodes:
        node = graph.node.add()
        node.CopyFrom(old)
        node.name = _make_unique(_make_label(old), used_names)
        for place, name in enumerate(old.input):
            if name in constants and name not in names:
                names[name] = _copy_constant(graph, constants[name], f"{node.name}/{place}", by_content)
        node.input[:] = [names[name] for name in old.input]
        for place, name in enumerate(old.output):
            new_name = OUTPUT if name == model.graph.output[0].name else f"{node.name}:{place}"
            names[name] = new_name if name else ""
        node.output[:] = [names[name] for name in old.output]
        node.doc_string = ""
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    canonical = ModelProto(ir_version=model.ir_version, graph=graph)
    domains = {node.domain for node in graph.node} | {""}
    canonical.opset_import.extend(
        sorted((opset for opset in model.opset_import if opset.domain in domains), key=lambda opset: opset.domain)
    )
    return canonical


def _copy_constant(
    graph: onnx.GraphProto, tensor: TensorProto, name: str, by_content: dict[tuple[object, ...], str]
) -> str:
    """Copy a constant into a graph that does not have an equal one; return the name of the copy or the equal one."""
    values = to_array(tensor)
    content = (tensor.data_type, values.shape, values.tobytes())
    if content not in by_content:
        by_content[content] = name
        graph.initializer.append(numpy_helper.from_array(values, name))
    return by_content[content]


def _sort_nodes(model: ModelProto) -> list[NodeProto]:
    """List the nodes that the output depends on, in depth-first order: producers first, inputs from left to right.

    The stack replaces recursion, which would be too deep for Python in networks with hundreds of layers.
    """
    producers = map_producers(model)
    nodes: dict[int, NodeProto] = {}
    stack = [(producers[model.graph.output[0].name], False)]
    while stack:
        node, has_producers_listed = stack.pop()
        if id(node) in nodes:
            continue
        if has_producers_listed:
            nodes[id(node)] = node
            continue
        stack.append((node, True))
        stack += [(producers[name], False) for name in reversed(node.input) if name in producers]
    return list(nodes.values())


def _make_label(node: NodeProto) -> str:
    """Return layer/operator with the name of the Keras layer, or the operator alone if the layer is unknown."""
    # Nodes that tf2onnx makes have names of its own, but their constants are still named after the layer.
    for name in (node.name, *node.input[1:]):
        inner, match = _INNER_LAYER.match(name), _LAYER.match(name)
        if inner is not None:
            return f"{_INNER}/{inner['scopes']}/{node.op_type}"
        if match is not None:
            return f"{match['layer']}/{node.op_type}"
    # A name from an earlier call stays, without its number.
    is_inner = node.name.startswith(f"{_INNER}/")
    _, slash, rest = node.name.rpartition("/") if is_inner else node.name.partition("/")
    if slash and rest.startswith(node.op_type):
        return node.name.rpartition("#")[0] or node.name
    return node.op_type


def _make_unique(label: str, used_names: set[str]) -> str:
    name = label
    count = 1
    while name in used_names:
        count += 1
        name = f"{label}#{count}"
    used_names.add(name)
    return name
