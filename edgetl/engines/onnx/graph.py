"""An .onnx file ↔ a graph in memory that says the same thing in the same bytes, whatever made it.

Converters count names up within a process and order nodes as they come; `canonical` orders and names everything by the
graph alone, so that two conversions of one model are byte for byte the same file.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from edgetl.core.errors import ConfigError, StageError
from edgetl.engines.keras.saved_model import INPUT, OUTPUT

# protobuf reads no larger message.
_MODEL_BYTES_LIMIT = 2**31 - 1
# The operators that have weights to be rounded, one scale for each output channel.
WEIGHTED_OPS = ("Conv", "MatMul", "Gemm")
# They merge with the operator before them.
FUSED_ACTIVATIONS = ("Relu", "Clip")
# They compute nothing: behind a layer in float, onnxruntime's quantizer leaves them float.
PASSTHROUGH_OPS = ("Reshape", "Squeeze", "Unsqueeze", "Transpose", "MaxPool", "Pad", "Slice")
# After the last weights everything may be float again: a softmax in 256 steps would tell confidences apart no more.
FINAL_OPS = ("Softmax", "Sigmoid")
_BORDER = ("Cast", "Mul", "Add", "Sub", "Div", "Transpose")
# TensorFlow's names: the call, the model, the layer, then what is inside the layer.
_LAYER = re.compile(r"^StatefulPartitionedCall/[^/]+/(?P<layer>[^/:]+?)(_\d+)?/")


def read_model(path: Path) -> ModelProto:
    """The model in a file.

    Raises:
        ConfigError: no ONNX file, too large, weights in files beside it, or not one input and one output.
    """
    if path.stat().st_size > _MODEL_BYTES_LIMIT:
        raise ConfigError("too large for an ONNX file", where=(path,))
    try:
        model = onnx.load_model(path, load_external_data=False)
    except DecodeError as error:
        raise ConfigError("not an ONNX file", where=(path,)) from error
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in _tensors(model.graph)):
        raise ConfigError(
            "its weights lie in files beside it, which are not opened",
            where=(path,),
            hint="save the model with its weights in one file",
        )
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = [given.name for given in model.graph.input if given.name not in held]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        count = f"{len(inputs)} inputs and {len(model.graph.output)} outputs"
        raise ConfigError(f"{count}, one of each is needed", where=(path,))
    return model


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Every tensor with values in a graph, those in nodes and in graphs inside nodes too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def map_initializers(model: ModelProto) -> dict[str, TensorProto]:
    """The constants of a graph by name."""
    return {tensor.name: tensor for tensor in model.graph.initializer}


def to_array(tensor: TensorProto) -> np.ndarray:
    """The values of a constant."""
    return np.asarray(numpy_helper.to_array(tensor))


def map_producers(model: ModelProto) -> dict[str, NodeProto]:
    """Tensor → the node that makes it."""
    return {name: node for node in model.graph.node for name in node.output if name}


def map_consumers(model: ModelProto) -> dict[str, list[NodeProto]]:
    """Tensor → the nodes that take it, in order."""
    found: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in dict.fromkeys(node.input):
            found.setdefault(name, []).append(node)
    return found


def replace_initializer(model: ModelProto, name: str, values: Iterable[TensorProto], node: NodeProto) -> None:
    """Put `node`, which makes the tensor `name` out of `values`, in the place of the constant of that name."""
    # In place: protobuf frees nothing that is taken out of a message, so to put the others back would keep them twice.
    place = next(index for index, tensor in enumerate(model.graph.initializer) if tensor.name == name)
    del model.graph.initializer[place]
    model.graph.initializer.extend(values)
    model.graph.node.insert(0, node)


def find_weight_axes(model: ModelProto) -> dict[str, int]:
    """The constant weights of convolutions and matrix products, each with the axis of its output channels."""
    constants = map_initializers(model)
    return {
        node.input[1]: find_channel_axis(node, len(constants[node.input[1]].dims))
        for node in model.graph.node
        if node.op_type in WEIGHTED_OPS and node.input[1] in constants
    }


def find_channel_axis(node: NodeProto, dimensions: int) -> int:
    """The axis of the output channels in the weights of a convolution or a matrix product."""
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else dimensions - 1


def find_input_preprocessing(model: ModelProto) -> tuple[list[str], str]:
    """What scales the pixels before anything is quantized: the nodes' names, and the tensor they end in."""
    read_by = map_consumers(model)
    name, passed = INPUT, list[str]()
    while len(read_by[name]) == 1 and read_by[name][0].op_type in _BORDER:
        (node,) = read_by[name]
        passed.append(node.name)
        name = node.output[0]
    return passed, name


