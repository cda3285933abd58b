"""A SavedModel and photos → a calibrated ONNX graph; from it int8 files, and what each layer of them gets wrong.

The calibrated file is the float graph with the range of every activation in its metadata: it quantizes in a moment, as
often as needed and with any layers left in float. The same for TFLite is `calibrated`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS, Method
from edgetl.core.pixelstore import Pixels
from edgetl.core.records import LayerError
from edgetl.engines import onnx_graph
from edgetl.engines.savedmodel import INPUT
from edgetl.engines.to_onnx import ERRORS, Card, finished, reason, translated

_INT8 = METHODS["int8"]
_RANGES = "ranges"
_PIXELS = (0, 255)
# 254 steps over the range of the pixels. With 255, those of a network that eats -1..1 fall halfway between two steps
# each, and rounding to the even one would merge them in pairs: half the levels lost before the first convolution.
_PIXEL_STEPS = 254
# What onnxruntime rounds on its own: see `_shield`.
_ROUNDED = ("Conv", "Gemm")


def calibrated(saved_model: os.PathLike[str], photos: Pixels, advance: Callable[[int], None]) -> bytes:
    """The float graph with the ranges that its activations had on the photos.

    Args:
        saved_model: exported with `to_onnx.KIND`.
        photos: uint8 [photos, side, side, 3].
        advance: told how many more photos are done.

    Raises:
        StageError: the converter or the calibrator failed.
    """
    model = translated(Path(saved_model))
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        ranges = Path(work) / "ranges.json"
        try:
            _quantize(model, _INT8, (), ranges, _OneByOne(photos, advance))
        except ERRORS as error:
            raise StageError(f"onnxruntime could not calibrate: {reason(error)}", where=(str(saved_model),)) from error
        helper.set_model_props(model, {_RANGES: ranges.read_text(encoding="utf-8")})
    return bytes(model.SerializeToString(deterministic=True))


def quantized(model: bytes, method: Method, float_layers: Sequence[str], card: Card) -> bytes:
    """An int8 .onnx: integers between QuantizeLinear and DequantizeLinear.

    Args:
        model: what `calibrated` gave.
        method: says whether activations are signed.
        float_layers: layers that go on computing in float, by the names that `layer_errors` gives them.
        card: what the file says of itself.

    Raises:
        StageError: the quantizer failed, or made something that is no valid ONNX.
    """
    try:
        return finished(_quantized(onnx.load_model_from_string(model), method, float_layers), card)
    except ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {reason(error)}") from error


def layer_errors(model: bytes, photos: Pixels) -> tuple[LayerError, ...]:
    """What quantization does to every layer, the worst first; the scales are those of signed activations.

    Each quantized layer is compared with its float twin, both given what the quantized layers below them answered: the
    error is that layer's own, in steps of its output as in `calibrated.layer_errors`.

    Args:
        model: what `calibrated` gave.
        photos: uint8 [photos, side, side, 3], other ones than those that set the ranges.

    Raises:
        StageError: the quantizer failed.
    """
    try:
        probe, checks = _with_twins(onnx.load_model_from_string(model))
        session = _session(probe)
    except ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {reason(error)}") from error
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Check:
    """One layer of the probe: the tensors of its integers and of its float twin, and the step between integers."""

    name: str
    operator: str
    floats: str
    integers: str
    scale: float
    zero_point: int


def _quantized(model: ModelProto, method: Method, float_layers: Sequence[str]) -> ModelProto:
    (ranges,) = [prop.value for prop in model.metadata_props if prop.key == _RANGES]
    del model.metadata_props[:]
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        path = Path(work) / "ranges.json"
        path.write_text(ranges, encoding="utf-8")
        made = _quantize(model, method, float_layers, path, None)
    _shield(made, float_layers)
    return made


def _quantize(
    model: ModelProto,
    method: Method,
    float_layers: Sequence[str],
    ranges: Path,
    photos: quantization.CalibrationDataReader | None,
) -> ModelProto:
    """Weights and activations in integers; ranges from the file where it is there, else from photos and into it."""
    first, border = onnx_graph.border(model)
    last = model.graph.node[-1]
    in_float = [node.name for layer in _layers(model) if layer[0].name in float_layers for node in layer]
    excluded = [*first, *in_float, *([last.name] if last.op_type in onnx_graph.LAST else [])]
    integer = quantization.QuantType.QUInt8 if method.activations == "uint8" else quantization.QuantType.QInt8
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        given, path = Path(work) / "given.onnx", Path(work) / "quantized.onnx"
        shaped = onnx.shape_inference.infer_shapes(model)
        add_pre_process_metadata(shaped)  # It is: `to_onnx.translated` has done it.
        onnx.save_model(shaped, given)
        quantization.quantize_static(
            given,
            path,
            photos,
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=integer,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=excluded,
            extra_options={"TensorQuantOverrides": {border: [_pinned(model, border, method)]}},
            calibration_cache_path=ranges,
        )
        return onnx.load_model(path)


def _shield(model: ModelProto, float_layers: Sequence[str]) -> None:
    """Keep onnxruntime from rounding the weights of these layers itself when it loads the file.

    It does so to a convolution between DequantizeLinear and QuantizeLinear, with one scale for all channels (a
    MobileNetV2 fell from 0.87 to 0.34), unless its input has a scale for each channel. They are all the same here.
    Source: onnxruntime, WeightBiasQuantization, since 1.21.
    """
    made_by, constants = onnx_graph.makers(model), onnx_graph.held(model)
    for layer in [node for node in model.graph.node if node.name in float_layers]:
        source = made_by.get(layer.input[0])
        if layer.op_type not in _ROUNDED or source is None or source.op_type != "DequantizeLinear":
            continue
        channels = _input_channels(layer, constants[layer.input[1]])
        names = [f"{layer.name}/{which}" for which in ("scales", "zero_points")]
        for name, one in zip(names, source.input[1:3], strict=True):
            values = np.full(channels, onnx_graph.array(constants[one]))
            model.graph.initializer.append(numpy_helper.from_array(values, name))
        answer = f"{layer.name}/input"
        inputs = [source.input[0], *names]
        name = f"{layer.name}/DequantizeLinear"
        model.graph.node.append(helper.make_node("DequantizeLinear", inputs, [answer], name=name, axis=1))
        layer.input[0] = answer


def _input_channels(layer: NodeProto, weights: TensorProto) -> int:
    """How many channels a convolution or a matrix product takes."""
    attributes = {attribute.name: attribute.i for attribute in layer.attribute}
    if layer.op_type == "Conv":
        return int(weights.dims[1]) * int(attributes.get("group", 1))
    return int(weights.dims[1 if attributes.get("transB") else 0])


def _pinned(model: ModelProto, border: str, method: Method) -> dict[str, Any]:
    """The scale of the scaled pixels: their range is known, not measured."""
    low, high = _range(model, border)
    scale = (high - low) / _PIXEL_STEPS
    signed = method.activations != "uint8"
    return {
        "quant_type": quantization.QuantType.QInt8 if signed else quantization.QuantType.QUInt8,
        "scale": np.array(scale, np.float32),
        "zero_point": np.array(round((-127 if signed else 0) - low / scale), np.int8 if signed else np.uint8),
    }


def _session(model: ModelProto) -> onnxruntime.InferenceSession:
    """The graph as it is written, operator by operator."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # A twin that nothing compares is worth no warning.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _range(model: ModelProto, tensor: str) -> tuple[float, float]:
    """The lowest and highest value that pixels can take at a tensor of the border, 0 among them."""
    probe = ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    session = _session(probe)
    shape = session.get_inputs()[0].shape
    found = [session.run(None, {INPUT: np.full(shape, level, np.uint8)})[0] for level in _PIXELS]
    return min(0.0, *(float(values.min()) for values in found)), max(0.0, *(float(values.max()) for values in found))


