"""A float ONNX graph and photos → a calibrated graph, and from it int8 files.

The calibrated file is the float graph with the range of every activation in its metadata. Quantizing it takes a moment,
so that many variants with different float layers can be made from it.
"""

import json
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
from edgetl.core.model_file import INPUT, ModelMetadata
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph, runtime
from edgetl.engines.onnx.convert import CONVERTER_ERRORS, finish_model

_INT8 = METHODS["int8"]
# Key of the activation ranges in the metadata of a calibrated file.
_RANGES = "ranges"
_PIXEL_LIMITS = (0, 255)
# 254 quantization steps over the range of the scaled pixels. With 255 steps, every pixel value of a network with inputs
# in -1..1 is halfway between two levels. Rounding to even would merge the values in pairs and lose half of the levels.
_PIXEL_STEPS = 254
# Operators whose float weights onnxruntime quantizes when it loads a file: see `_prevent_weight_requantization`.
_REQUANTIZED_OPS = ("Conv", "Gemm")


def calibrate_model(source: bytes, photos: Pixels, advance: Callable[[int], None]) -> bytes:
    """Add the activation ranges of the photos to a float graph.

    Args:
        source: from `convert.translate_saved_model`.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos since the last call.

    Raises:
        StageError: the calibrator failed.
    """
    model = onnx.load_model_from_string(source)
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        ranges = Path(work) / "ranges.json"
        try:
            _quantize(model, _INT8, (), ranges, _PhotoReader(photos, advance))
        except CONVERTER_ERRORS as error:
            raise StageError(f"onnxruntime could not calibrate: {first_line(error)}") from error
        # onnxruntime writes the ranges in the order of a set, which changes from process to process.
        values = json.loads(ranges.read_text(encoding="utf-8"))
    helper.set_model_props(model, {_RANGES: json.dumps(values, sort_keys=True)})
    return bytes(model.SerializeToString(deterministic=True))


def quantize_model(calibrated: bytes, method: Method, float_layers: Sequence[str], metadata: ModelMetadata) -> bytes:
    """Quantize a calibrated graph to int8, in QDQ form.

    Args:
        calibrated: from `calibrate_model`.
        method: dtype of the activations, signed or unsigned.
        float_layers: names of layers that stay in float, from `layer_errors`.
        metadata: written into the file.

    Raises:
        StageError: the quantizer failed, or made an invalid file.
    """
    try:
        return finish_model(quantize_graph(onnx.load_model_from_string(calibrated), method, float_layers), metadata)
    except CONVERTER_ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {first_line(error)}") from error


def quantize_graph(model: ModelProto, method: Method, float_layers: Sequence[str] = ()) -> ModelProto:
    """Quantize as `quantize_model` does, but keep the names of nodes and constants in the calibrated graph.

    Raises:
        CONVERTER_ERRORS: the quantizer failed.
    """
    (ranges,) = [prop.value for prop in model.metadata_props if prop.key == _RANGES]
    del model.metadata_props[:]
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        path = Path(work) / "ranges.json"
        path.write_text(ranges, encoding="utf-8")
        quantized = _quantize(model, method, float_layers, path, None)
    _prevent_weight_requantization(quantized, float_layers)
    return quantized


def _quantize(
    model: ModelProto,
    method: Method,
    float_layers: Sequence[str],
    ranges: Path,
    photos: quantization.CalibrationDataReader | None,
) -> ModelProto:
    """Quantize weights and activations with the ranges in a file. With photos, compute the ranges and write it."""
    preprocessing, scaled_pixels = graph.find_input_preprocessing(model)
    last = model.graph.node[-1]
    in_float = [node.name for layer in graph.iterate_layers(model) if layer[0].name in float_layers for node in layer]
    excluded = [*preprocessing, *in_float, *([last.name] if last.op_type in graph.FINAL_OPS else [])]
    activation_type = quantization.QuantType.QUInt8 if method.activations == "uint8" else quantization.QuantType.QInt8
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        unquantized, path = Path(work) / "unquantized.onnx", Path(work) / "quantized.onnx"
        with_shapes = onnx.shape_inference.infer_shapes(model)
        # Without this mark, the quantizer warns that the graph was not preprocessed. `convert` has preprocessed it.
        add_pre_process_metadata(with_shapes)
        onnx.save_model(with_shapes, unquantized)
        quantization.quantize_static(
            unquantized,
            path,
            photos,
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=activation_type,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=excluded,
            extra_options={
                "TensorQuantOverrides": {scaled_pixels: [_derive_pixel_quantization(model, scaled_pixels, method)]}
            },
            calibration_cache_path=ranges,
        )
        return onnx.load_model(path)


