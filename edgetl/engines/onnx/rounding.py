"""A calibrated ONNX graph and photos → an int8 file whose weights are rounded by AdaRound.

The file is the one that the quantizer makes, with other integers in the same places. Each layer is optimized with what
onnxruntime computes with the layers before it, on the kernels that devices run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from edgetl.core.errors import StageError, first_line
from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.network.rounding.layers import Integers, Layer, dequantize_biases, round_biases
from edgetl.core.network.rounding.rounding import round_layers
from edgetl.core.network.rounding.windows import Window
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph
from edgetl.engines.onnx.calibrate import quantize_graph
from edgetl.engines.onnx.convert import CONVERTER_ERRORS, finish_model
from edgetl.engines.onnx.parts import compute_part, cut_graph


def round_model(
    calibrated: bytes, photos: Pixels, metadata: ModelMetadata, advance: Callable[[int], None]
) -> tuple[bytes, tuple[str, ...]]:
    """Quantize a calibrated graph to int8, with weights rounded up or down as the photos require.

    Args:
        calibrated: from `calibrate.calibrate_model`.
        photos: uint8 [photos, height, width, 3].
        metadata: written into the file.
        advance: called with 1 after each layer.

    Returns:
        The content of the file, and the names of layers that are rounded to the nearest.

    Raises:
        StageError: the quantizer failed, or the file does not compute what was optimized.
    """
    model = onnx.load_model_from_string(calibrated)
    try:
        quantized = quantize_graph(onnx.load_model_from_string(calibrated), METHODS["int8_adaround"])
        file = OnnxFile(model, quantized)
        round_layers(file, photos, advance)
        return finish_model(quantized, metadata), file.unchanged
    except CONVERTER_ERRORS as error:
        raise StageError(f"the ONNX quantizer failed: {first_line(error)}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a layer is in the quantized graph.

    Attributes:
        inputs: the int8 tensor that it consumes, and the names of the scale and zero point of this tensor.
        outputs: its float output, activation included, which has the same name in the float graph.
        constants: names of the integers and the scales of its weights, and of its biases if it has some.
        axis: of the output channels in its weights.
        window: geometry of a convolution; None for a dense layer.
    """

    inputs: tuple[str, str, str]
    outputs: str
    constants: tuple[tuple[str, str], ...]
    axis: int
    window: Window | None