def iterate_layers(model: ModelProto) -> Iterator[tuple[NodeProto, ...]]:
    """Each operator of a float graph with the activations that merge with it; not the pixels' scaling."""
    read_by, scaling = map_consumers(model), set(find_input_preprocessing(model)[0])
    for node in model.graph.node:
        if node.name in scaling or node.op_type in FUSED_ACTIVATIONS:
            continue
        layer = [node]
        while len(takers := read_by.get(layer[-1].output[0], [])) == 1 and takers[0].op_type in FUSED_ACTIVATIONS:
            layer.append(takers[0])
        yield tuple(layer)


def canonicalize(model: ModelProto) -> ModelProto:
    """The same graph in an order and under names that depend on nothing but the graph; unused parts are gone.

    Raises:
        StageError: a graph inside a node, which no classifier has needed so far.
    """
    if any(attribute.HasField("g") or attribute.graphs for node in model.graph.node for attribute in node.attribute):
        raise StageError("the ONNX graph holds a graph inside a node")
    nodes, constants = _ordered(model), map_initializers(model)
    graph = onnx.GraphProto(name="classifier")
    graph.input.add().CopyFrom(model.graph.input[0])
    graph.output.add().CopyFrom(model.graph.output[0])
    graph.input[0].name, graph.output[0].name = INPUT, OUTPUT
    names = {"": "", model.graph.input[0].name: INPUT}
    taken: set[str] = {INPUT, OUTPUT}
    by_content: dict[tuple[object, ...], str] = {}
    for old in nodes:
        node = graph.node.add()
        node.CopyFrom(old)
        node.name = _free(_label(old), taken)
        for place, name in enumerate(old.input):
            if name in constants and name not in names:
                names[name] = _constant(graph, constants[name], f"{node.name}/{place}", by_content)
        node.input[:] = [names[name] for name in old.input]
        for place, name in enumerate(old.output):
            whole = OUTPUT if name == model.graph.output[0].name else f"{node.name}:{place}"
            names[name] = whole if name else ""
        node.output[:] = [names[name] for name in old.output]
        node.doc_string = ""
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    made = ModelProto(ir_version=model.ir_version, graph=graph)
    used = {node.domain for node in graph.node} | {""}
    made.opset_import.extend(
        sorted((opset for opset in model.opset_import if opset.domain in used), key=lambda opset: opset.domain)
    )
    return made


def _constant(graph: onnx.GraphProto, tensor: TensorProto, name: str, by_content: dict[tuple[object, ...], str]) -> str:
    """Take a constant over unless an equal one is there; its name in the new graph."""
    values = to_array(tensor)
    content = (tensor.data_type, values.shape, values.tobytes())
    if content not in by_content:
        by_content[content] = name
        graph.initializer.append(numpy_helper.from_array(values, name))
    return by_content[content]


def _ordered(model: ModelProto) -> list[NodeProto]:
    """The nodes that the output needs, each after what it needs, its inputs from left to right."""
    made_by = map_producers(model)
    done: dict[int, NodeProto] = {}
    waiting = [(made_by[model.graph.output[0].name], False)]
    while waiting:
        node, ready = waiting.pop()
        if id(node) in done:
            continue
        if ready:
            done[id(node)] = node
            continue
        waiting.append((node, True))
        waiting += [(made_by[name], False) for name in reversed(node.input) if name in made_by]
    return list(done.values())


def _label(node: NodeProto) -> str:
    """The Keras layer a node comes from, as far as names still tell, and its operator."""
    for name in (node.name, *node.input[1:]):
        match = _LAYER.match(name)
        if match is not None:
            return f"{match['layer']}/{node.op_type}"
    known = node.name.partition("/")
    return node.name.rpartition("#")[0] or node.name if known[1] and known[2].startswith(node.op_type) else node.op_type


def _free(wanted: str, taken: set[str]) -> str:
    name = wanted
    count = 1
    while name in taken:
        count += 1
        name = f"{wanted}#{count}"
    taken.add(name)
    return name
