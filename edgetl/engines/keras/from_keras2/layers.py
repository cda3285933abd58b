"""Layers of Keras 2 that have a counterpart in Keras 3: a table from the class to a function that builds it.

A function takes a `SavedLayer` and returns a `Translation`. Arguments that it does not know are errors.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from edgetl.core.network.keras2_names import ACTIVATIONS, IDENTITIES
from edgetl.engines.keras.from_keras2 import gates
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError, Translation, select_arguments
from edgetl.engines.keras2_graph import SavedLayer

Translator = Callable[[SavedLayer], Translation]

_CONVOLUTION = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "use_bias")
_DEPTHWISE = ("kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate", "use_bias")
_POOLING = ("pool_size", "strides", "padding", "data_format")
# Classes without activation → arguments with the same names in Keras 3, whose weights have the same order.
_COPIED: dict[str, tuple[str, ...]] = {
    "Add": (),
    "AdditiveAttention": ("use_scale", "dropout"),
    "Attention": ("use_scale", "score_mode", "dropout"),
    "Average": (),
    "Concatenate": ("axis",),
    "Dot": ("axes", "normalize"),
    "ELU": ("alpha",),
    "Embedding": ("input_dim", "output_dim", "mask_zero"),
    "Flatten": ("data_format",),
    "GroupNormalization": ("groups", "axis", "epsilon", "center", "scale"),
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "Masking": ("mask_value",),
    "Maximum": (),
    "Minimum": (),
    "MultiHeadAttention": (
        *("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape", "attention_axes"),
    ),
    "Multiply": (),
    "PReLU": ("shared_axes",),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "RepeatVector": ("n",),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "Softmax": ("axis",),
    "Subtract": (),
    "UnitNormalization": ("axis",),
    "UpSampling1D": ("size",),
    "UpSampling2D": ("size", "interpolation", "data_format"),
    "UpSampling3D": ("size", "data_format"),
    **{f"Cropping{rank}D": ("cropping", "data_format") for rank in (2, 3)},
    **{f"ZeroPadding{rank}D": ("padding", "data_format") for rank in (2, 3)},
    "Cropping1D": ("cropping",),
    "ZeroPadding1D": ("padding",),
    **{f"{kind}Pooling{rank}D": _POOLING for kind in ("Average", "Max") for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": ("data_format", "keepdims") for kind in ("Average", "Max") for rank in (1, 2, 3)},
}
# Classes with an activation → their other arguments.
_ACTIVATED: dict[str, tuple[str, ...]] = {
    "Dense": ("units", "use_bias"),
    "EinsumDense": ("equation", "output_shape", "bias_axes"),
    **{f"Conv{rank}D": (*_CONVOLUTION, "groups") for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": (*_CONVOLUTION, "output_padding") for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _DEPTHWISE for rank in (1, 2)},
    **{f"SeparableConv{rank}D": ("filters", *_DEPTHWISE) for rank in (1, 2)},
}


def translate_layer(layer: SavedLayer) -> Translation:
    """Build the counterpart of a layer of Keras 2.

    Raises:
        NoCounterpartError: there is none, or an argument of the layer has none.
    """
    if layer.class_name in TRANSLATORS:
        return TRANSLATORS[layer.class_name](layer)
    raise NoCounterpartError("Keras 3 has no counterpart")


def _copy(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, _COPIED[layer.class_name])
    return Translation((_make(layer.class_name, arguments),), layer.weights)


def _copy_with_activation(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, _ACTIVATED[layer.class_name], {"activation": "activation"})
    name, following = split_activation(arguments.pop("activation", "linear"))
    weights = gates.scale_before_activation(layer)
    return Translation((_make(layer.class_name, {**arguments, "activation": name}), *following), weights)


def split_activation(activation: Any) -> tuple[str, tuple[Callable[..., Any], ...]]:
    """Return the name of an activation in Keras 3, or "linear" and the layers that follow instead."""
    if isinstance(activation, dict):
        layer = SavedLayer(name="", class_name=activation["class_name"], config=activation["config"])
        return "linear", translate_layer(layer).layers
    if activation not in ACTIVATIONS:
        raise NoCounterpartError(f"its activation {activation!r} is not known")
    return ACTIVATIONS[activation], ()


def _translate_activation(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, ("activation",))
    name, following = split_activation(arguments["activation"])
    if following:
        return Translation(following)
    activation = keras.layers.Activation(name)
    if name == gates.HARD_SIGMOID:
        return Translation((keras.layers.Rescaling(gates.RATIO), activation))
    return Translation((activation,))


def _translate_batch_normalization(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, ("axis", "epsilon", "center", "scale"))
    axes = arguments["axis"] if isinstance(arguments["axis"], list) else [arguments["axis"]]
    if len(axes) != 1:
        raise NoCounterpartError(f"it normalizes along {len(axes)} axes")
    arguments["axis"] = axes[0]
    # Batch renormalization has two more weights, which are for training.
    count = 2 + bool(arguments["center"]) + bool(arguments["scale"])
    return Translation((_make("BatchNormalization", arguments),), layer.weights[:count])


def _translate_normalization(layer: SavedLayer) -> Translation:
    select_arguments(layer, ("axis", "mean", "variance", "invert"))
    mean, variance = (np.asarray(layer.config[name], np.float64) for name in ("mean", "variance"))
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    if layer.config.get("invert"):
        return Translation((scale_and_shift(deviation, mean),))
    return Translation((scale_and_shift(1 / deviation, -mean / deviation),))


def scale_and_shift(scale: np.ndarray, offset: np.ndarray) -> Callable[..., Any]:
    """Return a Rescaling layer for one value or one for each channel, and a function for any other constants."""
    if all(value.size in (1, value.shape[-1]) for value in map(np.atleast_1d, (scale, offset))):
        values = (value.reshape(-1) for value in (scale, offset))
        return keras.layers.Rescaling(*(float(value[0]) if value.size == 1 else value.tolist() for value in values))
    multiply, add = scale.astype(np.float32), offset.astype(np.float32)
    return lambda tensor: keras.ops.add(keras.ops.multiply(tensor, multiply), add)


def _translate_leaky_relu(layer: SavedLayer) -> Translation:
    return Translation((_make("LeakyReLU", select_arguments(layer, (), {"alpha": "negative_slope"})),))


def _translate_thresholded_relu(layer: SavedLayer) -> Translation:
    return Translation((_make("ReLU", select_arguments(layer, (), {"theta": "threshold"})),))


def _translate_layer_scale(layer: SavedLayer) -> Translation:
    select_arguments(layer, ())
    return Translation((scale_and_shift(layer.weights[0], np.zeros(())),))


def _translate_custom_scale(layer: SavedLayer) -> Translation:
    scale = keras.layers.Rescaling(select_arguments(layer, ("scale",))["scale"])
    add = keras.layers.Add()
    return Translation((lambda tensors: add([tensors[0], scale(tensors[1])]),))


def _skip(layer: SavedLayer) -> Translation:  # noqa: ARG001  (every translator takes the layer)
    return Translation(())


def _make(class_name: str, arguments: dict[str, Any]) -> Callable[..., Any]:
    # Keras 2 wrote one axis as a list of one, too.
    axis = arguments.get("axis")
    if isinstance(axis, list):
        arguments = {**arguments, "axis": axis[0] if len(axis) == 1 else tuple(axis)}
    layer: Callable[..., Any] = getattr(keras.layers, class_name)(**arguments)
    return layer


TRANSLATORS: dict[str, Translator] = {
    **dict.fromkeys(IDENTITIES, _skip),
    **dict.fromkeys(_COPIED, _copy),
    **dict.fromkeys(_ACTIVATED, _copy_with_activation),
    "Activation": _translate_activation,
    "BatchNormalization": _translate_batch_normalization,
    "CustomScaleLayer": _translate_custom_scale,
    "LayerScale": _translate_layer_scale,
    "LeakyReLU": _translate_leaky_relu,
    "Normalization": _translate_normalization,
    "ThresholdedReLU": _translate_thresholded_relu,
}
