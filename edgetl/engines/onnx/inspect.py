"""What was really made, read back from an .onnx file: operators, dtypes, scales, and whether they keep the promise.

"Quantized" means in ONNX: between QuantizeLinear and DequantizeLinear. Whether a runtime then computes in integers is
its own decision, so onnxruntime is asked for its plan too: not one convolution in it may be a float one.
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
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import runtime as onnx_runtime

# The photo comes with its channels last, and convolutions want them first: that takes one.
_TRANSPOSES = 1
# Where the output channels of a kernel lie.
_KERNEL_AXES = {"Conv": 0, "ConvInteger": 0, "Gemm": -1, "MatMul": -1, "MatMulInteger": -1}
_FLOAT_PLANS = {"Conv", "FusedConv", "MatMul", "FusedMatMul", "Gemm", "FusedGemm", "MatMulNBits"}


def summarize_file(path: Path) -> ModelSummary:
    """What the file says of itself.

    Raises:
        ConfigError: not an ONNX file, too large, or not one input and one output.
    """
    model = onnx_graph.read_model(path)
    graph = onnx.shape_inference.infer_shapes(model).graph
    ends = (_described(graph.input[0], path), _described(graph.output[0], path))
    dtypes = [value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info, *graph.output)]
    dtypes += [tensor.data_type for tensor in graph.initializer]
    return ModelSummary(
        input=ends[0],
        output=ends[1],
        operators=dict(sorted(Counter(node.op_type for node in graph.node).items())),
        tensor_dtypes=dict(sorted(Counter(_dtype(dtype) for dtype in dtypes if dtype).items())),
    )


def read_weights(path: Path) -> Iterator[np.ndarray]:
    """The weights of every convolution and dense layer, [output channels, weights], in the numbers of the file."""
    graph = onnx_graph.read_model(path).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    # Quantized weights reach their operator through another that makes them floats.
    behind = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type in _KERNEL_AXES and len(node.input) > 1:
            tensor = stored.get(behind.get(node.input[1], node.input[1]))
            if tensor is not None:
                kernel = onnx.numpy_helper.to_array(tensor)
                turned = any(of.name == "transB" and of.i for of in node.attribute)
                axis = 0 if turned else _KERNEL_AXES[node.op_type]
                yield np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)


def check_file(path: Path, method: Method) -> None:
    """Refuse a file that is not what the method promises.

    Raises:
        ConfigError: not an ONNX file.
        StageError: names the operator and the tensor.
    """
    model = onnx_graph.read_model(path)
    found = summarize_file(path)
    in_float = _in_float(model) if method.float_layers else []
    surprises = [*_ends(found), *_strangers(model), *_weights(model, method, in_float)]
    if len(in_float) != method.float_layers:
        surprises.append(f"{', '.join(in_float) or 'nothing'} computes in float")
    if method.calibrated:
        surprises += [*_islands(model, in_float), *_activations(model, method), *_plan(path, len(in_float))]
    if surprises:
        raise StageError(f"the {method.name} file is not what it should be: {surprises[0]}", where=(path,))


def _ends(found: ModelSummary) -> list[str]:
    promised = (("input", INPUT, found.input, "uint8"), ("output", OUTPUT, found.output, "float32"))
    return [
        f"{which} {end.name!r} is not {dtype} {name!r} for one photo"
        for which, name, end, dtype in promised
        if (end.name, end.dtype) != (name, dtype) or end.shape[0] != 1
    ]


def _strangers(model: ModelProto) -> list[str]:
    nodes = model.graph.node
    found = [f"operator {node.op_type} is not ONNX's own but {node.domain}'s" for node in nodes if node.domain]
    transposes = sum(node.op_type == "Transpose" for node in nodes)
    if transposes > _TRANSPOSES:
        found.append(f"{transposes} Transpose operators, {_TRANSPOSES} is enough")
    return found


def _in_float(model: ModelProto) -> list[str]:
    """The names of the heavy operators whose weights are floats."""
    weights = {
        name for name, tensor in onnx_graph.map_initializers(model).items() if tensor.data_type == TensorProto.FLOAT
    }
    return [
        node.name for node in model.graph.node if node.op_type in onnx_graph.WEIGHTED_OPS and node.input[1] in weights
    ]


def _weights(model: ModelProto, method: Method, in_float: Collection[str]) -> list[str]:
    """Heavy operators whose weights are not kept as the method says, a scale for each output channel."""
    constants, made_by = onnx_graph.map_initializers(model), onnx_graph.map_producers(model)
    found = []
    for node in model.graph.node:
        if node.op_type not in onnx_graph.WEIGHTED_OPS or node.name in in_float:
            continue
        source = node.input[1]
        maker = made_by.get(source)
        if source not in constants and (maker is None or maker.input[0] not in constants):
            continue  # A product of two activations has no weights.
        kept = constants[source] if maker is None else constants[maker.input[0]]
        if _dtype(kept.data_type) != method.weights:
            found.append(f"the weights of {node.op_type} {node.name!r} are {_dtype(kept.data_type)}")
        elif maker is not None and maker.op_type == "DequantizeLinear":
            channels = kept.dims[onnx_graph.find_channel_axis(node, len(kept.dims))]
            scales = onnx_graph.to_array(constants[maker.input[1]]).size
            if scales != channels:
                found.append(f"{node.op_type} {node.name!r} has {scales} scales for {channels} channels")
    return found


def _islands(model: ModelProto, in_float: Collection[str]) -> list[str]:
    """Operators between the pixels' scaling and the last softmax that take or give a float outright, unasked."""
    made_by, read_by, constants = (
        onnx_graph.map_producers(model),
        onnx_graph.map_consumers(model),
        onnx_graph.map_initializers(model),
    )
    asked = _asked(model, in_float)
    passed = {*onnx_graph.find_input_preprocessing(model)[0], *asked}
    found = []
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") or node.name in passed:
            continue
        sources = [made_by.get(name) for name in node.input if name and name not in constants]
        merged = node.op_type in onnx_graph.FUSED_ACTIVATIONS and sources and not _is(sources[0], "DequantizeLinear")
        last = node.op_type in onnx_graph.FINAL_OPS and node.output[0] == OUTPUT
        if last:
            sources = [source for source in sources if source is None or source.name not in asked]
        if not merged and not all(_is(source, "DequantizeLinear") for source in sources):
            found.append(f"operator {node.op_type} {node.name!r} takes a float")
        takers = read_by.get(node.output[0], [])
        rounded = (_is(taker, "QuantizeLinear") or taker.op_type in onnx_graph.FUSED_ACTIVATIONS for taker in takers)
        if not last and not all(rounded):
            found.append(f"operator {node.op_type} {node.name!r} hands over a float")
        if not last and not takers:
            found.append(f"operator {node.op_type} {node.name!r} answers in float")
    return found


