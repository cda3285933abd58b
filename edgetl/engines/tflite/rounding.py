"""A calibrated .tflite file and photos → an int8 file whose weights are rounded by AdaRound.

The file is the one that the quantizer makes, with other integers in the same places. Each layer is optimized with what
LiteRT computes with the layers before it, on the kernels that devices run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgetl.core.errors import StageError
from edgetl.core.network.rounding.layers import Integers, Layer, dequantize_biases, round_biases
from edgetl.core.network.rounding.rounding import round_layers
from edgetl.core.network.rounding.windows import Window, pad_same
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.tflite.calibrate import quantize_model
from edgetl.engines.tflite.graph import TFLiteGraph
from edgetl.engines.tflite.parts import compute_part

_DEPTHWISE = schema.BuiltinOperator.DEPTHWISE_CONV_2D
_DENSE = schema.BuiltinOperator.FULLY_CONNECTED


def round_model(calibrated: bytes, photos: Pixels, advance: Callable[[int], None]) -> tuple[bytes, tuple[str, ...]]:
    """Quantize a calibrated model to int8, with weights rounded up or down as the photos require.

    Args:
        calibrated: from `calibrate.calibrate_model`.
        photos: uint8 [photos, height, width, 3].
        advance: called with 1 after each layer.

    Returns:
        The content of the file, and the names of layers that are rounded to the nearest.

    Raises:
        StageError: the quantizer failed, or the file does not compute what was optimized.
    """
    file = TFLiteFile(calibrated, quantize_model(calibrated))
    round_layers(file, photos, advance)
    return file.graph.pack(), file.unchanged


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a layer is in both files.

    Attributes:
        operator: position of the operator in the 8-bit file.
        float_operator: position in the float file.
        window: geometry of a convolution; None for a dense layer.
    """

    operator: int
    float_operator: int
    window: Window | None


