"""A Keras 3 model ⇄ a `Network`: layer by layer from its own graph, so that any flat functional model can be told.

The scaling of the pixels stays outside: a network begins with the scaled photo.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.network.description import AFFINE, Network, Node, Weights
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import rescaling

_CONVOLUTION = ("kernel_size", "strides", "padding", "dilation_rate", "use_bias", "activation")
# What each kind of layer needs to be made again. The rest of Keras's configuration is for training from scratch.
_KEYS: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "BatchNormalization": ("axis", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": ("filters", "groups", *_CONVOLUTION),
    "Cropping2D": ("cropping",),
    "CustomScaleLayer": ("scale",),
    "Dense": ("units", "use_bias", "activation"),
    "DepthwiseConv2D": ("depth_multiplier", *_CONVOLUTION),
    "Dropout": ("rate",),
    "Flatten": (),
    "GlobalAveragePooling2D": ("keepdims",),
    "GlobalMaxPooling2D": ("keepdims",),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "Multiply": (),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": ("filters", "depth_multiplier", *_CONVOLUTION),
    "ZeroPadding2D": ("padding",),
}
_ACTIVATIONS = {"linear", "relu", "relu6", "silu", "hard_silu", "hard_sigmoid", "sigmoid", "softmax", "tanh"}


def describe_network(model: keras.Model) -> Network:
    """The layers above the scaling of a flat model.

    Raises:
        StageError: names a layer that stands for more than its class and configuration say, or is not known.
    """
    scaling = model.get_layer(rescaling.LAYER_NAME)
    shape = tuple(int(length) for length in scaling.output.shape[1:])
    nodes = [Node(name=scaling.name, kind="InputLayer", inputs=(), shape=shape)]
    started = {scaling.name}
    for operation in model.operations:
        if operation.name not in started and any(name in started for name in _eaten(operation)):
            nodes.append(_node(operation))
            started.add(operation.name)
    return Network(tuple(nodes))


def fill_model(model: keras.Model, network: Network) -> None:
    """Put the weights of a network into the model that it was told of."""
    for node in network.nodes:
        if node.weights and node.kind != AFFINE:
            model.get_layer(node.name).set_weights(list(node.weights))


def probe_model(model: keras.Model, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What goes into the network for some photos, and what the model answers.

    Args:
        model: from uint8 [photos, side, side, 3].
        pixels: uint8 [photos, side, side, 3].

    Returns:
        float32 [photos, side, side, 3], scaled, and float32 [photos, units].
    """
    both = keras.Model(model.input, [model.get_layer(rescaling.LAYER_NAME).output, model.output])
    scaled, answers = both.predict_on_batch(pixels)
    return np.asarray(scaled, np.float32), np.asarray(answers, np.float32)


def measure_scaling(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """What the model does to raw RGB before anything else, read off what black, red, green and blue become.

    Returns:
        float32 [3, 3] and [3], so that pixels @ matrix + offset is what goes into the network.

    Raises:
        StageError: it is not of that form.
    """
    side = keras_model.read_input_side(model)
    photos = np.zeros((6, side, side, 3), np.uint8)
    for colour in range(3):
        photos[1 + colour, ..., colour] = 255
    photos[4:] = np.random.default_rng(0).integers(0, 256, photos[4:].shape)
    scaled, _ = probe_model(model, photos)
    corners = scaled[:4, 0, 0].astype(np.float64)
    offset, matrix = corners[0], (corners[1:] - corners[0]) / 255
    if not np.allclose(photos @ matrix + offset, scaled, rtol=0, atol=1e-4 * np.abs(scaled).max()):
        raise StageError(
            "the scaling of the pixels is more than a product and a sum for each", where=(rescaling.LAYER_NAME,)
        )
    return matrix.astype(np.float32), offset.astype(np.float32)


def _eaten(operation: Any) -> tuple[str, ...]:
    nodes = operation._inbound_nodes
    if len(nodes) != 1:
        raise _refused(operation, f"it is used {len(nodes)} times")
    return tuple(tensor._keras_history.operation.name for tensor in nodes[0].input_tensors)


def _node(operation: Any) -> Node:
    kind = type(operation).__name__
    told = _TELLERS.get(kind)
    weights: Weights
    config: Mapping[str, Any]
    if not isinstance(operation, keras.layers.Layer):
        kind, weights, config = AFFINE, _arithmetic(operation), {}
    elif told is not None:
        kind, weights, config = AFFINE, told(operation), {}
    elif kind in _KEYS:
        weights = tuple(np.asarray(weight, np.float32) for weight in operation.get_weights())
        config = _configuration(operation, kind)
    else:
        raise _refused(operation, f"layers of class {kind} are not known")
    if isinstance(operation.output, list | tuple):
        raise _refused(operation, "it gives more than one tensor")
    shape = tuple(int(length) for length in operation.output.shape[1:])
    return Node(name=operation.name, kind=kind, inputs=_eaten(operation), shape=shape, config=config, weights=weights)


def _configuration(layer: keras.layers.Layer, kind: str) -> dict[str, Any]:
    whole = layer.get_config()
    if whole.get("data_format", "channels_last") != "channels_last":
        raise _refused(layer, "it has its channels first")
    if "activation" in whole and whole["activation"] not in _ACTIVATIONS:
        raise _refused(layer, f"its activation {whole['activation']!r} is not known")
    config = {key: whole[key] for key in _KEYS[kind]}
    if kind == "Dropout" and whole.get("noise_shape"):
        # It drops whole branches, which is for training from scratch.
        config["rate"] = 0.0
    return config


def _arithmetic(operation: Any) -> Weights:
    """A sum or product with a number, as in `x + 3.0`."""
    given = operation._inbound_nodes[0].arguments.args
    number = given[1] if len(given) == 2 and isinstance(given[1], int | float) else None
    one, none = np.ones((), np.float32), np.zeros((), np.float32)
    if number is not None and type(operation).__name__ == "Add":
        return (one, np.array(number, np.float32))
    if number is not None and type(operation).__name__ == "Multiply":
        return (np.array(number, np.float32), none)
    raise _refused(operation, f"operations of class {type(operation).__name__} are not known")


def _rescaling(layer: Any) -> Weights:
    return np.asarray(layer.scale, np.float32), np.asarray(layer.offset, np.float32)


def _normalization(layer: Any) -> Weights:
    mean, variance = (np.asarray(of, np.float64).reshape(-1) for of in (layer.mean, layer.variance))
    scale = 1 / np.maximum(np.sqrt(variance), keras.backend.epsilon())
    return scale.astype(np.float32), (-mean * scale).astype(np.float32)


_TELLERS: dict[str, Callable[[Any], Weights]] = {"Rescaling": _rescaling, "Normalization": _normalization}


def _refused(operation: Any, why: str) -> StageError:
    return StageError(
        f"layer {operation.name!r} cannot be carried over to Keras 2: {why}",
        hint="qat8, prune and cluster need a flat network of known layers; the other methods do not",
    )
