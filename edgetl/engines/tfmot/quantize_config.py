"""Where tfmot's fake quantization goes, layer by layer, in any network that `folding` folds. Child processes only.

tfmot's own placement refuses BatchNormalization without a convolution before it, products, scaled sums, hard-swish and
more. After folding only few kinds of layers are left, and one QuantizeConfig serves them all: weights per output
channel, as TFLite's kernels have them, a range on the output wherever `folding.ranged` says that there is one, and the
roundings that integer kernels do without one: of a sigmoid, and of an average, to the steps of what it is taken of.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from edgetl.core.network import folding
from edgetl.core.network.description import Network, Node
from edgetl.core.network.folding import CONVOLUTIONS

_KERNELS = {"Conv2D": "kernel", "Dense": "kernel", "DepthwiseConv2D": "depthwise_kernel"}


class KernelQuantizer(tfmot.quantization.keras.quantizers.LastValueQuantizer):
    """Eight bits for each output channel, symmetric, -127..127: what TFLite makes of weights."""

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """A minimum and a maximum a channel."""
        return self._add_range_weights(layer, name, per_axis=True, tensor_shape=tensor_shape)

    def ranges(self, kernel: Any) -> tuple[Any, Any]:
        """The range of each channel as it is now."""
        reach = tf.reduce_max(tf.abs(kernel), axis=list(range(len(kernel.shape) - 1)))
        return -reach, reach


class DepthwiseKernelQuantizer(KernelQuantizer):
    """The same for a depthwise kernel, whose channels stand in its last axis but one.

    tfmot's own takes the last axis, which is the multiplier: one range for all channels.
    """

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """A minimum and a maximum a channel."""
        return super().build((tensor_shape[2] * tensor_shape[3],), name, layer)

    def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **rest: Any) -> Any:
        """Quantize with the channels side by side, and put them back."""
        flat = tf.reshape(inputs, (inputs.shape[0], inputs.shape[1], 1, -1))
        return tf.reshape(super().__call__(flat, training, weights, **rest), inputs.shape)

    def ranges(self, kernel: Any) -> tuple[Any, Any]:
        """The range of each channel as it is now."""
        return super().ranges(tf.reshape(kernel, (kernel.shape[0], kernel.shape[1], 1, -1)))


class FixedRangeQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """Eight bits in a range that is not the tensor's own: that of a runtime, or of another layer."""

    def __init__(self, ends: Callable[[], tuple[Any, Any]]) -> None:
        # A function, which Keras does not look into: another layer's variables are not this one's too.
        self._ends = ends

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:  # noqa: ARG002
        """Nothing to learn."""
        return {}

    def __call__(self, inputs: Any, training: Any, weights: Any, **rest: Any) -> Any:  # noqa: ARG002
        """Quantize."""
        return tf.quantization.fake_quant_with_min_max_vars(inputs, *self._ends())

    def get_config(self) -> dict[str, Any]:
        """Nothing that could be written down."""
        return {}


class AverageQuantizer(FixedRangeQuantizer):
    """The same with halves away from the middle, as integer averages are rounded.

    Source: AveragePool in tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h.
    """

    # No average of up to 22 x 22 steps is nearer to a half than this, but for those that are halves.
    _NUDGE = 1e-3

    def __call__(self, inputs: Any, training: Any, weights: Any, **rest: Any) -> Any:
        """Quantize."""
        low, high = self._ends()
        step = (high - low) / 255
        away = inputs + self._NUDGE * step * tf.sign(inputs - (low + 128 * step))
        # What lies on an end stays there: beyond it there is no gradient.
        nudged = tf.clip_by_value(away, low, high)
        return super().__call__(inputs + tf.stop_gradient(nudged - inputs), training, weights, **rest)


class LayerQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """Fake quantization of a layer's kernel, if it has one, and of its output, if that is rounded on its own."""

    def __init__(self, kernel: str, output: Any = None) -> None:
        self.kernel = kernel
        self.output = output
        self.kernel_quantizer = DepthwiseKernelQuantizer() if kernel == "depthwise_kernel" else KernelQuantizer()

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        """The kernel."""
        return [(getattr(layer, self.kernel), self.kernel_quantizer)] if self.kernel else []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Let the layer compute with the quantized kernel."""
        if self.kernel:
            setattr(layer, self.kernel, quantize_weights[0])

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
        """None: every activation is a layer of its own."""
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """None: every activation is a layer of its own."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
        """The one that was given."""
        return [self.output] if self.output is not None else []

    def get_config(self) -> dict[str, Any]:
        """What `Placed` is made from."""
        return {"kernel": self.kernel, "output": self.output}


def make_layer_wrapper(network: Network) -> Callable[[Node, tf_keras.layers.Layer], tf_keras.layers.Layer]:
    """How `twin.twin` is to wrap the layers of this folded network, one after the other."""
    ranged, fixed, followers = (
        folding.list_calibrated_outputs(network),
        folding.list_fixed_outputs(network),
        folding.map_inherited_ranges(network),
    )
    made: dict[str, tf_keras.layers.Layer] = {}

    def ends(source: str) -> tuple[Any, Any]:
        variables = made[source]._output_quantizer_vars
        return folding.SIGMOID_RANGE if source in fixed else (variables["min_var"], variables["max_var"])

    def rounding(name: str) -> Any:
        if name in ranged:
            return tfmot.quantization.keras.quantizers.MovingAverageQuantizer(
                num_bits=8, per_axis=False, symmetric=False, narrow_range=False
            )
        if name in fixed:
            return FixedRangeQuantizer(lambda: folding.SIGMOID_RANGE)
        return AverageQuantizer(lambda: ends(followers[name])) if name in followers else None

    def wrapped(node: Node, layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        output = rounding(node.name)
        if output is not None or node.kind in CONVOLUTIONS:
            layer = tfmot.quantization.keras.QuantizeWrapperV2(
                layer, LayerQuantizeConfig(_KERNELS.get(node.kind, ""), output)
            )
        made[node.name] = layer
        return layer

    return wrapped
