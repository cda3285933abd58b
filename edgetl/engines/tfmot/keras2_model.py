"""A `Network` → a Keras 2 model with the same weights, which tfmot can wrap. Child process only.

The input of the model is float32 [photos, height, width, 3], already scaled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.core.evaluation.agreement import check_close
from edgetl.core.network.description import AFFINE, Network, Node

# Float32 rounding differs by less between Keras 2 and Keras 3. A layer that computes something else differs by more.
TOLERANCE = 1e-4


class AffineLayer(tf_keras.layers.Layer):
    """Computes inputs * scale + offset, with scalars or one value per channel."""

    def __init__(self, scale: Any, offset: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = np.asarray(scale, np.float32)
        self.offset = np.asarray(offset, np.float32)

    def call(self, inputs: Any) -> Any:
        """Scale and shift a tensor [..., channels]."""
        return inputs * self.scale + self.offset

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "scale": self.scale.tolist(), "offset": self.offset.tolist()}


class ScaledSum(tf_keras.layers.Layer):
    """Computes a + scale * b.

    Source: CustomScaleLayer in keras.applications.inception_resnet_v2, Keras 3.15.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """Add two tensors of one shape."""
        return inputs[0] + inputs[1] * self.scale

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "scale": self.scale}


def _hard_sigmoid(x: Any) -> Any:
    return tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def _hard_silu(x: Any) -> Any:
    return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def _silu(x: Any) -> Any:
    return x * tf.nn.sigmoid(x)


# The activations of Keras 3 by name. Names are not enough: the hard_sigmoid of Keras 2 is another function,
# clip(0.2 * x + 0.5, 0, 1). Source: tf_keras.activations.hard_sigmoid.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": tf.identity,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "silu": _silu,
    "hard_silu": _hard_silu,
    "hard_sigmoid": _hard_sigmoid,
    "sigmoid": tf.nn.sigmoid,
    "softmax": tf.nn.softmax,
    "tanh": tf.nn.tanh,
}


@dataclass(frozen=True, slots=True)
class Keras2Model:
    """A Keras 2 model and its layers, by the names of the network's nodes."""

    model: tf_keras.Model
    layers: dict[str, tf_keras.layers.Layer]


LayerWrapper = Callable[[Node, tf_keras.layers.Layer], tf_keras.layers.Layer]


def build_keras2(network: Network, wrap_layer: LayerWrapper = lambda _, layer: layer) -> Keras2Model:
    """Build a network in Keras 2.

    Args:
        network: BatchNormalization in it stays in inference mode when the model is trained.
        wrap_layer: returns the layer to use for a node; is called in the order of the nodes.
    """
    first = network.nodes[0]
    photo = tf_keras.Input(first.shape, name="photo")
    tensors, layers = {first.name: photo}, {}
    for node in network.nodes[1:]:
        inputs = [tensors[name] for name in node.inputs]
        layer = _make_layer(node)
        layer.build(inputs[0].shape if len(inputs) == 1 else [tensor.shape for tensor in inputs])
        # The weights are set before wrapping: tfmot's wrappers initialize centroids and masks from them.
        layer.set_weights(list(node.weights) if node.kind != AFFINE else [])
        layers[node.name] = wrap_layer(node, layer)
        tensors[node.name] = layers[node.name](inputs[0] if len(inputs) == 1 else inputs)
    return Keras2Model(tf_keras.Model(photo, tensors[network.nodes[-1].name]), layers)


def check_against_keras3(model: tf_keras.Model, photos: np.ndarray, scores: np.ndarray, name: str) -> float:
    """Check that a Keras 2 model predicts what the Keras 3 model does.

    Args:
        model: its input is float32 [photos, height, width, 3], scaled.
        photos: float32 [photos, height, width, 3], scaled.
        scores: float32 [photos, units], predictions of the Keras 3 model.
        name: name of the model in the error message.

    Returns:
        The largest absolute difference.

    Raises:
        StageError: the difference is not below `TOLERANCE`.
    """
    hint = "choose another --method, and please report the network: one of its layers is translated incorrectly"
    return check_close(
        model.predict_on_batch(photos), scores, TOLERANCE, error=(f"{name} in Keras 2 differs from Keras 3", hint)
    )


def _make_layer(node: Node) -> tf_keras.layers.Layer:
    config, name = dict(node.config), _make_name(node)
    if node.kind == AFFINE:
        return AffineLayer(*node.weights, name=name)
    if node.kind == "CustomScaleLayer":
        return ScaledSum(config["scale"], name=name)
    if "activation" in config:
        config["activation"] = ACTIVATIONS[config["activation"]]
    layer = getattr(tf_keras.layers, node.kind)(**config, name=name)
    if node.kind == "BatchNormalization":
        # In Keras, a BatchNormalization layer that is not trainable runs in inference mode.
        layer.trainable = False
    return layer


def _make_name(node: Node) -> str:
    # A slash would start a TensorFlow name scope.
    return node.name.replace("/", "_of_")
