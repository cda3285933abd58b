"""A folded network with its ranges → a SavedModel that the TFLite converter turns into integers. Child processes only.

The scaling of the pixels comes first, as a convolution of 1x1 on raw RGB: one operator with one rounding, whatever the
scaling is. Kernels are written as multiples of their channel's step, from which the converter reads the same step, and
biases as multiples of what a step of the kernel times a step of the photo, or of the layer before, is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edgetl.core.network import folding, quantization
from edgetl.core.network.description import Network, Node, Weights, arrange_by_channel
from edgetl.engines.tfmot.keras2_model import Keras2Model

INPUT, OUTPUT = "image", "scores"
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelScaling:
    """What the model does to raw RGB: `pixels @ matrix + offset`, float32 [3, 3] and [3]."""

    matrix: np.ndarray
    offset: np.ndarray

    @property
    def range(self) -> Range:
        """A range that holds what comes out of 0..255, all channels together, with zero on one of its levels."""
        ends = 255 * np.stack([np.minimum(self.matrix, 0).sum(0), np.maximum(self.matrix, 0).sum(0)]) + self.offset
        return quantization.widen_range(min(float(ends.min()), 0.0), max(float(ends.max()), 0.0))

    def whole(self) -> "PixelScaling":
        """The same in whole steps, as the integer file has it: a gray of 128 lies that near to a half."""
        node = Node(name="scaling", kind="Conv2D", inputs=(), shape=(3,), weights=(self.matrix, self.offset))
        matrix, offset = round_weights(node, 1.0)
        return PixelScaling(matrix=matrix, offset=offset)

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [photos, side, side, 3] → float32 of the same shape."""
        return np.asarray(pixels.astype(np.float32) @ self.matrix + self.offset, np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantizedNetwork:
    """A folded network in whole steps, its Keras 2 twin, and the range of each output that has one of its own."""

    network: Network
    twin: Keras2Model
    ranges: Mapping[str, Range]


def export_integer_model(finished: QuantizedNetwork, scaling: PixelScaling, folder: Path) -> None:
    """Write the SavedModel: float32 "image" [1, side, side, 3] of 0..255 → "scores" [1, units].

    Args:
        finished: what `stepped` made; its weights are put into its twin.
        scaling: what is done to the pixels.
        folder: where the SavedModel goes.
    """
    network, layers, ranges = finished.network, finished.twin.layers, finished.ranges
    first = network.nodes[0]
    for node in network.nodes:
        if node.weights:
            layers[node.name].set_weights(list(node.weights))

    def pinned(value: Any, of: Range) -> Any:
        return tf.quantization.fake_quant_with_min_max_args(value, min=of[0], max=of[1])

    def serve(image: Any) -> dict[str, Any]:
        raw = pinned(image, (0.0, 255.0))
        mixed = tf.nn.conv2d(raw, scaling.matrix.reshape(1, 1, 3, 3), 1, "VALID") + scaling.offset
        tensors = {first.name: pinned(mixed, scaling.range)}
        for node in network.nodes[1:]:
            eaten = [tensors[name] for name in node.inputs]
            answer = layers[node.name](eaten[0] if len(eaten) == 1 else eaten)
            tensors[node.name] = pinned(answer, ranges[node.name]) if node.name in ranges else answer
        return {OUTPUT: tensors[network.nodes[-1].name]}

    module = tf.Module()
    module.layers = list(layers.values())
    signature = tf.TensorSpec((1, *first.shape), tf.float32, name=INPUT)
    module.serve = tf.function(serve, input_signature=[signature])
    tf.saved_model.save(module, str(folder), signatures=module.serve)


def round_to_grid(network: Network, ranges: Mapping[str, Range]) -> Network:
    """The network with the weights that an integer file will hold.

    Args:
        network: folded.
        ranges: of each output that has one of its own, the scaled photo's among them. A sigmoid's is fixed, and the
            others have that of what they eat.
    """
    steps: dict[str, float] = {}
    changed: dict[str, Weights] = {}
    known = {**dict.fromkeys(folding.list_fixed_outputs(network), folding.SIGMOID_RANGE), **ranges}
    for node in network.nodes:
        low, high = known.get(node.name, (0.0, 0.0))
        steps[node.name] = (high - low) / 255 if node.name in known else steps[node.inputs[0]]
        if node.weights:
            changed[node.name] = round_weights(node, steps[node.inputs[0]])
    return network.replace_weights(changed)


def round_weights(node: Node, input_scale: float) -> Weights:
    """Round a layer's weights to multiples of their scale, one for each output channel.

    Biases are rounded to multiples of weight scale times input scale, as integer kernels store them.

    Args:
        node: a layer with weights.
        input_scale: quantization scale of its input.

    Returns:
        float32 arrays of the same shapes.

    Source: the TFLite 8-bit quantization specification, "int8 quantized operator specifications".
    """
    weights, *biases = node.weights
    flat = arrange_by_channel(node)
    scales = quantization.compute_weight_scales(flat, axis=1)
    integers = quantization.quantize_weights(flat, scales, axis=1)
    rounded = np.asarray(integers * scales, np.float32).reshape(weights.shape)
    bias_scales = scales.astype(np.float64) * input_scale
    # The scale of a channel of zeros means nothing: its bias is kept.
    nonzero = np.abs(flat).max(axis=0) > 0
    rounded_biases = [
        np.where(nonzero, np.round(bias / bias_scales) * bias_scales, bias).astype(np.float32) for bias in biases
    ]
    return (rounded, *rounded_biases)
