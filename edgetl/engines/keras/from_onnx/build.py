"""A simplified ONNX graph → a Keras model of stock layers with the same weights."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.from_onnx import convolutions, elementwise, selections, shapes
from edgetl.engines.keras.from_onnx.values import (
    GraphTensor,
    GraphValue,
    OperatorCall,
    UnknownOperatorError,
    with_graph_axes,
)

_DTYPES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.UINT8: "uint8",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
}
_CHANNELS = (1, 3)


def _multiply(call: OperatorCall) -> GraphValue:
    constant = len(call.inputs) > 1 and isinstance(call.inputs[1], np.ndarray)
    return convolutions.make_dense(call) if constant else shapes.make_product(call)


OPERATORS: Mapping[str, Callable[[OperatorCall], GraphValue | list[GraphValue]]] = {
    **dict.fromkeys(("Identity", "Dropout", "Cast"), shapes.pass_on),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Max", "Min"), elementwise.combine),
    **dict.fromkeys(("Relu", "LeakyRelu", "Elu"), elementwise.make_relu),
    **dict.fromkeys(elementwise.ACTIVATIONS, elementwise.make_activation),
    **dict.fromkeys(elementwise.FUNCTIONS, elementwise.make_function),
    **dict.fromkeys(("Softmax", "LogSoftmax"), elementwise.make_softmax),
    **dict.fromkeys(("Squeeze", "Unsqueeze"), shapes.make_squeeze),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"), shapes.reduce_tensor),
    **dict.fromkeys(("Resize", "Upsample"), selections.resize_image),
    "AveragePool": convolutions.make_average_pooling,
    "BatchNormalization": convolutions.make_batch_normalization,
    "Clip": elementwise.make_clip,
    "Concat": shapes.make_concatenation,
    "Conv": convolutions.make_convolution,
    "ConvTranspose": convolutions.make_transposed_convolution,
    "Flatten": shapes.make_flatten,
    "Gather": selections.gather_values,
    "Gelu": elementwise.make_gelu,
    "Gemm": convolutions.make_dense,
    "GlobalAveragePool": convolutions.make_global_average,
    "GlobalMaxPool": convolutions.make_global_maximum,
    "HardSigmoid": elementwise.make_hard_sigmoid,
    "LayerNormalization": convolutions.make_layer_normalization,
    "MatMul": _multiply,
    "MaxPool": convolutions.make_max_pooling,
    "PRelu": elementwise.make_prelu,
    "Pad": convolutions.make_padding,
    "Pow": elementwise.make_power,
    "Reshape": shapes.make_reshape,
    "Slice": selections.slice_tensor,
    "Split": selections.split_graph_tensor,
    "Transpose": shapes.make_transpose,
}


def build_model(graph_model: ModelProto, photos: int) -> keras.Model:
    """Build the Keras model of a graph with one input and one output.

    Args:
        graph_model: simplified by `source.simplify`.
        photos: number of photos that the shapes in the graph are written for.

    Raises:
        ConfigError: an operator for which there is no layer; it names the operator and the node.
    """
    graph = graph_model.graph
    values: dict[str, GraphValue | None] = {"": None}
    values |= {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    (entry,) = [value for value in graph.input if value.name not in values]
    image, values[entry.name] = _make_input(entry)
    for number, node in enumerate(graph.node):
        if node.op_type == "Constant":
            values[node.output[0]] = _read_constant(node)
            continue
        try:
            outputs = _convert_node(node, number, values, photos)
        except UnknownOperatorError as error:
            raise ConfigError(
                f"the network has an operator that edgetl cannot take over: {error} (node {node.name or number!r})",
                hint="give the network as a .keras file, or without this operator",
            ) from error
        values.update(zip(node.output, outputs if isinstance(outputs, list) else [outputs], strict=False))
    output = values[graph.output[0].name]
    if not isinstance(output, GraphTensor):
        raise ConfigError("the output of the network does not depend on the photo")
    return keras.Model(image, with_graph_axes(output), name="network")


def _convert_node(node: onnx.NodeProto, number: int, values: Mapping[str, GraphValue | None], photos: int) -> Any:
    if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
        raise UnknownOperatorError(f"{node.domain}.{node.op_type}".lstrip("."))
    call = OperatorCall(
        operator=node.op_type,
        # The names of nodes may have any characters, and occur twice.
        name=f"{node.op_type.lower()}_{number}",
        inputs=[values[name] for name in node.input],
        attributes={entry.name: _read_attribute(entry) for entry in node.attribute},
        photos=photos,
        outputs=list(node.output),
    )
    return OPERATORS[node.op_type](call)


def _make_input(entry: onnx.ValueInfoProto) -> tuple[Any, GraphTensor]:
    """Make the input. An image with its channels in front of its rows is given with its channels last."""
    shape = [dimension.dim_value for dimension in entry.type.tensor_type.shape.dim]
    dtype = _DTYPES.get(int(entry.type.tensor_type.elem_type))
    if dtype is None:
        name = TensorProto.DataType.Name(entry.type.tensor_type.elem_type).lower()
        raise ConfigError(
            f"the model's input is {name}", hint="export the model with a float32 or uint8 input, and give that file"
        )
    if len(shape) == 4 and shape[1] in _CHANNELS and shape[3] not in _CHANNELS:
        image = keras.Input((*shape[2:], shape[1]), dtype=dtype, name="image")
        return image, GraphTensor(image, True)
    image = keras.Input(shape[1:], dtype=dtype, name="image")
    return image, GraphTensor(image)


def _read_attribute(entry: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(entry)
    return value.decode() if isinstance(value, bytes) else value


def _read_constant(node: onnx.NodeProto) -> np.ndarray:
    value = helper.get_attribute_value(node.attribute[0])
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.array(value)
