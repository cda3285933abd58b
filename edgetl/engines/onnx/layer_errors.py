"""A calibrated ONNX graph and photos → the quantization error of every layer.

onnxruntime has no tool for this. Every layer of the int8 graph gets a float copy with the same input, so that the
difference of their outputs is the error of that layer alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper

from edgetl.core.errors import StageError, first_line
from edgetl.core.methods import METHODS
from edgetl.core.model_file import INPUT
from edgetl.core.network.quantization import compare_outputs, summarize_layer_errors
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.engines.onnx import calibrate, graph, runtime
from edgetl.engines.onnx.convert import CONVERTER_ERRORS


def measure_layer_errors(calibrated: bytes, photos: Pixels) -> tuple[LayerError, ...]:
    """Measure the quantization error of every layer, largest first, with signed activations.

    Args:
        calibrated: from `calibrate.calibrate_model`.
        photos: uint8 [photos, height, width, 3]; not the photos that set the ranges.

    Raises:
        StageError: the quantizer failed.
    """
    try:
        probe, layers = _add_float_copies(onnx.load_model_from_string(calibrated))
        session = runtime.open_unoptimized(probe)
        tensors = [tensor for layer in layers for tensor in (layer.floats, layer.integers)]
        errors = []
        for row in range(len(photos)):
            outputs = session.run(tensors, {INPUT: photos.rows([row])})
            pairs = zip(layers, outputs[::2], outputs[1::2], strict=True)
            errors.append(
                compare_outputs(
                    [(floats / np.float32(layer.scale) + layer.zero_point, ints) for layer, floats, ints in pairs]
                )
            )
        return summarize_layer_errors(np.stack(errors), [(layer.name, layer.operator, layer.scale) for layer in layers])
    except CONVERTER_ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {first_line(error)}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _ComparedLayer:
    """A layer with a float copy: the names of their output tensors, and scale and zero point of the integer one."""

    name: str
    operator: str
    floats: str
    integers: str
    scale: float
    zero_point: int


def _add_float_copies(model: ModelProto) -> tuple[ModelProto, list[_ComparedLayer]]:
    """Quantize a calibrated graph and add a float copy of every layer, with outputs for both."""
    float_layers, weights = list(graph.iterate_layers(model)), list(graph.map_initializers(model).values())
    probe = calibrate.quantize_graph(model, METHODS["int8"])
    heads, consumers = {node.name: node for node in probe.graph.node}, graph.map_consumers(probe)
    constants = graph.map_initializers(probe)
    for tensor in weights:
        copy = probe.graph.initializer.add()
        copy.CopyFrom(tensor)
        copy.name = _name_copy(tensor.name)
    weight_names, layers = {tensor.name for tensor in weights}, []
    for nodes in float_layers:
        head = heads[nodes[0].name]
        quantizer = _find_quantizer(head, consumers)
        if quantizer is None:
            continue  # The last softmax is not quantized.
        floats = _add_float_copy(probe, nodes, head, weight_names)
        scale, zero_point = (graph.to_array(constants[name]) for name in quantizer.input[1:3])
        probe.graph.output.append(helper.make_tensor_value_info(floats, TensorProto.FLOAT, None))
        probe.graph.output.append(helper.make_tensor_value_info(quantizer.output[0], TensorProto.INT8, None))
        layers.append(
            _ComparedLayer(
                name=head.name,
                operator=head.op_type,
                floats=floats,
                integers=quantizer.output[0],
                scale=float(scale),
                zero_point=int(zero_point),
            )
        )
    return probe, layers


def _add_float_copy(probe: ModelProto, nodes: Sequence[NodeProto], head: NodeProto, weight_names: set[str]) -> str:
    """Add a float copy of a layer with the inputs of the int8 graph's `head`; return its output tensor."""
    output = ""
    for node in nodes:
        # The first node has the dequantized inputs of the int8 graph, a fused activation has the output before it.
        inputs = [output, *node.input[1:]] if output else list(head.input)
        copy = probe.graph.node.add()
        copy.CopyFrom(node)
        copy.name = _name_copy(node.name)
        copy.input[:] = [
            _name_copy(original) if original in weight_names else name
            for original, name in zip(node.input, inputs, strict=True)
        ]
        # Operators such as Split have several outputs. The first identifies the layer.
        copy.output[:] = [f"{copy.name}:{number}" for number in range(len(node.output))]
        output = copy.output[0]
    return output


def _name_copy(name: str) -> str:
    return f"{name}/float"


def _find_quantizer(node: NodeProto, consumers: dict[str, list[NodeProto]]) -> NodeProto | None:
    """Find the QuantizeLinear behind an operator and the activations that are fused with it; None if there is none."""
    while True:
        following = consumers.get(node.output[0], [])
        quantizers = [consumer for consumer in following if consumer.op_type == "QuantizeLinear"]
        if quantizers:
            return quantizers[0]
        if len(following) != 1 or following[0].op_type not in graph.FUSED_ACTIVATIONS:
            return None
        node = following[0]
