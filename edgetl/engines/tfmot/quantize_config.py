"""Placement of tfmot's fake quantization in a network that `core.network.folding` has folded. Child process only.

tfmot's own placement rejects many layers: BatchNormalization without a convolution before it, Multiply, scaled sums,
hard swish. A folded network has few kinds of layers, and one QuantizeConfig serves them all. It quantizes

- weights, with one symmetric scale per output channel, as TFLite's kernels expect them,
- outputs that have an activation range: see `folding.list_calibrated_outputs`,
- outputs that integer kernels round without a range of their own: a sigmoid to its fixed range, an average pooling to
  the range of its input.

Fake quantization rounds halves up: floor(x + 0.5). Source: tensorflow/core/kernels/fake_quant_ops_functor.h.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from edgetl.core.network import folding
from edgetl.core.network.description import Network, Node
from edgetl.core.network.folding import CONVOLUTIONS

# Attribute of the weights in each Keras layer.
_WEIGHT_ATTRIBUTES = {"Conv2D": "kernel", "Dense": "kernel", "DepthwiseConv2D": "depthwise_kernel"}


class WeightQuantizer(tfmot.quantization.keras.quantizers.LastValueQuantizer):
    """Fake quantization of weights to int8, -127..127, with one scale for each output channel.

    Source: TFLite 8-bit quantization specification.
    """

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:  # noqa: ARG002
        """Quantize weights; in a training step, in the ranges of their current values, which become those of the layer.

        With tfmot's own ranges and gradient, a training step takes a tenth more processor time.
        """
        low, high = weights["min_var"], weights["max_var"]
        if training:
            low, high = self.compute_ranges(inputs)
            weights["min_var"].assign(low)
            weights["max_var"].assign(high)
        return _quantize_channels(tf.convert_to_tensor(inputs), low, high)

    def compute_ranges(self, weights: Any) -> tuple[Any, Any]:
        """Compute the symmetric range of each channel.

        Args:
            weights: float32, output channels in the last axis.

        Returns:
            Minimum and maximum, float32 [channels].
        """
        largest = tf.reduce_max(tf.abs(weights), axis=list(range(len(weights.shape) - 1)))
        return -largest, largest


class DepthwiseWeightQuantizer(WeightQuantizer):
    """The same for depthwise weights [height, width, channels, multiplier].

    tfmot's quantizers take the last axis as the output channels. In depthwise weights that is the multiplier, usually
    1, and all channels would share one range.
    """

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Add variables with the minimum and maximum of each output channel to the layer."""
        return super().build((tensor_shape[2] * tensor_shape[3],), name, layer)

    def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **kwargs: Any) -> Any:
        """Quantize the weights with their output channels in the last axis, and restore the shape."""
        return tf.reshape(super().__call__(_flatten_channels(inputs), training, weights, **kwargs), inputs.shape)

    def compute_ranges(self, weights: Any) -> tuple[Any, Any]:
        """Compute the symmetric range of each output channel."""
        return super().compute_ranges(_flatten_channels(weights))


def _quantize_with_gradient(weights: Any, low: Any, high: Any) -> tuple[Any, Callable[[Any], tuple[Any, None, None]]]:
    """Quantize weights [..., channels] in ranges [channels] that contain all of them.

    The gradient passes everywhere. TensorFlow's own gradient looks for weights outside the range, of which there are
    none, and computes the gradients of the ranges, which are not trained.
    """
    quantized = tf.quantization.fake_quant_with_min_max_vars_per_channel(weights, low, high, narrow_range=True)
    return quantized, lambda gradient: (gradient, None, None)


_quantize_channels: Callable[..., Any] = tf.custom_gradient(_quantize_with_gradient)


def _flatten_channels(weights: Any) -> Any:
    # tfmot computes ranges per channel for tensors of rank 2 and 4 only, hence the axis of length 1.
    return tf.reshape(weights, (weights.shape[0], weights.shape[1], 1, -1))


class FixedRangeQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """Fake quantization to 8 bits in a range that training does not change: a fixed one, or that of another layer."""

    def __init__(self, read_range: Callable[[], tuple[Any, Any]]) -> None:
        # A function, because Keras would track variables of another layer as variables of this one.
        self._read_range = read_range

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:  # noqa: ARG002
        """Add no variables."""
        return {}

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Quantize a tensor."""
        return tf.quantization.fake_quant_with_min_max_vars(inputs, *self._read_range())

    def get_config(self) -> dict[str, Any]:
        """Return nothing: a function cannot be serialized."""
        return {}


class AverageQuantizer(FixedRangeQuantizer):
    """The same with halves rounded away from the int8 value 0, as TFLite's integer AveragePool rounds them.

    Source: AveragePool in tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h.
    """

    # Fraction of a quantization step by which averages are moved away from 0 before they are rounded, so that halves
    # round in that direction and nothing else changes. An average of n integers that is not a half differs from a half
    # by at least 1 / n for even n and 1 / (2 * n) for odd n: more than 1.1e-3 for windows of up to 22 x 22.
    _NUDGE = 1e-3

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        """Quantize a tensor of averages."""
        low, high = self._read_range()
        step = (high - low) / 255
        # The int8 value of `low` is -128, so 0 is 128 steps above it.
        moved = inputs + self._NUDGE * step * tf.sign(inputs - (low + 128 * step))
        # Fake quantization has no gradient beyond the ends of the range: values on an end must stay there.
        clipped = tf.clip_by_value(moved, low, high)
        # The gradient is that of the unmoved average.
        return super().__call__(inputs + tf.stop_gradient(clipped - inputs), training, weights, **kwargs)


class LayerQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """Fake quantization of the weights and the output of a layer.

    Args:
        weight_attribute: attribute of the weights in the layer, "" for a layer without.
        output_quantizer: quantizer of the output, None if it is not quantized.
    """

    def __init__(self, weight_attribute: str, output_quantizer: Any = None) -> None:
        self.weight_attribute = weight_attribute
        self.output_quantizer = output_quantizer
        is_depthwise = weight_attribute == "depthwise_kernel"
        self.weight_quantizer = DepthwiseWeightQuantizer() if is_depthwise else WeightQuantizer()

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        """Return the weights with their quantizer."""
        return [(getattr(layer, self.weight_attribute), self.weight_quantizer)] if self.weight_attribute else []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Make the layer compute with the quantized weights."""
        if self.weight_attribute:
            setattr(layer, self.weight_attribute, quantize_weights[0])

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
        """Return nothing: in a folded network every activation is a layer."""
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """Do nothing: in a folded network every activation is a layer."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
        """Return the quantizer of the output."""
        return [self.output_quantizer] if self.output_quantizer is not None else []

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"weight_attribute": self.weight_attribute, "output_quantizer": self.output_quantizer}


def make_layer_wrapper(network: Network) -> Callable[[Node, tf_keras.layers.Layer], tf_keras.layers.Layer]:
    """Make the `wrap_layer` of `keras2_model.build_keras2` for a folded network.

    It wraps the layers with weights or with a quantized output; the others are returned as they are.
    """
    calibrated = folding.list_calibrated_outputs(network)
    fixed = folding.list_fixed_outputs(network)
    inherited = folding.map_inherited_ranges(network)
    layers: dict[str, tf_keras.layers.Layer] = {}

    def read_range(name: str) -> tuple[Any, Any]:
        if name in fixed:
            return folding.SIGMOID_RANGE
        variables = layers[name]._output_quantizer_vars
        return variables["min_var"], variables["max_var"]

    def make_output_quantizer(name: str) -> Any:
        if name in calibrated:
            return tfmot.quantization.keras.quantizers.MovingAverageQuantizer(
                num_bits=8, per_axis=False, symmetric=False, narrow_range=False
            )
        if name in fixed:
            return FixedRangeQuantizer(lambda: folding.SIGMOID_RANGE)
        return AverageQuantizer(lambda: read_range(inherited[name])) if name in inherited else None

    def wrap_layer(node: Node, layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        output_quantizer = make_output_quantizer(node.name)
        if output_quantizer is not None or node.kind in CONVOLUTIONS:
            layer = tfmot.quantization.keras.QuantizeWrapperV2(
                layer, LayerQuantizeConfig(_WEIGHT_ATTRIBUTES.get(node.kind, ""), output_quantizer)
            )
        layers[node.name] = layer
        return layer

    return wrap_layer
