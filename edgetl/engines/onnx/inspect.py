"""Reads an .onnx file: its operators, dtypes and weights, and checks that they are those of its method.

In ONNX, a quantized operator is a float operator between DequantizeLinear and QuantizeLinear, and the runtime decides
whether to compute it in integers. So the optimized graph of onnxruntime is checked too.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.methods import Method
from edgetl.core.model_file import INPUT, OUTPUT, ModelSummary
from edgetl.core.records import TensorSpec
from edgetl.engines.onnx import graph, runtime

# Operators that compute each value for itself. tf2onnx moves a Transpose through them, to the one that it undoes.
_ELEMENTWISE = frozenset(
    {"Add", "Sub", "Mul", "Div", "Clip", "Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh"}
    | {"QuantizeLinear", "DequantizeLinear"}
)
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
    # An operator between stored weights, int8 or float16, and their layer: its output → its input.
    stored = {
        node.output[0]: node.input[0] for node in model.graph.node if node.op_type in ("DequantizeLinear", "Cast")
    }
    for node in model.graph.node:
        if node.op_type in _CHANNEL_AXES and len(node.input) > 1:
            tensor = constants.get(stored.get(node.input[1], node.input[1]))
            if tensor is not None:
                weights = graph.to_array(tensor)
                transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                axis = 0 if transposed else _CHANNEL_AXES[node.op_type]
                yield np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)


def check_file(path: Path, method: Method, in_float: Collection[str] = ()) -> None:
    """Check that the file has the operators, dtypes and scales of its method.

    Args:
        path: the file.
        method: its method.
        in_float: names of the operators without an integer kernel, which a mixed file may compute in float.

    Raises:
        ConfigError: not an ONNX file.
        StageError: the check failed; the message names the operator.
    """
    model = graph.read_model(path)
    layers = _list_float_layers(model) if method.mixed else []
    kept = in_float if method.mixed else ()
    faults = [
        *_check_input_and_output(summarize_file(path)),
        *_check_operators(model),
        *_check_weights(model, method, layers),
    ]
    # Of the operators without an integer kernel, some may have weights.
    if len(set(layers) - set(kept)) != method.float_layers:
        faults.append(f"{', '.join(layers) or 'nothing'} computes in float")
    if method.calibrated:
        faults += [
            *(fault for _, fault in find_float_tensors(model, {*layers, *kept})),
            *_check_activations(model, method),
            *_check_plan(path, len(layers)),
        ]
    if faults:
        raise StageError(f"the {method.name} file failed its check: {faults[0]}", where=(path,))


def _check_input_and_output(summary: ModelSummary) -> list[str]:
    expected = (("input", INPUT, summary.input, "uint8"), ("output", OUTPUT, summary.output, "float32"))
    return [
        f"{role} {tensor.name!r} is not {dtype} {name!r} for one photo"
        for role, name, tensor, dtype in expected
        if (tensor.name, tensor.dtype) != (name, dtype) or tensor.shape[0] != 1
    ]


def _check_operators(model: ModelProto) -> list[str]:
    nodes = model.graph.node
    # Other runtimes, and onnxruntime of other versions, may lack operators outside the standard.
    faults = [f"operator {node.op_type} is not from ONNX but from {node.domain}" for node in nodes if node.domain]
    producers = graph.map_producers(model)
    for node in nodes:
        if node.op_type == "Transpose" and _undoes_transposes(node, producers):
            faults.append(f"Transpose {node.name!r} undoes another one: both are superfluous")
    return faults


def _undoes_transposes(node: NodeProto, producers: dict[str, NodeProto]) -> bool:
    """Return whether a Transpose undoes others, with only operators between them that work in any order of the axes."""
    waiting, perms = [name for name in node.input[:1] if name in producers], set[tuple[int, ...]]()
    while waiting:
        producer = producers[waiting.pop()]
        if producer.op_type == "Transpose":
            perms.add(_read_perm(producer))
        elif producer.op_type in _ELEMENTWISE:
            waiting += [name for name in producer.input if name in producers]
        else:
            return False
    inverse = tuple(int(axis) for axis in np.argsort(_read_perm(node)))
    return perms == {inverse}


def _read_perm(node: NodeProto) -> tuple[int, ...]:
    """Return the order of the axes of a Transpose; () if it reverses them."""
    return next((tuple(attribute.ints) for attribute in node.attribute if attribute.name == "perm"), ())


def _list_float_layers(model: ModelProto) -> list[str]:
    """List the operators with float weights."""
    constants = graph.map_initializers(model)
    floats = {name for name, tensor in constants.items() if tensor.data_type == TensorProto.FLOAT}
    return [node.name for node in model.graph.node if node.op_type in graph.WEIGHTED_OPS and node.input[1] in floats]


def _check_weights(model: ModelProto, method: Method, in_float: Collection[str]) -> list[str]:
    """Find weights that are not stored in the method's dtype with one scale for each output channel."""
    constants, producers = graph.map_initializers(model), graph.map_producers(model)
    faults = []
    for node in model.graph.node:
        if node.op_type not in graph.WEIGHTED_OPS or node.name in in_float:
            continue
        source = node.input[1]
        producer = producers.get(source)
        if source not in constants and (producer is None or producer.input[0] not in constants):
            continue  # A product of two activations has no weights.
        stored = constants[source] if producer is None else constants[producer.input[0]]
        if _name_dtype(stored.data_type) != method.weights:
            faults.append(f"the weights of {node.op_type} {node.name!r} are {_name_dtype(stored.data_type)}")
        elif producer is not None and producer.op_type == "DequantizeLinear":
            channels = stored.dims[graph.find_channel_axis(node, len(stored.dims))]
            scales = graph.to_array(constants[producer.input[1]]).size
            if scales != channels:
                faults.append(f"{node.op_type} {node.name!r} has {scales} scales for {channels} channels")
    return faults