def _layers(model: ModelProto) -> Iterator[tuple[NodeProto, ...]]:
    """Each operator of a float graph with the activations that merge with it; not the pixels' scaling."""
    read_by, border = onnx_graph.readers(model), set(onnx_graph.border(model)[0])
    for node in model.graph.node:
        if node.name in border or node.op_type in onnx_graph.MERGED:
            continue
        layer = [node]
        while len(takers := read_by.get(layer[-1].output[0], [])) == 1 and takers[0].op_type in onnx_graph.MERGED:
            layer.append(takers[0])
        yield tuple(layer)


def _with_twins(model: ModelProto) -> tuple[ModelProto, list[_Check]]:
    """The int8 graph with a float twin beside every layer, and what there is to compare."""
    layers, weights = list(_layers(model)), list(onnx_graph.held(model).values())
    probe = _quantized(model, _INT8, ())
    heads, read_by = {node.name: node for node in probe.graph.node}, onnx_graph.readers(probe)
    constants = onnx_graph.held(probe)
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
        scale, zero_point = (onnx_graph.array(constants[name]) for name in quantizer.input[1:3])
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
        if len(takers) != 1 or takers[0].op_type not in onnx_graph.MERGED:
            return None
        node = takers[0]


class _OneByOne(quantization.CalibrationDataReader):
    """The photos as the calibrator asks for them."""

    def __init__(self, photos: Pixels, advance: Callable[[int], None]) -> None:
        self._photos: Iterator[dict[str, Any]] = self._read(photos, advance)

    def _read(self, photos: Pixels, advance: Callable[[int], None]) -> Iterator[dict[str, Any]]:
        for index in range(len(photos)):
            yield {INPUT: photos.rows([index])}
            advance(1)

    def get_next(self) -> dict[str, Any] | None:
        """The next photo, None after the last."""
        return next(self._photos, None)
