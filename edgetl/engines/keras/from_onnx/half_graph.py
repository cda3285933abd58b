"""Graphs that compute in half precision → the same graph in float32."""

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, numpy_helper

from edgetl.core.errors import ConfigError

# Types of ONNX → the names that Keras has for them.
_HALF = {TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16"}
# Operators of a graph whose weights or activations are integers already.
_QUANTIZED = frozenset(
    {
        *("ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv"),
        *("QLinearMatMul", "QuantizeLinear", "QAttention", "QGemm", "QLinearAdd", "QLinearGlobalAveragePool"),
    }
)


def check_not_quantized(model: ModelProto) -> None:
    """Refuse a graph that was quantized.

    Raises:
        ConfigError: names the operator and its node.
    """
    for node in model.graph.node:
        if node.op_type in _QUANTIZED:
            raise ConfigError(
                f"the network was quantized already: it has the operator {node.op_type} (node {node.name!r})",
                hint="give the float32 model that it was made from: edgetl quantizes it for the device",
            )


def list_half_dtypes(model: ModelProto) -> tuple[str, ...]:
    """List the dtypes of half precision in the weights, constants and casts of a graph: "float16", "bfloat16"."""
    types = {tensor.data_type for tensor in model.graph.initializer}
    types |= {value.type.tensor_type.elem_type for value in model.graph.input}
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                types.add(attribute.t.data_type)
            if node.op_type == "Cast" and attribute.name == "to":
                types.add(attribute.i)
    return tuple(sorted(name for kind, name in _HALF.items() if kind in types))


def widen_graph(model: ModelProto) -> ModelProto:
    """Return a copy of a graph in which all that is of half precision is float32. Weights keep their values."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph: GraphProto = copy.graph
    for tensor in graph.initializer:
        _widen(tensor)
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in _HALF:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    # Types of the tensors between follow from the nodes.
    del graph.value_info[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                _widen(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in _HALF:
                attribute.i = TensorProto.FLOAT
    return copy


def _widen(tensor: TensorProto) -> None:
    if tensor.data_type in _HALF:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
