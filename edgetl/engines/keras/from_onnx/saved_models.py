"""A SavedModel folder of TensorFlow 2 → its serving signature as an ONNX graph.

A SavedModel contains a graph, and operators of TensorFlow can read and write files. So the operators that the signature
reaches are compared with a list before anything is loaded, and nothing of the graph runs at loading: objects that
initialise themselves, such as tables, are refused.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf2onnx
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tf2onnx import tf_loader

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular
from edgetl.engines.keras.external.model_kinds import SAVED_MODEL
from edgetl.engines.keras.from_onnx.source import SourceGraph, open_graph

_OPSET = 17
_SERVING = "serving_default"
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# Operators that compute, select or move numbers, and read the variables of the folder.
# fmt: off
_ALLOWED = _CALLS | frozenset({
    "Abs", "Add", "AddN", "AddV2", "ArgMax", "AvgPool", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "BiasAdd",
    "BroadcastTo", "Cast", "Ceil", "ClipByValue", "Concat", "ConcatV2", "Const", "Conv2D", "Conv2DBackpropInput",
    "DepthwiseConv2dNative", "DivNoNan", "Einsum", "Elu", "EnsureShape", "Equal", "Erf", "Erfc", "Exp", "ExpandDims",
    "Fill", "Floor", "FloorDiv", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "GatherV2", "Greater",
    "GreaterEqual", "Identity", "IdentityN", "IsFinite", "L2Loss", "LeakyRelu", "Less", "LessEqual", "Log",
    "LogSoftmax", "MatMul", "Max", "MaxPool", "MaxPoolV2", "Maximum", "Mean", "Min", "Minimum", "MirrorPad", "Mul",
    "Neg", "NoOp", "NotEqual", "OnesLike", "Pack", "Pad", "PadV2", "Placeholder", "PlaceholderWithDefault", "Pow",
    "Prod", "Range", "Rank",
    "ReadVariableOp", "RealDiv", "Reciprocal", "Relu", "Relu6", "Reshape", "ResizeBilinear", "ResizeNearestNeighbor",
    "ReverseV2", "Rsqrt", "Select", "SelectV2", "Selu", "Shape", "Sigmoid", "Sign", "Slice", "Softmax", "Softplus",
    "Softsign", "SpaceToBatchND", "BatchToSpaceND", "SpaceToDepth", "DepthToSpace", "Split", "SplitV", "Sqrt",
    "Square", "SquaredDifference", "Squeeze", "StopGradient", "StridedSlice", "Sub", "Sum", "Tanh", "Tile",
    "Transpose", "Unpack", "VarHandleOp", "Where", "ZerosLike",
})
# fmt: on
# Objects of a SavedModel that run functions of the graph, or read files, when it is loaded.
_ACTIVE_OBJECTS = ("resource", "asset")


def read_saved_model(folder: Path) -> SourceGraph:
    """Read the serving signature of a SavedModel.

    Raises:
        ConfigError: not a SavedModel of TensorFlow 2, no serving signature with one image input and one output, an
            operator that is not allowed, or a graph that cannot become ONNX.
    """
    graph = _parse(folder)
    name = _find_signature(graph)
    _check_operators(graph, name)
    try:
        loaded = tf.saved_model.load(str(folder), tags=["serve"])
        (argument,) = loaded.signatures[name].structured_input_signature[1]
        graph_def, inputs, outputs = tf_loader.from_saved_model(
            str(folder), None, None, tag=["serve"], signatures=[name]
        )
        model, _ = tf2onnx.convert.from_graph_def(graph_def, input_names=inputs, output_names=outputs, opset=_OPSET)
    # Damaged variables, and operators that tf2onnx does not know, raise any of these.
    except (tf.errors.OpError, ValueError, RuntimeError, KeyError, OSError, AttributeError) as error:
        raise ConfigError(
            f"the SavedModel could not be read: {first_line(error)}",
            hint="save the model with model.save('FILE.keras') if it was made with Keras",
        ) from error

    def predict(photos: np.ndarray) -> np.ndarray:
        # `loaded` owns the variables of the function, which would be deleted with it.
        function = loaded.signatures[name]
        outputs = [next(iter(function(**{argument: tf.constant(photo[None])}).values())) for photo in photos]
        return np.stack([np.ravel(output.numpy()) for output in outputs])

    return open_graph(model, predict)


def _parse(folder: Path) -> Any:
    """Parse saved_model.pb and return its graph for serving."""
    message = SavedModel()
    try:
        message.ParseFromString(read_regular(folder / SAVED_MODEL, LARGEST_MODEL_BYTES, follow_links=False))
    except DecodeError as error:
        raise ConfigError(f"{SAVED_MODEL} is damaged", hint="export the model again") from error
    graphs = [graph for graph in message.meta_graphs if "serve" in graph.meta_info_def.tags]
    if len(graphs) != 1 or not graphs[0].object_graph_def.nodes:
        raise ConfigError(
            "the SavedModel is not one of TensorFlow 2",
            hint="load it with the program that made it, and export it with model.export('FOLDER') of Keras 3",
        )
    for node in graphs[0].object_graph_def.nodes:
        kind = node.WhichOneof("kind")
        if kind in _ACTIVE_OBJECTS:
            raise ConfigError(
                f"the SavedModel contains a table or a file ({kind}), which would run when it is loaded",
                hint="export the network alone, without text or lookup layers",
            )
    return graphs[0]


def _find_signature(graph: Any) -> str:
    """Return the name of the serving signature."""
    names = sorted(name for name in graph.signature_def if not name.startswith("__"))
    name = _SERVING if _SERVING in names else names[0] if len(names) == 1 else ""
    if not name:
        raise ConfigError(
            f"the SavedModel has no signature {_SERVING}, but {', '.join(names) or 'none'}",
            hint="export the model with model.export('FOLDER')",
        )
    signature = graph.signature_def[name]
    if len(signature.inputs) != 1 or len(signature.outputs) != 1:
        raise ConfigError(
            f"the signature {name} has {len(signature.inputs)} inputs and {len(signature.outputs)} outputs, one of "
            "each is needed",
            hint="export the part that maps one photo to one row of scores",
        )
    return name


def _check_operators(graph: Any, signature: str) -> None:
    """Check the operators that a signature reaches, in the graph and in its functions."""
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    nodes = {node.name: node for node in graph.graph_def.node}
    outputs = [entry.name for entry in graph.signature_def[signature].outputs.values()]
    stack, seen = [nodes[name] for name in _list_ancestors(nodes, outputs)], set()
    while stack:
        node = stack.pop()
        if node.op not in _ALLOWED:
            raise ConfigError(
                f"the SavedModel has the operator {node.op} ({node.name}), which edgetl does not run from a file",
                hint="give the model as .keras or .h5 if it was made with Keras, or export the network alone, for "
                "inference",
            )
        called = node.attr["f"].func.name if node.op in _CALLS else ""
        if called and called not in seen:
            seen.add(called)
            if called not in functions:
                raise ConfigError(f"the SavedModel calls {called}, which it does not contain")
            stack += functions[called].node_def


def _list_ancestors(nodes: dict[str, Any], outputs: Iterable[str]) -> set[str]:
    """List the nodes that outputs depend on."""
    stack, seen = [name.partition(":")[0] for name in outputs], set()
    while stack:
        name = stack.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        stack += [source.lstrip("^").partition(":")[0] for source in nodes[name].input]
    return seen
