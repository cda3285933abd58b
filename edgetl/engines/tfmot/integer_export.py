"""A folded network and its activation ranges → a SavedModel for the converters to int8. Child process only.

The scaling of the pixels is a 1x1 convolution on raw RGB: one operator and one rounding for any scaling. Weights are
multiples of the scale of their output channel, so that a converter derives the same scale from them. Biases are
multiples of weight scale times input scale.
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

# The names in `engines.keras.saved_model`, which cannot be imported beside Keras 2.
INPUT, OUTPUT = "image", "scores"
# Lowest and highest value of a tensor.
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelScaling:
    """The input scaling of a model: raw RGB pixels @ matrix + offset, with float32 [3, 3] and float32 [3]."""

    matrix: np.ndarray
    offset: np.ndarray

    @property
    def output_range(self) -> Range:
        """Return a range of all scaled pixels, of which 0.0 is a quantization level."""
        # Each output is linear in the pixels, so its extremes are where positive weights meet 255 and negative ones 0,
        # or the reverse.
        extremes = 255 * np.stack([np.minimum(self.matrix, 0).sum(0), np.maximum(self.matrix, 0).sum(0)]) + self.offset
        return quantization.widen_range(min(float(extremes.min()), 0.0), max(float(extremes.max()), 0.0))

    def quantize(self) -> "PixelScaling":
        """Return the same scaling with weights and bias rounded as in the integer file.

        The difference matters next to ties: scaled to -1..1, the pixel value 128 is 0.498 quantization steps above
        zero. In the file it is 0.502 steps above, because the bias of -1 is rounded.
        """
        node = Node(name="scaling", kind="Conv2D", inputs=(), shape=(3,), weights=(self.matrix, self.offset))
        # The scale of raw pixels 0..255 is 1.
        matrix, offset = round_weights(node, 1.0)
        return PixelScaling(matrix=matrix, offset=offset)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Scale uint8 [photos, side, side, 3]; return float32 of the same shape."""
        factors = self.matrix.diagonal()
        if (self.matrix != np.diag(factors)).any():
            return np.asarray(pixels.astype(np.float32) @ self.matrix + self.offset, np.float32)
        # The same values in a fifth of the time: numpy is slow for rows of three.
        columns = pixels.shape[-2]
        rows = pixels.reshape(*pixels.shape[:-2], -1) * np.tile(factors, columns)
        return np.asarray(rows + np.tile(self.offset, columns), np.float32).reshape(pixels.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantizedNetwork:
    """A network ready to be exported.

    Attributes:
        network: from `round_to_grid`.
        keras2: the same network in Keras 2. Its weights are overwritten.
        ranges: name of a node → activation range of its output.
    """

    network: Network
    keras2: Keras2Model
    ranges: Mapping[str, Range]


def export_integer_model(quantized: QuantizedNetwork, scaling: PixelScaling, folder: Path) -> None:
    """Write a SavedModel with the input "image", float32 [1, side, side, 3] of 0..255, and the output "scores".

    Args:
        quantized: the network without the input scaling.
        scaling: from `PixelScaling.quantize`.
        folder: where the SavedModel is written.
    """
    network, layers, ranges = quantized.network, quantized.keras2.layers, quantized.ranges
    first = network.nodes[0]
    for node in network.nodes:
        if node.weights:
            layers[node.name].set_weights(list(node.weights))

    def fake_quantize(tensor: Any, limits: Range) -> Any:
        return tf.quantization.fake_quant_with_min_max_args(tensor, min=limits[0], max=limits[1])

    def serve(image: Any) -> dict[str, Any]:
        raw = fake_quantize(image, (0.0, 255.0))
        scaled = tf.nn.conv2d(raw, scaling.matrix.reshape(1, 1, 3, 3), 1, "VALID") + scaling.offset
        tensors = {first.name: fake_quantize(scaled, scaling.output_range)}
        for node in network.nodes[1:]:
            inputs = [tensors[name] for name in node.inputs]
            output = layers[node.name](inputs[0] if len(inputs) == 1 else inputs)
            # The converters know the other ranges: a fixed one, or that of the input.
            tensors[node.name] = fake_quantize(output, ranges[node.name]) if node.name in ranges else output
        return {OUTPUT: tensors[network.nodes[-1].name]}

    module = tf.Module()
    # tf.saved_model.save finds variables through the attributes of the module.
    module.layers = list(layers.values())
    signature = tf.TensorSpec((1, *first.shape), tf.float32, name=INPUT)
    module.serve = tf.function(serve, input_signature=[signature])
    tf.saved_model.save(module, str(folder), signatures=module.serve)


def round_to_grid(network: Network, ranges: Mapping[str, Range]) -> Network:
    """Round the weights of a network as an integer file stores them: see `round_weights`.

    Args:
        network: folded.
        ranges: activation range of the input and of every output in `folding.list_calibrated_outputs`.
    """
    scales: dict[str, float] = {}
    rounded: dict[str, Weights] = {}
    known_ranges = {**dict.fromkeys(folding.list_fixed_outputs(network), folding.SIGMOID_RANGE), **ranges}
    for node in network.nodes:
        low, high = known_ranges.get(node.name, (0.0, 0.0))
        # Fake quantization moves both ends until 0.0 is a level, which does not change the scale. Source: Nudge in
        # tensorflow/core/kernels/fake_quant_ops_functor.h.
        # A node without a range has the scale of its input. That of a layer whose activation is fused with it, or of
        # an input of a Concatenate, is never read: those consumers have ranges and no weights.
        scales[node.name] = (high - low) / 255 if node.name in known_ranges else scales[node.inputs[0]]
        if node.weights:
            rounded[node.name] = round_weights(node, scales[node.inputs[0]])
    return network.replace_weights(rounded)


def round_weights(node: Node, input_scale: float) -> Weights:
    """Round the weights of a layer to multiples of their scale, one for each output channel.

    Biases are rounded to multiples of weight scale times input scale, as integer kernels store them.

    Args:
        node: a layer with weights.
        input_scale: quantization scale of its input.

    Returns:
        float32 arrays of the same shapes.

    Source: the TFLite 8-bit quantization specification, "int8 quantized operator specifications".
    """
    weights, *biases = node.weights
    by_channel = arrange_by_channel(node)
    scales = quantization.compute_weight_scales(by_channel, axis=1)
    integers = quantization.quantize_weights(by_channel, scales, axis=1)
    rounded = np.asarray(integers * scales, np.float32).reshape(weights.shape)
    # In float64: biases are integers of up to 32 bits, more than float32 represents exactly. The converter divides by
    # the same scales and finds integers, so that its rounding of halves does not matter.
    bias_scales = scales.astype(np.float64) * input_scale
    # A channel of zeros has an arbitrary scale, on whose grid its bias would be meaningless: it stays as it is.
    is_nonzero = np.abs(by_channel).max(axis=0) > 0
    rounded_biases = [
        np.where(is_nonzero, np.round(bias / bias_scales) * bias_scales, bias).astype(np.float32) for bias in biases
    ]
    return (rounded, *rounded_biases)