class OnnxFile:
    """An int8 graph and its float graph: see `rounding.IntegerFile`.

    Attributes:
        layers: the layers of the int8 graph.
        unchanged: names of layers that cannot be changed: with groups, or with weights that other layers have, too.
    """

    def __init__(self, model: ModelProto, quantized: ModelProto) -> None:
        self._float, self._quantized = model, quantized
        _separate_biases(quantized)
        self._constants = graph.map_initializers(quantized)
        self._producers, self._consumers = graph.map_producers(quantized), graph.map_consumers(quantized)
        self._shapes = _infer_shapes(model)
        sources = {node.name: node for node in model.graph.node}
        self._places: list[_Place] = []
        self.layers: list[Layer] = []
        unchanged = []
        for node in quantized.graph.node:
            if node.op_type not in graph.WEIGHTED_OPS or node.input[1] not in self._producers:
                continue
            place = self._locate(node)
            if place is None:
                unchanged.append(node.name)
                continue
            self._places.append(place)
            self.layers.append(self._describe(sources[node.name], place))
        self.unchanged = tuple(unchanged)

    def sample_inputs(self, number: int, photos: Pixels, places: np.ndarray) -> NDArray[np.float32]:
        """See `rounding.IntegerFile`."""
        place, layer = self._places[number], self.layers[number]
        scale, zero_point = self._read_quantization(place)

        def gather(row: int, outputs: list[np.ndarray]) -> np.ndarray:
            (values,) = outputs
            if place.window is None:
                return values.reshape(-1, layer.weights.shape[1])[places[row]]
            return place.window.gather(np.moveaxis(values[0], 0, -1), places[row], zero_point)

        raw = compute_part(cut_graph(self._quantized, [place.inputs[0]], TensorProto.INT8), photos, gather)
        values = (raw.reshape(-1, *raw.shape[2:]).astype(np.float32) - zero_point) * np.float32(scale)
        if layer.depthwise:
            return np.ascontiguousarray(values.transpose(0, 2, 1))
        return values.reshape(len(values), -1)

    def sample_outputs(
        self, numbers: Sequence[int], photos: Pixels, places: Sequence[np.ndarray], *, quantized: bool
    ) -> list[NDArray[np.float32]]:
        """See `rounding.IntegerFile`."""
        chosen = [self._places[number] for number in numbers]
        channels = [self.layers[number].channels for number in numbers]

        def gather(row: int, outputs: list[np.ndarray]) -> np.ndarray:
            parts = []
            for values, place, count, rows in zip(outputs, chosen, channels, places, strict=True):
                by_place = values if place.window is None else np.moveaxis(values, 1, -1)
                parts.append(by_place.reshape(-1, count)[rows[row]].ravel())
            return np.concatenate(parts)

        # In the int8 graph, the value after DequantizeLinear is what the next layer consumes.
        tensors = [self._find_dequantized(place.outputs) if quantized else place.outputs for place in chosen]
        model = self._quantized if quantized else self._float
        raw = compute_part(cut_graph(model, tensors, TensorProto.FLOAT), photos, gather)
        ends = np.cumsum([rows.shape[1] * count for rows, count in zip(places, channels, strict=True)])
        parts = zip(np.split(raw, ends[:-1], axis=1), channels, strict=True)
        return [values.reshape(-1, count) for values, count in parts]

    def write(self, number: int, integers: Integers) -> Integers:
        """See `rounding.IntegerFile`."""
        layer, place = self.layers[number], self._places[number]
        shape = tuple(self._constants[place.constants[0][0]].dims)
        weights = _from_matrix(integers.weights, shape, place)
        scales: tuple[np.ndarray, ...] = (weights, integers.scales)
        self._replace(place.constants[0], scales, has_scales=layer.has_channel_scales)
        if not layer.has_biases:
            return integers
        input_scale, _ = self._read_quantization(place)
        biases, bias_scales = round_biases(integers.biases, integers.scales, input_scale)
        self._replace(place.constants[1], (biases, bias_scales), has_scales=layer.has_channel_scales)
        return Integers(weights=integers.weights, scales=integers.scales, biases=dequantize_biases(biases, bias_scales))

    def _replace(self, names: tuple[str, str], values: tuple[np.ndarray, ...], *, has_scales: bool) -> None:
        for name, array in zip(names, values if has_scales else values[:1], strict=False):
            self._constants[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))

    def _locate(self, node: NodeProto) -> _Place | None:
        """Find the constants of a layer; None if another layer has them, too, or the layer has groups."""
        sources = [self._producers.get(name) for name in node.input]
        if any(source is None or source.op_type != "DequantizeLinear" for source in sources):
            return None
        weights = [source for source in sources[1:] if source is not None]
        is_shared = any(
            len(self._consumers[name]) > 1 for source in weights for name in (source.input[0], source.output[0])
        )
        shape = tuple(self._constants[weights[0].input[0]].dims)
        window = None
        if node.op_type == "Conv":
            groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            if groups != 1 and (groups != shape[0] or shape[1] != 1):
                return None
            window = _describe_window(node, shape, self._shapes[node.output[0]])
        if is_shared:
            return None
        image = sources[0]
        assert image is not None
        return _Place(
            inputs=(image.input[0], image.input[1], image.input[2]),
            outputs=node.output[0],
            constants=tuple((source.input[0], source.input[1]) for source in weights),
            axis=graph.find_channel_axis(node, len(shape)),
            window=window,
        )

    def _describe(self, source: NodeProto, place: _Place) -> Layer:
        constants = graph.map_initializers(self._float)
        weights = _to_matrix(graph.to_array(constants[source.input[1]]), place)
        names = place.constants
        integers, scales = (graph.to_array(self._constants[name]) for name in names[0])
        channels = len(weights)
        has_biases = len(names) > 1
        biases = stored_biases = np.zeros(channels, np.float32)
        if has_biases:
            biases = graph.to_array(constants[source.input[2]])
            stored_biases = dequantize_biases(*(graph.to_array(self._constants[name]) for name in names[1]))
        low, high = self._read_range(place.outputs)
        shape = tuple(self._constants[names[0][0]].dims)
        return Layer(
            name=source.name,
            weights=weights,
            biases=biases,
            integers=Integers(
                weights=_to_matrix(integers, place),
                scales=np.broadcast_to(scales.astype(np.float32), channels),
                biases=stored_biases,
            ),
            depthwise=place.window is not None and shape[1] == 1 and channels > 1,
            places=int(np.prod(self._shapes[place.outputs])) // channels,
            has_biases=has_biases,
            has_channel_scales=scales.size == channels,
            low=low,
            high=high,
        )

    def _find_dequantized(self, tensor: str) -> str:
        quantize = self._find_quantize(tensor)
        if quantize is None:
            return tensor
        return str(self._consumers[quantize.output[0]][0].output[0])

    def _find_quantize(self, tensor: str) -> NodeProto | None:
        nodes = (node for node in self._consumers.get(tensor, []) if node.op_type == "QuantizeLinear")
        return next(nodes, None)

    def _read_range(self, tensor: str) -> tuple[float, float]:
        """Return the smallest and largest value of an output; infinite where it stays in float."""
        quantize = self._find_quantize(tensor)
        if quantize is None:
            return -np.inf, np.inf
        scale, zero_point = (graph.to_array(self._constants[name]) for name in quantize.input[1:3])
        return float((-128 - int(zero_point)) * scale), float((127 - int(zero_point)) * scale)

    def _read_quantization(self, place: _Place) -> tuple[float, int]:
        scale, zero_point = (graph.to_array(self._constants[name]) for name in place.inputs[1:])
        return float(scale), int(zero_point)


