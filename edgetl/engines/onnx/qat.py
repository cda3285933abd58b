"""The SavedModel of a quantization-aware model → an int8 .onnx file.

tf2onnx translates fake quantization of activations to QuantizeLinear and DequantizeLinear, and leaves the weights in
float. onnxruntime would quantize these itself, with one scale for all channels of a convolution: a MobileNetV2 and its
file then agreed on 58 % of the photos. So the weights, which are multiples of their scale, are written as integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgetl.core.errors import StageError, first_line
from edgetl.core.model_file import INPUT, ModelMetadata
from edgetl.core.network.quantization import SMALLEST_SCALE, compute_weight_scales, quantize_weights
from edgetl.engines.onnx import graph
from edgetl.engines.onnx.convert import CONVERTER_ERRORS, finish_model, trace_saved_model

_SIGNATURE = "serving_default"
# A bias is stored as int32 with input scale times weight scale. If all weights of a channel are near zero, so is their
# scale, and the bias would not fit: such a channel gets a larger scale. Half of the range of int32 leaves room for the
# sum of the products, to which kernels add the bias.
_LARGEST_BIAS = 2**30


def convert_qat(saved_model: Path, metadata: ModelMetadata) -> bytes:
    """Convert the SavedModel to a file in QDQ form, with uint8 input and int8 weights and activations.

    Args:
        saved_model: from `tfmot.integer_export.export_integer_model`.
        metadata: written into the file.

    Raises:
        StageError: the converter failed, or made an invalid file.
    """
    try:
        model = graph.canonicalize(trace_saved_model(saved_model, _SIGNATURE))
        _make_input_uint8(model)
        _make_activations_signed(model)
        _insert_missing_qdq(model)
        for node in [node for node in model.graph.node if node.op_type in graph.WEIGHTED_OPS]:
            _write_integer_weights(model, node)
        return finish_model(model, metadata)
    except CONVERTER_ERRORS as error:
        raise StageError(
            f"the ONNX converter could not make qat8: {first_line(error)}",
            hint="choose another --method for ONNX; qat8 for TFLite has another converter",
        ) from error


def _make_input_uint8(model: ModelProto) -> None:
    """Change the dtype of the input from float to uint8, and put a Cast behind it."""
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    for node in model.graph.node:
        node.input[:] = [f"{INPUT}/Cast" if name == INPUT else name for name in node.input]
    cast = helper.make_node("Cast", [INPUT], [f"{INPUT}/Cast"], name="Cast", to=TensorProto.FLOAT)
    model.graph.node.insert(0, cast)


def _make_activations_signed(model: ModelProto) -> None:
    """Change unsigned activations to signed ones.

    Zero points lower by 128 represent the same values. Scales stay.
    """
    constants = graph.map_initializers(model)
    qdq = (node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear"))
    for name in {node.input[2] for node in qdq}:
        zero_point = graph.to_array(constants[name])
        if zero_point.dtype == np.uint8:
            signed = (zero_point.astype(np.int16) - 128).astype(np.int8)
            constants[name].CopyFrom(numpy_helper.from_array(signed, name))


def _insert_missing_qdq(model: ModelProto) -> None:
    """Quantize tensors that integer kernels round although the model has no fake quantization for them.

    An insertion changes what comes next, so the search starts again after each. There are few.
    """
    while (missing := _find_missing_qdq(model)) is not None:
        _insert_qdq(model, missing)


@dataclass(frozen=True, kw_only=True, slots=True)
class _MissingQdq:
    """A float tensor that must be quantized.

    Attributes:
        tensor: name of the tensor.
        parameters: names of the constants with its scale and zero point.
        consumers: the nodes that must consume the quantized tensor.
    """

    tensor: str
    parameters: Sequence[str]
    consumers: Sequence[NodeProto]


def _find_missing_qdq(model: ModelProto) -> _MissingQdq | None:
    """Find the first tensor between two operators that must be quantized; None if there is none."""
    producers, consumers = graph.map_producers(model), graph.map_consumers(model)
    constants = graph.map_initializers(model)
    for node in model.graph.node:
        following = consumers.get(node.output[0], [])
        sources = [producers[name] for name in node.input if name in producers]
        # Behind the Cast of the image is the QuantizeLinear of the raw pixels.
        if not following or not sources or sources[0].name == "Cast":
            continue
        floats = [source for source in sources if source.op_type != "DequantizeLinear"]
        is_quantized = any(consumer.op_type == "QuantizeLinear" for consumer in following)
        is_fused = any(consumer.op_type in graph.FUSED_ACTIVATIONS for consumer in following)
        # The output of these operators has the scale of the input. TFLite rounds averages to that scale as well.
        if node.op_type in (*graph.PASSTHROUGH_OPS, "AveragePool") and not floats and not is_quantized:
            return _MissingQdq(tensor=node.output[0], parameters=sources[0].input[1:3], consumers=following)
        # In the other direction, an input gets the scale of the output.
        if node.op_type in (*graph.PASSTHROUGH_OPS, "Concat") and floats and is_quantized:
            return _MissingQdq(tensor=floats[0].output[0], parameters=following[0].input[1:3], consumers=[node])
        if is_quantized or is_fused:
            continue
        scale, zero_point = _derive_quantization(node, sources, constants)
        if scale > 0:
            parameters = _add_parameters(model, node.name, scale, zero_point)
            return _MissingQdq(tensor=node.output[0], parameters=parameters, consumers=following)
    return None


def _derive_quantization(
    node: NodeProto, sources: Sequence[NodeProto], constants: Mapping[str, TensorProto]
) -> tuple[float, int]:
    """Derive scale and zero point of an output whose range is known from the operator; scale 0 for other operators.

    Source: the TFLite 8-bit quantization specification, LOGISTIC, for the range 0..255/256 of a sigmoid.
    """
    operands = [graph.to_array(constants[name]) for name in node.input if name in constants]
    scale, zero_point = 0.0, -128
    if node.op_type == "Concat":
        scale, zero_point = _merge_quantization(sources, constants)
    elif node.op_type == "Sigmoid":
        scale = 1 / 256
    elif node.op_type == "Clip" and len(operands) == 2 and operands[0] == 0:
        scale = float(operands[1]) / 255
    elif node.op_type == "Mul" and operands and operands[0].size == 1 and sources[0].op_type == "DequantizeLinear":
        # A product with a constant has the integers of its input, with another scale.
        factor = float(operands[0].ravel()[0])
        scale = factor * float(graph.to_array(constants[sources[0].input[1]]))
        zero_point = int(graph.to_array(constants[sources[0].input[2]]))
    return scale, zero_point


def _merge_quantization(sources: Sequence[NodeProto], constants: Mapping[str, TensorProto]) -> tuple[float, int]:
    """Compute scale and zero point of the union of the inputs' ranges; scale 0 if one of them is not quantized."""
    if any(source.op_type != "DequantizeLinear" for source in sources):
        return 0.0, 0
    pairs = [[float(graph.to_array(constants[name])) for name in source.input[1:3]] for source in sources]
    low = min((-128 - zero_point) * scale for scale, zero_point in pairs)
    high = max((127 - zero_point) * scale for scale, zero_point in pairs)
    scale = (high - low) / 255
    return scale, round(-128 - low / scale)


