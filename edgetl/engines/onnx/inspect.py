"""Reads an .onnx file: its operators, dtypes and weights, and whether they are what the method promises.

In ONNX a quantized operator stands between QuantizeLinear and DequantizeLinear. The runtime decides whether it computes
in integers. So the optimized graph of onnxruntime is checked too: it may contain no unexpected float convolution.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelSummary
from edgetl.core.records import TensorSpec
from edgetl.engines.keras.saved_model import INPUT, OUTPUT
from edgetl.engines.onnx import graph, runtime

# The photo has its channels last, and convolutions need them first: one Transpose is needed.
_TRANSPOSES = 1
# Axis of the output channels in the weights of each operator.
_CHANNEL_AXES = {"Conv": 0, "ConvInteger": 0, "Gemm": -1, "MatMul": -1, "MatMulInteger": -1}
# Operators of onnxruntime's optimized graph that multiply floats with weights.
_FLOAT_OPS = {"Conv", "FusedConv", "MatMul", "FusedMatMul", "Gemm", "FusedGemm", "MatMulNBits"}


def summarize_file(path: Path) -> ModelSummary:
    """Summarize the content of the file.

    Raises:
        ConfigError: not an ONNX file, too large, or not exactly one input and one output.
    """
    inferred = onnx.shape_inference.infer_shapes(graph.read_model(path)).graph
    dtypes = [value.type.tensor_type.elem_type for value in (*inferred.input, *inferred.value_info, *inferred.output)]
    dtypes += [tensor.data_type for tensor in inferred.initializer]
    return ModelSummary(
        input=_describe_tensor(inferred.input[0], path),
        output=_describe_tensor(inferred.output[0], path),
        operators=dict(sorted(Counter(node.op_type for node in inferred.node).items())),
        tensor_dtypes=dict(sorted(Counter(_name_dtype(dtype) for dtype in dtypes if dtype).items())),
    )


def read_weights(path: Path) -> Iterator[np.ndarray]:
    """Yield the weights of every convolution and dense layer, [output channels, weights], in the file's dtype.

    Raises:
        ConfigError: not an ONNX file.
    """
    model = graph.read_model(path)
    constants = graph.map_initializers(model)
    # Quantized weights reach their operator through a DequantizeLinear.
    stored = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    for node in model.graph.node:
        if node.op_type in _CHANNEL_AXES and len(node.input) > 1:
            tensor = constants.get(stored.get(node.input[1], node.input[1]))
            if tensor is not None:
                weights = graph.to_array(tensor)
                transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                axis = 0 if transposed else _CHANNEL_AXES[node.op_type]
                yield np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)


def check_file(path: Path, method: Method) -> None:
    """Check that the file is what the method promises.

    Raises:
        ConfigError: not an ONNX file.
        StageError: it is not; the message names operator and tensor.
    """
    model = graph.read_model(path)
    in_float = _list_float_layers(model) if method.float_layers else []
    surprises = [
        *_check_ends(summarize_file(path)),
        *_check_operators(model),
        *_check_weights(model, method, in_float),
    ]
    if len(in_float) != method.float_layers:
        surprises.append(f"{', '.join(in_float) or 'nothing'} computes in float")
    if method.calibrated:
        surprises += [
            *_check_float_tensors(model, in_float),
            *_check_activations(model, method),
            *_check_plan(path, len(in_float)),
        ]
    if surprises:
        raise StageError(f"the {method.name} file is not what it should be: {surprises[0]}", where=(path,))


def _check_ends(summary: ModelSummary) -> list[str]:
    expected = (("input", INPUT, summary.input, "uint8"), ("output", OUTPUT, summary.output, "float32"))
    return [
        f"{which} {end.name!r} is not {dtype} {name!r} for one photo"
        for which, name, end, dtype in expected
        if (end.name, end.dtype) != (name, dtype) or end.shape[0] != 1
    ]


def _check_operators(model: ModelProto) -> list[str]:
    nodes = model.graph.node
    surprises = [f"operator {node.op_type} is not one of ONNX but of {node.domain}" for node in nodes if node.domain]
    transposes = sum(node.op_type == "Transpose" for node in nodes)
    if transposes > _TRANSPOSES:
        surprises.append(f"{transposes} Transpose operators, {_TRANSPOSES} is enough")
    return surprises


def _list_float_layers(model: ModelProto) -> list[str]:
    """List the operators with float weights."""
    constants = graph.map_initializers(model)
    floats = {name for name, tensor in constants.items() if tensor.data_type == TensorProto.FLOAT}
    return [node.name for node in model.graph.node if node.op_type in graph.WEIGHTED_OPS and node.input[1] in floats]


def _check_weights(model: ModelProto, method: Method, in_float: Collection[str]) -> list[str]:
    """Find weights that are not stored in the method's dtype with one scale for each output channel."""
    constants, producers = graph.map_initializers(model), graph.map_producers(model)
    surprises = []
    for node in model.graph.node:
        if node.op_type not in graph.WEIGHTED_OPS or node.name in in_float:
            continue
        source = node.input[1]
        producer = producers.get(source)
        if source not in constants and (producer is None or producer.input[0] not in constants):
            continue  # A product of two activations has no weights.
        stored = constants[source] if producer is None else constants[producer.input[0]]
        if _name_dtype(stored.data_type) != method.weights:
            surprises.append(f"the weights of {node.op_type} {node.name!r} are {_name_dtype(stored.data_type)}")
        elif producer is not None and producer.op_type == "DequantizeLinear":
            channels = stored.dims[graph.find_channel_axis(node, len(stored.dims))]
            scales = graph.to_array(constants[producer.input[1]]).size
            if scales != channels:
                surprises.append(f"{node.op_type} {node.name!r} has {scales} scales for {channels} channels")
    return surprises


