"""A `Network` as a Keras 2 model with the same weights: what tfmot can work on. Child processes only.

In: plain data. Out: a tf_keras model from float32 photos, already scaled, and its layers by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.core.evaluation.agreement import check_close
from edgetl.core.network.description import AFFINE, Network, Node

# The bridge is held to this: what differs by more was not carried over.
TOLERANCE = 1e-4


class AffineLayer(tf_keras.layers.Layer):
    """Multiply and add a number, or one a channel."""

    def __init__(self, scale: Any, offset: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.numbers = np.asarray(scale, np.float32), np.asarray(offset, np.float32)

    def call(self, inputs: Any) -> Any:
        """[…, channels] → the same shape."""
        return inputs * self.numbers[0] + self.numbers[1]

    def get_config(self) -> dict[str, Any]:
        """The numbers with what every layer has."""
        scale, offset = (number.tolist() for number in self.numbers)
        return {**super().get_config(), "scale": scale, "offset": offset}


class ScaledSum(tf_keras.layers.Layer):
    """a + scale * b. Source: CustomScaleLayer, keras.applications.inception_resnet_v2, Keras 3.15."""

    def __init__(self, scale: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """Two tensors of one shape → one."""
        return inputs[0] + inputs[1] * self.scale

    def get_config(self) -> dict[str, Any]:
        """The scale with what every layer has."""
        return {**super().get_config(), "scale": self.scale}


def _hard_sigmoid(x: Any) -> Any:
    return tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def _hard_silu(x: Any) -> Any:
    return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def _silu(x: Any) -> Any:
    return x * tf.nn.sigmoid(x)


# As Keras 3 computes them; Keras 2 means something else by hard_sigmoid.
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
    """The Keras 2 model and its layers by the names of the network."""

    model: tf_keras.Model
    layers: dict[str, tf_keras.layers.Layer]


LayerWrapper = Callable[[Node, tf_keras.layers.Layer], tf_keras.layers.Layer]


def build_keras2(network: Network, wrapping: LayerWrapper = lambda _, layer: layer) -> Keras2Model:
    """The network in Keras 2, each layer wrapped as `wrapping` says; BatchNormalization at inference for good."""
    first = network.nodes[0]
    photo = tf_keras.Input(first.shape, name="photo")
    tensors, layers = {first.name: photo}, {}
    for node in network.nodes[1:]:
        eaten = [tensors[name] for name in node.inputs]
        layer = _layer(node)
        layer.build(eaten[0].shape if len(eaten) == 1 else [tensor.shape for tensor in eaten])
        layer.set_weights(list(node.weights) if node.kind != AFFINE else [])
        layers[node.name] = wrapping(node, layer)
        tensors[node.name] = layers[node.name](eaten[0] if len(eaten) == 1 else eaten)
    return Keras2Model(tf_keras.Model(photo, tensors[network.nodes[-1].name]), layers)


def check_against_keras3(model: tf_keras.Model, photos: np.ndarray, scores: np.ndarray, what: str) -> float:
    """Check that a Keras 2 model predicts what the Keras 3 model does.

    Args:
        model: its input is float32 [photos, side, side, 3], scaled.
        photos: float32 [photos, side, side, 3], scaled.
        scores: float32 [photos, units], predictions of the Keras 3 model.
        what: name of the model in the error.

    Returns:
        The largest difference.

    Raises:
        StageError: it is not below `TOLERANCE`.
    """
    hint = "choose another method, and please report the network: one of its layers is not translated correctly"
    return check_close(
        model.predict_on_batch(photos), scores, TOLERANCE, error=(f"{what} in Keras 2 differs from Keras 3", hint)
    )


def _layer(node: Node) -> tf_keras.layers.Layer:
    config = dict(node.config)
    if node.kind == AFFINE:
        return AffineLayer(*node.weights, name=_named(node))
    if node.kind == "CustomScaleLayer":
        return ScaledSum(config["scale"], name=_named(node))
    if "activation" in config:
        config["activation"] = ACTIVATIONS[config["activation"]]
    layer = getattr(tf_keras.layers, node.kind)(**config, name=_named(node))
    if node.kind == "BatchNormalization":
        layer.trainable = False
    return layer


def _named(node: Node) -> str:
    return node.name.replace("/", "_of_")
