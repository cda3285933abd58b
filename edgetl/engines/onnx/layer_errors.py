"""A calibrated ONNX graph and photos → what int8 does to each of its layers, which no tool of onnxruntime tells.

Every layer of the int8 graph gets a float twin that eats the same: the difference is that layer's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper
from onnxruntime import InferenceSession

from edgetl.core.errors import StageError, first_line
from edgetl.core.methods import METHODS
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.engines.keras.saved_model import INPUT
from edgetl.engines.onnx import calibrate as onnx_calibrate
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.onnx.convert import ERRORS


def measure_layer_errors(model: bytes, photos: Pixels) -> tuple[LayerError, ...]:
    """What quantization does to every layer, the worst first; the scales are those of signed activations.

    Each quantized layer is compared with its float twin, both given what the quantized layers below them answered: the
    error is that layer's own, in steps of its output as in `calibrated.layer_errors`.

    Args:
        model: what `onnx_calibrated.calibrated` gave.
        photos: uint8 [photos, side, side, 3], other ones than those that set the ranges.

    Raises:
        StageError: the quantizer failed.
    """
    try:
        probe, checks = _with_twins(onnx.load_model_from_string(model))
        return _compared(onnx_runtime.open_unoptimized(probe), checks, photos)
    except ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {first_line(error)}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Check:
    """One layer of the probe: the tensors of its integers and of its float twin, and the step between integers."""

    name: str
    operator: str
    floats: str
    integers: str
    scale: float
    zero_point: int


def _compared(session: InferenceSession, checks: Sequence[_Check], photos: Pixels) -> tuple[LayerError, ...]:
    squares, beyond = np.zeros(len(checks)), np.zeros(len(checks))
    names = [name for check in checks for name in (check.floats, check.integers)]
    for row in range(len(photos)):
        answers = session.run(names, {INPUT: photos.rows([row])})
        for place, check in enumerate(checks):
            floats, integers = answers[2 * place : 2 * place + 2]
            steps = floats / np.float32(check.scale) + check.zero_point
            limits = np.iinfo(integers.dtype)
            squares[place] += np.mean((steps - integers) ** 2)
            # Half a step over the ends is rounding, more is saturation.
            beyond[place] += np.mean((steps < limits.min - 0.5) | (steps > limits.max + 0.5))
    found = [
        LayerError(
            name=check.name,
            operator=check.operator,
            scale=check.scale,
            error_steps=round(float(np.sqrt(squares[place] / len(photos))), 4),
            saturated=round(float(beyond[place] / len(photos)), 6),
        )
        for place, check in enumerate(checks)
    ]
    return tuple(sorted(found, key=lambda layer: (-layer.error_steps, layer.name)))


def _with_twins(model: ModelProto) -> tuple[ModelProto, list[_Check]]:
    """The int8 graph with a float twin beside every layer, and what there is to compare."""
    layers, weights = list(onnx_graph.iterate_layers(model)), list(onnx_graph.map_initializers(model).values())
    probe = onnx_calibrate.quantize_graph(model, METHODS["int8"])
    heads, read_by = {node.name: node for node in probe.graph.node}, onnx_graph.map_consumers(probe)
    constants = onnx_graph.map_initializers(probe)
    for tensor in weights:
        twin = probe.graph.initializer.add()
        twin.CopyFrom(tensor)
        twin.name = _twin(tensor.name)
    held, checks = {tensor.name for tensor in weights}, []
    for layer in layers:
        head = heads[layer[0].name]
        quantizer = _quantizer(head, read_by)
        if quantizer is None:
            continue  # The last softmax answers in float.
        floats = _add_twin(probe, layer, head, held)
        scale, zero_point = (onnx_graph.to_array(constants[name]) for name in quantizer.input[1:3])
        probe.graph.output.append(helper.make_tensor_value_info(floats, TensorProto.FLOAT, None))
        probe.graph.output.append(helper.make_tensor_value_info(quantizer.output[0], TensorProto.INT8, None))
        check = _Check(
            name=head.name,
            operator=head.op_type,
            floats=floats,
            integers=quantizer.output[0],
            scale=float(scale),
            zero_point=int(zero_point),
        )
        checks.append(check)
    return probe, checks


def _add_twin(probe: ModelProto, layer: Sequence[NodeProto], head: NodeProto, held: set[str]) -> str:
    """Add a float layer that takes what the int8 graph's `head` takes; the tensor it answers in."""
    answer = ""
    for node in layer:
        # What the head takes are rounded activations; what merges with it takes its answer, and bounds.
        given = [answer, *node.input[1:]] if answer else list(head.input)
        twin = probe.graph.node.add()
        twin.CopyFrom(node)
        twin.name = _twin(node.name)
        twin.input[:] = [_twin(own) if own in held else name for own, name in zip(node.input, given, strict=True)]
        answer = f"{twin.name}:0"
        twin.output[:] = [answer]
    return answer


def _twin(name: str) -> str:
    return f"{name}/twin"


def _quantizer(node: NodeProto, read_by: dict[str, list[NodeProto]]) -> NodeProto | None:
    """What rounds the answer of an operator, after the activations that merged with it; None if nothing does."""
    while True:
        takers = read_by.get(node.output[0], [])
        quantizers = [taker for taker in takers if taker.op_type == "QuantizeLinear"]
        if quantizers:
            return quantizers[0]
        if len(takers) != 1 or takers[0].op_type not in onnx_graph.FUSED_ACTIVATIONS:
            return None
        node = takers[0]