def _asked(model: ModelProto, in_float: Collection[str]) -> set[str]:
    """The layers that are to compute in float, with what merges with them or only moves their numbers."""
    made_by, found = onnx_graph.map_producers(model), set(in_float)
    for node in model.graph.node:
        maker = made_by.get(node.input[0]) if node.input else None
        if (
            maker is not None
            and maker.name in found
            and node.op_type in (*onnx_graph.FUSED_ACTIVATIONS, *onnx_graph.PASSTHROUGH_OPS)
        ):
            found.add(node.name)
    return found


def _activations(model: ModelProto, method: Method) -> list[str]:
    """Activations in other integers than the method's."""
    constants = onnx_graph.map_initializers(model)
    found = []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and len(node.input) > 2:
            dtype = _dtype(constants[node.input[2]].data_type)
            if dtype != method.activations:
                found.append(f"the tensor {node.input[0]!r} is quantized to {dtype}")
    return found


def _plan(path: Path, asked: int) -> list[str]:
    """Whether onnxruntime would compute other heavy operators in float than those that were asked for.

    Fewer are as wrong as more: it rounds weights by itself where it thinks that they were forgotten.
    """
    planned = onnx_runtime.count_planned_operators(path)
    floats = {name: planned[name] for name in sorted(_FLOAT_PLANS & set(planned))}
    if sum(floats.values()) == asked:
        return []
    told = ", ".join(f"{count} {name}" for name, count in floats.items()) or "nothing"
    return [f"onnxruntime computes {told} in float" + (f", not {asked} as ordered" if asked else "")]


def _is(node: NodeProto | None, kind: str) -> bool:
    return node is not None and node.op_type == kind


def _described(value: onnx.ValueInfoProto, path: Path) -> TensorSpec:
    kind = value.type.tensor_type
    shape = tuple(int(length.dim_value) for length in kind.shape.dim)
    if not kind.elem_type or not shape:
        raise ConfigError(f"the shape of {value.name!r} is open", where=(path,))
    return TensorSpec(name=value.name, shape=shape, dtype=_dtype(kind.elem_type), scale=0.0, zero_point=0)


def _dtype(kind: int) -> str:
    name = np.dtype(helper.tensor_dtype_to_np_dtype(kind)).name
    return "string" if kind == TensorProto.STRING else name