def _prevent_weight_requantization(model: ModelProto, float_layers: Sequence[str]) -> None:
    """Keep onnxruntime from quantizing the weights of float layers when it loads the file.

    onnxruntime quantizes the weights of a convolution between DequantizeLinear and QuantizeLinear, with one scale for
    all channels: the accuracy of a MobileNetV2 fell from 0.87 to 0.34. It does not if the DequantizeLinear has one
    scale for each channel. So the scale of the input is repeated for each channel.

    Source: onnxruntime, WeightBiasQuantization, since 1.21.
    """
    producers, constants = graph.map_producers(model), graph.map_initializers(model)
    for layer in [node for node in model.graph.node if node.name in float_layers]:
        source = producers.get(layer.input[0])
        if layer.op_type not in _REQUANTIZED_OPS or source is None or source.op_type != "DequantizeLinear":
            continue
        channels = _count_input_channels(layer, constants[layer.input[1]])
        names = [f"{layer.name}/{which}" for which in ("scales", "zero_points")]
        for name, parameter in zip(names, source.input[1:3], strict=True):
            values = np.full(channels, graph.to_array(constants[parameter]))
            model.graph.initializer.append(numpy_helper.from_array(values, name))
        tensor = f"{layer.name}/input"
        inputs = [source.input[0], *names]
        name = f"{layer.name}/DequantizeLinear"
        model.graph.node.append(helper.make_node("DequantizeLinear", inputs, [tensor], name=name, axis=1))
        layer.input[0] = tensor


def _count_input_channels(layer: NodeProto, weights: TensorProto) -> int:
    attributes = {attribute.name: attribute.i for attribute in layer.attribute}
    if layer.op_type == "Conv":
        return int(weights.dims[1]) * int(attributes.get("group", 1))
    return int(weights.dims[1 if attributes.get("transB") else 0])


def _derive_pixel_quantization(model: ModelProto, scaled_pixels: str, method: Method) -> dict[str, Any]:
    """Derive dtype, scale and zero point of the scaled pixels from the range of raw pixels, without calibration."""
    low, high = _measure_pixel_range(model, scaled_pixels)
    scale = (high - low) / _PIXEL_STEPS
    signed = method.activations != "uint8"
    return {
        "quant_type": quantization.QuantType.QInt8 if signed else quantization.QuantType.QUInt8,
        "scale": np.array(scale, np.float32),
        "zero_point": np.array(round((-127 if signed else 0) - low / scale), np.int8 if signed else np.uint8),
    }


def _measure_pixel_range(model: ModelProto, tensor: str) -> tuple[float, float]:
    """Measure the lowest and highest value of the scaled pixels; the range includes 0.

    The scaling is linear and separate for each channel, so black and white photos give the extremes.
    """
    probe = ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    session = runtime.open_unoptimized(probe)
    shape = session.get_inputs()[0].shape
    extremes = [session.run(None, {INPUT: np.full(shape, level, np.uint8)})[0] for level in _PIXEL_LIMITS]
    low = min(0.0, *(float(values.min()) for values in extremes))
    high = max(0.0, *(float(values.max()) for values in extremes))
    return low, high


class _PhotoReader(quantization.CalibrationDataReader):
    """Yields photos to onnxruntime's calibrator, one at a time."""

    def __init__(self, photos: Pixels, advance: Callable[[int], None]) -> None:
        self._photos = self._read(photos, advance)

    def _read(self, photos: Pixels, advance: Callable[[int], None]) -> Iterator[dict[str, Any]]:
        for index in range(len(photos)):
            yield {INPUT: photos.rows([index])}
            advance(1)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next photo, None after the last."""
        return next(self._photos, None)
