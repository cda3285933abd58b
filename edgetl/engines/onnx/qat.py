"""The SavedModel of a quantization-aware model → an int8 .onnx that computes what it learned.

tf2onnx carries fake-quantization over as QuantizeLinear and DequantizeLinear around activations, and leaves weights in
float though they are whole steps. onnxruntime would round them itself, one scale for all channels of a convolution, and
a MobileNetV2 then named the class that the model names on 58 % of the photos. So they are written as the integers that
they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgetl.core.errors import StageError, first_line
from edgetl.engines.keras.saved_model import INPUT
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx.convert import ERRORS, ModelMetadata, finish_model, trace_saved_model

_SIGNATURE = "serving_default"
# A channel whose weights training has left next to nothing takes a coarser step, in which its bias fits into 32 bits.
_BIAS_STEPS = 2**30


def convert_qat(saved_model: Path, card: ModelMetadata) -> bytes:
    """The file: uint8 photos in, integers between QuantizeLinear and DequantizeLinear.

    Args:
        saved_model: what `integer_export.export` wrote.
        card: what the file says of itself.

    Raises:
        StageError: the converter failed, or made something that is no valid ONNX.
    """
    try:
        model = onnx_graph.canonicalize(trace_saved_model(saved_model, _SIGNATURE))
        _take_bytes(model)
        _sign(model)
        _surround(model)
        for node in [node for node in model.graph.node if node.op_type in onnx_graph.WEIGHTED_OPS]:
            _write_integers(model, node)
        return finish_model(model, card)
    except ERRORS as error:
        raise StageError(
            f"the ONNX converter could not make qat8: {first_line(error)}",
            hint="choose another --method for ONNX; the TFLite file of qat8 is made in another way",
        ) from error


def _take_bytes(model: ModelProto) -> None:
    """Make the input uint8 instead of the same numbers in float."""
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    for node in model.graph.node:
        node.input[:] = [f"{INPUT}/Cast" if name == INPUT else name for name in node.input]
    cast = helper.make_node("Cast", [INPUT], [f"{INPUT}/Cast"], name="Cast", to=TensorProto.FLOAT)
    model.graph.node.insert(0, cast)


def _sign(model: ModelProto) -> None:
    """Make unsigned activations signed: the same steps, 128 lower."""
    constants = onnx_graph.map_initializers(model)
    roundings = (node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear"))
    for name in {node.input[2] for node in roundings}:
        zero_point = onnx_graph.to_array(constants[name])
        if zero_point.dtype == np.uint8:
            lower = (zero_point.astype(np.int16) - 128).astype(np.int8)
            constants[name].CopyFrom(numpy_helper.from_array(lower, name))


def _surround(model: ModelProto) -> None:
    """Round inside what the model rounded as a whole, as integer operators do, in steps that follow from those."""
    while (found := _unrounded(model)) is not None:
        _round(model, found)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unrounded:
    """A tensor that goes to some nodes as a float, and the names of the scale and zero point that fit its numbers."""

    tensor: str
    steps: Sequence[str]
    takers: Sequence[NodeProto]


def _unrounded(model: ModelProto) -> _Unrounded | None:
    """The first tensor between two layers that should be rounded and is not."""
    made_by, read_by, constants = (
        onnx_graph.map_producers(model),
        onnx_graph.map_consumers(model),
        onnx_graph.map_initializers(model),
    )
    for node in model.graph.node:
        takers = read_by.get(node.output[0], [])
        sources = [made_by[name] for name in node.input if name in made_by]
        if not takers or not sources or sources[0].name == "Cast":
            continue
        floats = [source for source in sources if source.op_type != "DequantizeLinear"]
        rounded_after = any(taker.op_type == "QuantizeLinear" for taker in takers)
        merges = any(taker.op_type in onnx_graph.FUSED_ACTIVATIONS for taker in takers)
        if node.op_type in (*onnx_graph.PASSTHROUGH_OPS, "AveragePool") and not floats and not rounded_after:
            return _Unrounded(tensor=node.output[0], steps=sources[0].input[1:3], takers=takers)
        if node.op_type in (*onnx_graph.PASSTHROUGH_OPS, "Concat") and floats and rounded_after:
            return _Unrounded(tensor=floats[0].output[0], steps=takers[0].input[1:3], takers=[node])
        if rounded_after or merges:
            continue
        scale, zero_point = _own_steps(node, sources, constants)
        if scale > 0:
            steps = _constants(model, node.name, scale, zero_point)
            return _Unrounded(tensor=node.output[0], steps=steps, takers=takers)
    return None


def _own_steps(
    node: NodeProto, sources: Sequence[NodeProto], constants: Mapping[str, TensorProto]
) -> tuple[float, int]:
    """Scale and zero point of an activation's part whose range lies in what it computes; no scale for other nodes.

    Source: the TFLite 8-bit quantization specification for the sigmoid.
    """
    others = [onnx_graph.to_array(constants[name]) for name in node.input if name in constants]
    scale, zero_point = 0.0, -128
    if node.op_type == "Concat":
        scale, zero_point = _common_steps(sources, constants)
    elif node.op_type == "Sigmoid":
        scale = 1 / 256
    elif node.op_type == "Clip" and len(others) == 2 and others[0] == 0:
        scale = float(others[1]) / 255
    elif node.op_type == "Mul" and others and others[0].size == 1 and sources[0].op_type == "DequantizeLinear":
        factor = float(others[0].ravel()[0])
        scale = factor * float(onnx_graph.to_array(constants[sources[0].input[1]]))
        zero_point = int(onnx_graph.to_array(constants[sources[0].input[2]]))
    return scale, zero_point


def _constants(model: ModelProto, name: str, scale: float, zero_point: int) -> tuple[str, ...]:
    """The names of a scale and a zero point put into the file."""
    values = {f"{name}/scale": np.float32(scale), f"{name}/zero_point": np.int8(zero_point)}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(value), name) for name, value in values.items())
    return tuple(values)


def _common_steps(sources: Sequence[NodeProto], constants: Mapping[str, TensorProto]) -> tuple[float, int]:
    """Scale and zero point that hold the ranges of all that a node takes; no scale if one of them is not rounded."""
    if any(source.op_type != "DequantizeLinear" for source in sources):
        return 0.0, 0
    steps = [[float(onnx_graph.to_array(constants[name])) for name in source.input[1:3]] for source in sources]
    low = min((-128 - zero_point) * scale for scale, zero_point in steps)
    high = max((127 - zero_point) * scale for scale, zero_point in steps)
    scale = (high - low) / 255
    return scale, round(-128 - low / scale)


def _round(model: ModelProto, found: _Unrounded) -> None:
    """Put QuantizeLinear and DequantizeLinear between a tensor and who takes it."""
    tensor, steps = found.tensor, found.steps
    integers, rounded = f"{tensor}/integers", f"{tensor}/rounded"
    for taker in found.takers:
        taker.input[:] = [rounded if name == tensor else name for name in taker.input]
    model.graph.node.append(helper.make_node("QuantizeLinear", [tensor, *steps], [integers], name=integers))
    model.graph.node.append(helper.make_node("DequantizeLinear", [integers, *steps], [rounded], name=rounded))


def _write_integers(model: ModelProto, node: NodeProto) -> None:
    """Weights in int8, a scale for each output channel, and the bias in steps of weights times activations."""
    constants, made_by = onnx_graph.map_initializers(model), onnx_graph.map_producers(model)
    if node.input[1] not in constants:
        return  # A product of two activations has no weights.
    weights, source = onnx_graph.to_array(constants[node.input[1]]), made_by.get(node.input[0])
    if source is None or source.op_type != "DequantizeLinear":
        raise ValueError(f"{node.op_type} {node.name!r} takes floats")
    eaten = float(onnx_graph.to_array(constants[source.input[1]]))
    axis = onnx_graph.find_channel_axis(node, weights.ndim)
    largest = np.abs(weights).max(axis=tuple(other for other in range(weights.ndim) if other != axis))
    scales = largest / np.float32(127)
    biases = [onnx_graph.to_array(constants[name]) for name in node.input[2:]]
    for bias in biases:
        scales = np.maximum(scales, np.abs(bias) / np.float32(eaten * _BIAS_STEPS))
    scales = np.maximum(scales, np.finfo(np.float32).tiny).astype(np.float32)
    along = scales.reshape([-1 if other == axis else 1 for other in range(weights.ndim)])
    whole = np.clip(np.rint(weights / along), -127, 127).astype(np.int8)
    node.input[1] = _dequantized(model, f"{node.name}/1", (whole, scales), axis)
    for bias in biases:
        grid = scales.astype(np.float64) * eaten
        integers = np.rint(bias / grid).astype(np.int32)
        node.input[2] = _dequantized(model, f"{node.name}/2", (integers, grid.astype(np.float32)), 0)


def _dequantized(model: ModelProto, name: str, steps: tuple[np.ndarray, np.ndarray], axis: int) -> str:
    """The name of a tensor that comes out of integers, with a scale for each place along an axis."""
    integers, scales = steps
    zeros = np.zeros(len(scales), integers.dtype)
    values = {f"{name}/integers": integers, f"{name}/scales": scales, f"{name}/zero_points": zeros}
    model.graph.initializer.extend(numpy_helper.from_array(value, of) for of, value in values.items())
    model.graph.node.append(helper.make_node("DequantizeLinear", [*values], [name], name=name, axis=axis))
    return name