def find_float_tensors(model: ModelProto, in_float: Collection[str] = ()) -> list[tuple[str, str]]:
    """Find operators with float inputs or outputs between the input scaling and the last softmax.

    Args:
        model: a graph in QDQ form.
        in_float: names of operators that are expected in float. So are the tensors inside a layer with a fused
            activation.

    Returns:
        The name of each operator, and its fault.
    """
    producers, consumers = graph.map_producers(model), graph.map_consumers(model)
    constants = graph.map_initializers(model)
    expected_floats = _extend_float_layers(model, in_float)
    unchecked = {*graph.find_input_preprocessing(model)[0], *expected_floats}
    faults: list[tuple[str, str]] = []
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") or node.name in unchecked:
            continue
        sources = [producers.get(name) for name in node.input if name and name not in constants]
        is_fused = node.op_type in graph.FUSED_ACTIVATIONS and sources and not _is_op(sources[0], "DequantizeLinear")
        is_last = node.op_type in graph.FINAL_OPS and node.output[0] == OUTPUT
        if is_last:
            sources = [source for source in sources if source is None or source.name not in expected_floats]
        if not is_fused and not all(_is_op(source, "DequantizeLinear") for source in sources):
            faults.append((node.name, f"operator {node.op_type} {node.name!r} has a float input"))
        following = consumers.get(node.output[0], [])
        are_quantized = (
            _is_op(consumer, "QuantizeLinear") or consumer.op_type in graph.FUSED_ACTIVATIONS for consumer in following
        )
        if not is_last and not all(are_quantized):
            faults.append((node.name, f"operator {node.op_type} {node.name!r} has a float output"))
        if not is_last and not following:
            faults.append((node.name, f"operator {node.op_type} {node.name!r} outputs the scores in float"))
    return faults


def _extend_float_layers(model: ModelProto, in_float: Collection[str]) -> set[str]:
    """Return the float layers and what is in float behind them.

    These are the activations fused with them, the operators that only move their output, and those without an integer
    kernel, such as ReduceMean. Behind a quantized operator, one of these has quantized inputs and outputs.
    """
    producers, names = graph.map_producers(model), set(in_float)
    for node in model.graph.node:
        sources = [producers[name] for name in node.input if name in producers]
        follows = node.op_type in (*graph.FUSED_ACTIVATIONS, *graph.PASSTHROUGH_OPS) or not _is_quantizable(node)
        if follows and any(source.name in names for source in sources):
            names.add(node.name)
    return names


def _is_quantizable(node: NodeProto) -> bool:
    """Return whether onnxruntime's quantizer quantizes the inputs and outputs of an operator."""
    return node.op_type in (*QDQRegistry, *QLinearOpsRegistry, "QuantizeLinear", "DequantizeLinear")


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

    If it computes fewer, it has quantized float weights itself, with one scale for all channels.
    """
    planned = runtime.count_planned_operators(path)
    floats = {name: planned[name] for name in sorted(_FLOAT_OPS & set(planned))}
    if sum(floats.values()) == expected:
        return []
    computed = ", ".join(f"{count} {name}" for name, count in floats.items()) or "nothing"
    return [f"onnxruntime computes {computed} in float" + (f", not {expected}" if expected else "")]


def _is_op(node: NodeProto | None, op_type: str) -> bool:
    return node is not None and node.op_type == op_type


def _describe_tensor(value: onnx.ValueInfoProto, path: Path) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(int(length.dim_value) for length in tensor.shape.dim)
    if not tensor.elem_type or not shape:
        raise ConfigError(f"the shape of {value.name!r} is unknown", where=(path,))
    return TensorSpec(name=value.name, shape=shape, dtype=_name_dtype(tensor.elem_type), scale=0.0, zero_point=0)


def _name_dtype(elem_type: int) -> str:
    # numpy has no dtype for strings of any length: onnx maps them to object.
    name = np.dtype(helper.tensor_dtype_to_np_dtype(elem_type)).name
    return "string" if elem_type == TensorProto.STRING else name