class TFLiteFile:
    """An int8 file and its float model: see `rounding.IntegerFile`.

    Attributes:
        graph: the int8 file.
        layers: its layers.
        unchanged: names of layers that cannot be changed: with groups, or with weights that other layers have, too.
    """

    def __init__(self, calibrated: bytes, quantized: bytes) -> None:
        self.graph = TFLiteGraph(quantized)
        self._float = TFLiteGraph(calibrated)
        operators, float_operators = self.graph.list_weighted(), self._float.list_weighted()
        if len(operators) != len(float_operators):
            raise StageError(
                f"the int8 file has {len(operators)} layers with weights, the float file {len(float_operators)}"
            )
        self._places: list[_Place] = []
        self.layers: list[Layer] = []
        unchanged = []
        for operator in operators:
            # The converter stores equal biases once, as those of zeros. Each layer needs its own.
            self.graph.separate(operator, 2)
        for operator, float_operator in zip(operators, float_operators, strict=True):
            place = _Place(
                operator=operator, float_operator=float_operator, window=_describe_window(self.graph, operator)
            )
            if _can_change(self.graph, operator):
                self._places.append(place)
                self.layers.append(self._describe(place))
            else:
                unchanged.append(self._name(operator))
        self.unchanged = tuple(unchanged)

    def sample_inputs(self, number: int, photos: Pixels, places: np.ndarray) -> NDArray[np.float32]:
        """See `rounding.IntegerFile`."""
        place, layer = self._places[number], self.layers[number]
        tensor = self.graph.operators[place.operator].inputs[0]
        scale, zero_point = self._get_quantization(tensor)

        def gather(row: int, outputs: list[np.ndarray]) -> np.ndarray:
            (values,) = outputs
            if place.window is None:
                return values.reshape(-1, layer.weights.shape[1])[places[row]]
            return place.window.gather(values[0], places[row], zero_point)

        content = self.graph.pack([tensor], place.operator)
        raw = compute_part(content, photos, gather)
        values = (raw.reshape(-1, *raw.shape[2:]).astype(np.float32) - zero_point) * np.float32(scale)
        if layer.depthwise:
            return np.ascontiguousarray(values.transpose(0, 2, 1))
        return values.reshape(len(values), -1)

    def sample_outputs(
        self, numbers: Sequence[int], photos: Pixels, places: Sequence[np.ndarray], *, quantized: bool
    ) -> list[NDArray[np.float32]]:
        """See `rounding.IntegerFile`."""
        graph = self.graph if quantized else self._float
        positions = [
            self._places[number].operator if quantized else self._places[number].float_operator for number in numbers
        ]
        tensors = [graph.operators[position].outputs[0] for position in positions]
        channels = [self.layers[number].channels for number in numbers]

        def gather(row: int, outputs: list[np.ndarray]) -> np.ndarray:
            parts = zip(outputs, channels, places, strict=True)
            return np.concatenate([values.reshape(-1, count)[rows[row]].ravel() for values, count, rows in parts])

        # The last layer is not always that of the last position: outputs of branches may be listed in any order.
        raw = compute_part(graph.pack(tensors, max(positions) + 1), photos, gather)
        ends = np.cumsum([rows.shape[1] * count for rows, count in zip(places, channels, strict=True)])
        samples = []
        for values, count, tensor in zip(np.split(raw, ends[:-1], axis=1), channels, tensors, strict=True):
            matrix = values.reshape(-1, count).astype(np.float32)
            if quantized:
                scale, zero_point = self._get_quantization(tensor)
                matrix = (matrix - zero_point) * np.float32(scale)
            samples.append(matrix)
        return samples

    def write(self, number: int, integers: Integers) -> Integers:
        """See `rounding.IntegerFile`."""
        layer, operator = self.layers[number], self.graph.operators[self._places[number].operator]
        input_scale, _ = self._get_quantization(operator.inputs[0])
        shape = tuple(self.graph.get_tensor(operator.inputs[1]).shape)
        weights = integers.weights.T.reshape(shape) if layer.depthwise else integers.weights.reshape(shape)
        has_scales = layer.has_channel_scales
        self.graph.write(operator.inputs[1], weights, integers.scales.tolist() if has_scales else ())
        if not layer.has_biases:
            return integers
        biases, scales = round_biases(integers.biases, integers.scales, input_scale)
        self.graph.write(operator.inputs[2], biases, scales.tolist() if has_scales else ())
        return Integers(weights=integers.weights, scales=integers.scales, biases=dequantize_biases(biases, scales))

    def _describe(self, place: _Place) -> Layer:
        operator, source = self.graph.operators[place.operator], self._float.operators[place.float_operator]
        depthwise = self.graph.find_kind(operator) == _DEPTHWISE
        weights, integers = (
            _to_matrix(graph.read(part.inputs[1]), depthwise=depthwise)
            for graph, part in ((self._float, source), (self.graph, operator))
        )
        channels = len(weights)
        quantization = self.graph.get_tensor(operator.inputs[1]).quantization
        scales = np.broadcast_to(np.asarray(quantization.scale, np.float32), channels)
        has_biases = len(operator.inputs) > 2 and operator.inputs[2] >= 0
        biases = stored_biases = np.zeros(channels, np.float32)
        if has_biases:
            bias_scales = self.graph.get_tensor(operator.inputs[2]).quantization.scale
            biases = self._float.read(source.inputs[2])
            stored_biases = dequantize_biases(self.graph.read(operator.inputs[2]), np.asarray(bias_scales, np.float32))
        scale, zero_point = self._get_quantization(operator.outputs[0])
        layer = Layer(
            name=self._name(place.operator),
            weights=weights,
            biases=biases,
            integers=Integers(weights=integers, scales=scales, biases=stored_biases),
            depthwise=depthwise,
            places=int(np.prod(self.graph.get_tensor(operator.outputs[0]).shape)) // channels,
            has_biases=has_biases,
            has_channel_scales=len(quantization.scale) == channels,
            low=(-128 - zero_point) * scale,
            high=(127 - zero_point) * scale,
        )
        # Integers of another layer would be far from these weights.
        if integers.shape != weights.shape or np.abs(layer.integers.dequantize() - weights).max() > 0.51 * scales.max():
            raise StageError(f"the quantizer did not make {layer.name} from the weights of the float model")
        return layer

    def _name(self, operator: int) -> str:
        return str(self.graph.get_tensor(self.graph.operators[operator].outputs[0]).name.decode())

    def _get_quantization(self, tensor: int) -> tuple[float, int]:
        quantization = self.graph.get_tensor(tensor).quantization
        return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def _to_matrix(weights: np.ndarray, *, depthwise: bool) -> np.ndarray:
    """Return weights as [channels, inputs]. A depthwise layer stores [1, height, width, channels]."""
    if depthwise:
        return np.ascontiguousarray(weights[0].reshape(-1, weights.shape[-1]).T)
    return weights.reshape(len(weights), -1)


def _can_change(graph: TFLiteGraph, position: int) -> bool:
    """Return whether the weights are those of this operator alone, and the layer has no groups and no multiplier."""
    operator = graph.operators[position]
    constants = [index for index in operator.inputs[1:] if index >= 0]
    if any(graph.count_uses(index) > 1 or not graph.is_constant(index) for index in constants):
        return False
    inputs = int(graph.get_tensor(operator.inputs[0]).shape[-1])
    weights = graph.get_tensor(operator.inputs[1]).shape
    kind = graph.find_kind(operator)
    # The last axis of weights is that of the output channels of a depthwise layer, and that of the input otherwise.
    return int(weights[-1]) == inputs or kind == _DENSE


def _describe_window(graph: TFLiteGraph, position: int) -> Window | None:
    operator = graph.operators[position]
    if graph.find_kind(operator) == _DENSE:
        return None
    options: Any = operator.builtinOptions
    size, inputs, outputs = (
        (int(graph.get_tensor(index).shape[1]), int(graph.get_tensor(index).shape[2]))
        for index in (operator.inputs[1], operator.inputs[0], operator.outputs[0])
    )
    strides = options.strideH, options.strideW
    dilations = options.dilationHFactor, options.dilationWFactor
    padding = (0, 0)
    if options.padding == schema.Padding.SAME:
        padding = (
            pad_same(inputs[0], outputs[0], size[0], strides[0], dilations[0]),
            pad_same(inputs[1], outputs[1], size[1], strides[1], dilations[1]),
        )
    return Window(size=size, strides=strides, dilations=dilations, padding=padding, outputs=outputs)