def _check_float_tensors(model: ModelProto, in_float: Collection[str]) -> list[str]:
    """Find operators between the scaling and the last softmax with float inputs or outputs, other than `in_float`."""
    producers, consumers = graph.map_producers(model), graph.map_consumers(model)
    constants = graph.map_initializers(model)
    expected_floats = _extend_float_layers(model, in_float)
    unchecked = {*graph.find_input_preprocessing(model)[0], *expected_floats}
    surprises = []
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") or node.name in unchecked:
            continue
        sources = [producers.get(name) for name in node.input if name and name not in constants]
        fused = node.op_type in graph.FUSED_ACTIVATIONS and sources and not _is_op(sources[0], "DequantizeLinear")
        last = node.op_type in graph.FINAL_OPS and node.output[0] == OUTPUT
        if last:
            sources = [source for source in sources if source is None or source.name not in expected_floats]
        if not fused and not all(_is_op(source, "DequantizeLinear") for source in sources):
            surprises.append(f"operator {node.op_type} {node.name!r} takes a float")
        following = consumers.get(node.output[0], [])
        quantized = (
            _is_op(consumer, "QuantizeLinear") or consumer.op_type in graph.FUSED_ACTIVATIONS for consumer in following
        )
        if not last and not all(quantized):
            surprises.append(f"operator {node.op_type} {node.name!r} outputs a float")
        if not last and not following:
            surprises.append(f"operator {node.op_type} {node.name!r} gives the scores as floats")
    return surprises


def _extend_float_layers(model: ModelProto, in_float: Collection[str]) -> set[str]:
    """Add to the float layers the activations fused with them and the operators that pass their output on."""
    producers, names = graph.map_producers(model), set(in_float)
    for node in model.graph.node:
        producer = producers.get(node.input[0]) if node.input else None
        follows = node.op_type in (*graph.FUSED_ACTIVATIONS, *graph.PASSTHROUGH_OPS)
        if producer is not None and producer.name in names and follows:
            names.add(node.name)
    return names


def _check_activations(model: ModelProto, method: Method) -> list[str]:
    """Find activations that are quantized to another dtype than the method's."""
    constants = graph.map_initializers(model)
    dtypes = {
        node.input[0]: _name_dtype(constants[node.input[2]].data_type)
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" and len(node.input) > 2
    }
    return [
        f"the tensor {name!r} is quantized to {dtype}" for name, dtype in dtypes.items() if dtype != method.activations
    ]


def _check_plan(path: Path, expected: int) -> list[str]:
    """Check that onnxruntime computes exactly the expected number of layers in float.

    Fewer are as wrong as more: onnxruntime then quantizes float weights by itself, with one scale for all channels.
    """
    planned = runtime.count_planned_operators(path)
    floats = {name: planned[name] for name in sorted(_FLOAT_OPS & set(planned))}
    if sum(floats.values()) == expected:
        return []
    computed = ", ".join(f"{count} {name}" for name, count in floats.items()) or "nothing"
    return [f"onnxruntime computes {computed} in float" + (f", not {expected} as ordered" if expected else "")]


def _is_op(node: NodeProto | None, op_type: str) -> bool:
    return node is not None and node.op_type == op_type


def _describe_tensor(value: onnx.ValueInfoProto, path: Path) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(int(length.dim_value) for length in tensor.shape.dim)
    if not tensor.elem_type or not shape:
        raise ConfigError(f"the shape of {value.name!r} is unknown", where=(path,))
    return TensorSpec(name=value.name, shape=shape, dtype=_name_dtype(tensor.elem_type), scale=0.0, zero_point=0)


def _name_dtype(elem_type: int) -> str:
    name = np.dtype(helper.tensor_dtype_to_np_dtype(elem_type)).name
    return "string" if elem_type == TensorProto.STRING else name
