"""A SavedModel and photos → a calibrated ONNX graph, and from it int8 files.

The calibrated file is the float graph with the range of every activation in its metadata: it quantizes in a moment, as
often as needed and with any layers left in float. The same for TFLite is `calibrated`; what each layer gets wrong is
told by `onnx_errors`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from edgetl.core.errors import StageError, first_line
from edgetl.core.methods import METHODS, Method
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.keras.saved_model import INPUT
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.onnx.convert import ERRORS, ModelMetadata, finish_model

_INT8 = METHODS["int8"]
_RANGES = "ranges"
_PIXELS = (0, 255)
# 254 steps over the range of the pixels. With 255, those of a network that eats -1..1 fall halfway between two steps
# each, and rounding to the even one would merge them in pairs: half the levels lost before the first convolution.
_PIXEL_STEPS = 254
# What onnxruntime rounds on its own: see `_shield`.
_ROUNDED = ("Conv", "Gemm")


def calibrate_model(graph: bytes, photos: Pixels, advance: Callable[[int], None]) -> bytes:
    """The float graph with the ranges that its activations had on the photos.

    Args:
        graph: what `to_onnx.translated` gave.
        photos: uint8 [photos, side, side, 3].
        advance: told how many more photos are done.

    Raises:
        StageError: the calibrator failed.
    """
    model = onnx.load_model_from_string(graph)
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        ranges = Path(work) / "ranges.json"
        try:
            _quantize(model, _INT8, (), ranges, _OneByOne(photos, advance))
        except ERRORS as error:
            raise StageError(f"onnxruntime could not calibrate: {first_line(error)}") from error
        helper.set_model_props(model, {_RANGES: ranges.read_text(encoding="utf-8")})
    return bytes(model.SerializeToString(deterministic=True))


def quantize_model(model: bytes, method: Method, float_layers: Sequence[str], card: ModelMetadata) -> bytes:
    """An int8 .onnx: integers between QuantizeLinear and DequantizeLinear.

    Args:
        model: what `calibrated` gave.
        method: says whether activations are signed.
        float_layers: layers that go on computing in float, by the names that `onnx_errors` gives them.
        card: what the file says of itself.

    Raises:
        StageError: the quantizer failed, or made something that is no valid ONNX.
    """
    try:
        return finish_model(quantize_graph(onnx.load_model_from_string(model), method, float_layers), card)
    except ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {first_line(error)}") from error


def quantize_graph(model: ModelProto, method: Method, float_layers: Sequence[str] = ()) -> ModelProto:
    """The graph of `quantized`, under the names that the calibrated graph has; it raises `ERRORS`."""
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
    first, border = onnx_graph.find_input_preprocessing(model)
    last = model.graph.node[-1]
    in_float = [
        node.name for layer in onnx_graph.iterate_layers(model) if layer[0].name in float_layers for node in layer
    ]
    excluded = [*first, *in_float, *([last.name] if last.op_type in onnx_graph.FINAL_OPS else [])]
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
    made_by, constants = onnx_graph.map_producers(model), onnx_graph.map_initializers(model)
    for layer in [node for node in model.graph.node if node.name in float_layers]:
        source = made_by.get(layer.input[0])
        if layer.op_type not in _ROUNDED or source is None or source.op_type != "DequantizeLinear":
            continue
        channels = _input_channels(layer, constants[layer.input[1]])
        names = [f"{layer.name}/{which}" for which in ("scales", "zero_points")]
        for name, one in zip(names, source.input[1:3], strict=True):
            values = np.full(channels, onnx_graph.to_array(constants[one]))
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


def _range(model: ModelProto, tensor: str) -> tuple[float, float]:
    """The lowest and highest value that pixels can take at a tensor of the border, 0 among them."""
    probe = ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    session = onnx_runtime.open_unoptimized(probe)
    shape = session.get_inputs()[0].shape
    found = [session.run(None, {INPUT: np.full(shape, level, np.uint8)})[0] for level in _PIXELS]
    return min(0.0, *(float(values.min()) for values in found)), max(0.0, *(float(values.max()) for values in found))


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