def _add_parameters(model: ModelProto, name: str, scale: float, zero_point: int) -> tuple[str, ...]:
    """Add a scale and a zero point to the constants; return their names."""
    values = {f"{name}/scale": np.float32(scale), f"{name}/zero_point": np.int8(zero_point)}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(value), name) for name, value in values.items())
    return tuple(values)


def _insert_qdq(model: ModelProto, missing: _MissingQdq) -> None:
    """Put QuantizeLinear and DequantizeLinear between a tensor and its consumers."""
    tensor, parameters = missing.tensor, missing.parameters
    integers, rounded = f"{tensor}/integers", f"{tensor}/rounded"
    for consumer in missing.consumers:
        consumer.input[:] = [rounded if name == tensor else name for name in consumer.input]
    model.graph.node.append(helper.make_node("QuantizeLinear", [tensor, *parameters], [integers], name=integers))
    model.graph.node.append(helper.make_node("DequantizeLinear", [integers, *parameters], [rounded], name=rounded))


def _write_integer_weights(model: ModelProto, node: NodeProto) -> None:
    """Replace the weights of a node by int8, with one scale per output channel, and its bias by int32.

    The scale of the bias is input scale times weight scale: kernels add it to the sum of the integer products.

    Raises:
        ValueError: the input of the node is not quantized.
    """
    constants, producers = graph.map_initializers(model), graph.map_producers(model)
    if node.input[1] not in constants:
        return  # A product of two activations has no weights.
    weights, source = graph.to_array(constants[node.input[1]]), producers.get(node.input[0])
    if source is None or source.op_type != "DequantizeLinear":
        raise ValueError(f"{node.op_type} {node.name!r} has a float input")
    input_scale = float(graph.to_array(constants[source.input[1]]))
    axis = graph.find_channel_axis(node, weights.ndim)
    scales = compute_weight_scales(weights, axis)
    biases = [graph.to_array(constants[name]) for name in node.input[2:]]
    for bias in biases:
        scales = np.maximum(scales, np.abs(bias) / np.float32(input_scale * _LARGEST_BIAS))
    # A channel of zeros without a bias needs a positive scale as well.
    scales = np.maximum(scales, SMALLEST_SCALE).astype(np.float32)
    node.input[1] = _add_dequantized(model, f"{node.name}/1", (quantize_weights(weights, scales, axis), scales), axis)
    for bias in biases:
        bias_scales = scales.astype(np.float64) * input_scale
        integers = np.rint(bias / bias_scales).astype(np.int32)
        node.input[2] = _add_dequantized(model, f"{node.name}/2", (integers, bias_scales.astype(np.float32)), 0)


def _add_dequantized(model: ModelProto, name: str, quantized: tuple[np.ndarray, np.ndarray], axis: int) -> str:
    """Add a DequantizeLinear of constant integers with a scale along an axis; return its output tensor."""
    integers, scales = quantized
    zeros = np.zeros(len(scales), integers.dtype)
    values = {f"{name}/integers": integers, f"{name}/scales": scales, f"{name}/zero_points": zeros}
    model.graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in values.items())
    model.graph.node.append(helper.make_node("DequantizeLinear", [*values], [name], name=name, axis=axis))
    return name
