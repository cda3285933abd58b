"""Converts a Keras 3 model to a `Network` layer by layer, and copies the weights of a `Network` back.

Any flat functional model of known layers can be converted. The scaling of the pixels is not part of the network: its
input is the scaled photo.
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
# The arguments that decide what a layer of each class computes. The rest of its Keras configuration, such as
# initializers and regularizers, is for training from random weights.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
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
    """Describe the layers above the scaling of a flat model.

    Raises:
        StageError: a layer that is not known, or that a `Node` cannot describe; the message names it.
    """
    scaling = model.get_layer(rescaling.LAYER_NAME)
    shape = tuple(int(length) for length in scaling.output.shape[1:])
    nodes = [Node(name=scaling.name, kind="InputLayer", inputs=(), shape=shape)]
    above = {scaling.name}
    # Operations, not layers: MobileNetV3 adds and multiplies with bare operations. Keras lists them in the order in
    # which they compute, so that each comes after its inputs.
    for operation in model.operations:
        if operation.name not in above and any(name in above for name in _list_inputs(operation)):
            nodes.append(_describe_operation(operation))
            above.add(operation.name)
    return Network(tuple(nodes))


def fill_model(model: keras.Model, network: Network) -> None:
    """Set the weights of a model from the network that describes it."""
    for node in network.nodes:
        # The two numbers of an affine node are arguments of its layer or operation, not weights.
        if node.weights and node.kind != AFFINE:
            model.get_layer(node.name).set_weights(list(node.weights))


def probe_model(model: keras.Model, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the scaled photos and the scores of a model.

    Args:
        model: from uint8 [photos, height, width, 3].
        pixels: uint8 [photos, height, width, 3].

    Returns:
        The input of the network, float32 [photos, height, width, 3], and its scores, float32 [photos, units].
    """
    probe = keras.Model(model.input, [model.get_layer(rescaling.LAYER_NAME).output, model.output])
    scaled, scores = probe.predict_on_batch(pixels)
    return np.asarray(scaled, np.float32), np.asarray(scores, np.float32)


def measure_scaling(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Measure the scaling of a model on black, red, green and blue photos, and check it on two random ones.

    Returns:
        matrix float32 [3, 3] and offset float32 [3]: pixels @ matrix + offset is the input of the network.

    Raises:
        StageError: the scaling is not of that form.
    """
    photos = np.zeros((6, *keras_model.read_input_size(model), 3), np.uint8)
    for channel in range(3):
        photos[1 + channel, ..., channel] = 255
    photos[4:] = np.random.default_rng(0).integers(0, 256, photos[4:].shape)
    scaled, _ = probe_model(model, photos)
    # One pixel of each single-coloured photo. Black gives the offset, the other colours a row of the matrix each.
    colours = scaled[:4, 0, 0].astype(np.float64)
    offset, matrix = colours[0], (colours[1:] - colours[0]) / 255
    if not np.allclose(photos @ matrix + offset, scaled, rtol=0, atol=1e-4 * np.abs(scaled).max()):
        raise StageError(
            "the scaling is not a multiplication and an addition for each pixel", where=(rescaling.LAYER_NAME,)
        )
    return matrix.astype(np.float32), offset.astype(np.float32)


def _list_inputs(operation: Any) -> tuple[str, ...]:
    nodes = operation._inbound_nodes
    if len(nodes) != 1:
        raise _make_error(operation, f"it is used {len(nodes)} times")
    return tuple(tensor._keras_history.operation.name for tensor in nodes[0].input_tensors)


def _describe_operation(operation: Any) -> Node:
    kind = type(operation).__name__
    read_affine = _AFFINE_READERS.get(kind)
    weights: Weights
    config: Mapping[str, Any]
    if not isinstance(operation, keras.layers.Layer):
        kind, weights, config = AFFINE, _read_arithmetic(operation), {}
    elif read_affine is not None:
        kind, weights, config = AFFINE, read_affine(operation), {}
    elif kind in _ARGUMENTS:
        weights = tuple(np.asarray(weight, np.float32) for weight in operation.get_weights())
        config = _select_arguments(operation, kind)
    else:
        raise _make_error(operation, f"layers of class {kind} are not known")
    if isinstance(operation.output, list | tuple):
        raise _make_error(operation, "it outputs more than one tensor")
    shape = tuple(int(length) for length in operation.output.shape[1:])
    inputs = _list_inputs(operation)
    return Node(name=operation.name, kind=kind, inputs=inputs, shape=shape, config=config, weights=weights)


def _select_arguments(layer: keras.layers.Layer, kind: str) -> dict[str, Any]:
    config = layer.get_config()
    if config.get("data_format", "channels_last") != "channels_last":
        raise _make_error(layer, "its data_format is channels_first")
    if "activation" in config and config["activation"] not in _ACTIVATIONS:
        raise _make_error(layer, f"its activation {config['activation']!r} is not known")
    arguments = {name: config[name] for name in _ARGUMENTS[kind]}
    if kind == "Dropout" and config.get("noise_shape"):
        # EfficientNet drops whole blocks at random (stochastic depth). That is for training from random weights.
        arguments["rate"] = 0.0
    return arguments


def _read_arithmetic(operation: Any) -> Weights:
    """Return scale and offset of a bare addition or multiplication with a number, as in `x + 3.0`."""
    arguments = operation._inbound_nodes[0].arguments.args
    number = arguments[1] if len(arguments) == 2 and isinstance(arguments[1], int | float) else None
    operator = type(operation).__name__
    if number is not None and operator == "Add":
        return np.ones((), np.float32), np.array(number, np.float32)
    if number is not None and operator == "Multiply":
        return np.array(number, np.float32), np.zeros((), np.float32)
    raise _make_error(operation, f"operations of class {operator} are not known")


def _read_normalization(layer: Any) -> Weights:
    if layer.invert:
        raise _make_error(layer, "it is an inverted Normalization")
    scale, offset = (value.reshape(-1).astype(np.float32) for value in rescaling.read_normalization(layer))
    return scale, offset


_AFFINE_READERS: dict[str, Callable[[Any], Weights]] = {
    "Rescaling": rescaling.read_rescaling,
    "Normalization": _read_normalization,
}


def _make_error(operation: Any, reason: str) -> StageError:
    return StageError(
        f"layer {operation.name!r} cannot be copied to Keras 2: {reason}",
        hint="qat8, prune and cluster need a flat network of known layers; the other methods do not",
    )