def _separate_biases(model: ModelProto) -> None:
    """Give each layer biases of its own. The quantizer stores equal ones once, as those of zeros."""
    producers, consumers = graph.map_producers(model), graph.map_consumers(model)
    constants = graph.map_initializers(model)
    for node in [node for node in model.graph.node if node.op_type in graph.WEIGHTED_OPS and len(node.input) > 2]:
        source = producers.get(node.input[2])
        if source is None or all(len(consumers[name]) == 1 for name in (*source.input[:2], source.output[0])):
            continue
        copied = NodeProto()
        copied.CopyFrom(source)
        copied.name = f"{node.name}/biases"
        for position, name in enumerate(source.input[:2]):
            copied.input[position] = f"{copied.name}/{position}"
            values = graph.to_array(constants[name])
            model.graph.initializer.append(numpy_helper.from_array(values, copied.input[position]))
        copied.output[0] = node.input[2] = copied.name
        model.graph.node.insert(0, copied)


def _to_matrix(weights: np.ndarray, place: _Place) -> np.ndarray:
    """Return weights as [channels, inputs], in the order of `Window.gather`."""
    if place.window is None:
        return np.moveaxis(weights, place.axis, 0).reshape(weights.shape[place.axis], -1)
    # [channels, inputs, height, width] → [channels, height, width, inputs].
    return np.moveaxis(weights, 1, -1).reshape(len(weights), -1)


def _from_matrix(matrix: np.ndarray, shape: tuple[int, ...], place: _Place) -> np.ndarray:
    """Return [channels, inputs] as weights of a shape: the reverse of `_to_matrix`."""
    if place.window is None:
        return np.moveaxis(matrix.reshape(shape[place.axis], -1), 0, place.axis).reshape(shape)
    channels, inputs, height, width = shape
    return np.moveaxis(matrix.reshape(channels, height, width, inputs), -1, 1)


def _describe_window(node: NodeProto, weights: tuple[int, ...], outputs: tuple[int, ...]) -> Window:
    values = {attribute.name: tuple(attribute.ints) for attribute in node.attribute}
    top, left = values.get("pads", (0, 0, 0, 0))[:2]
    vertical, horizontal = values.get("strides", (1, 1))
    return Window(
        size=(weights[2], weights[3]),
        strides=(vertical, horizontal),
        dilations=(values.get("dilations", (1, 1))[0], values.get("dilations", (1, 1))[1]),
        padding=(top, left),
        outputs=(outputs[2], outputs[3]),
    )


def _infer_shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Map each tensor of the float graph to its shape."""
    values = onnx.shape_inference.infer_shapes(model).graph.value_info
    shapes = {value.name: tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim) for value in values}
    output = model.graph.output[0]
    return {**shapes, output.name: tuple(axis.dim_value for axis in output.type.tensor_type.shape.dim)}
