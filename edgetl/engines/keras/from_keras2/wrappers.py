"""Recurrent layers, their cells, and layers that wrap another layer, from Keras 2 to Keras 3."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from edgetl.engines.keras.from_keras2 import gates
from edgetl.engines.keras.from_keras2.layers import TRANSLATORS, split_activation, translate_layer
from edgetl.engines.keras.from_keras2.translation import (
    NoCounterpartError,
    Translation,
    read_sublayer,
    select_arguments,
)
from edgetl.engines.keras2_graph import SavedLayer

_SEQUENCE = ("return_sequences", "return_state", "go_backwards")
_CELL = ("units", "use_bias", "dropout", "recurrent_dropout", "activation")
_CONVOLUTION = (
    *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation"),
    *("recurrent_activation", "use_bias", "dropout", "recurrent_dropout"),
)
_GATED = ("recurrent_activation",)
# Classes of recurrent layers and cells → their arguments.
_RECURRENT: dict[str, tuple[str, ...]] = {
    "GRU": (*_CELL, *_GATED, "reset_after", *_SEQUENCE),
    "GRUCell": (*_CELL, *_GATED, "reset_after"),
    "LSTM": (*_CELL, *_GATED, *_SEQUENCE),
    "LSTMCell": (*_CELL, *_GATED),
    "SimpleRNN": (*_CELL, *_SEQUENCE),
    "SimpleRNNCell": _CELL,
    **{f"ConvLSTM{rank}D": (*_CONVOLUTION, *_SEQUENCE) for rank in (1, 2, 3)},
}


def _translate_recurrent(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, _RECURRENT[layer.class_name])
    for key in ("activation", "recurrent_activation"):
        if key in arguments:
            arguments[key], following = split_activation(arguments[key])
            if following:
                raise NoCounterpartError(f"its {key} is a layer")
    made = getattr(keras.layers, layer.class_name)(**arguments)
    return Translation((made,), gates.scale_gates(layer))


def _translate_rnn(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, _SEQUENCE, {"cell": "cell"})
    cell = translate_layer(read_sublayer(layer, "cell", layer.weights))
    return Translation((keras.layers.RNN(**{**arguments, "cell": _get_only(cell)}),), cell.weights)


def _translate_stacked_cells(layer: SavedLayer) -> Translation:
    select_arguments(layer, (), {"cells": "cells"})
    cells: list[Any] = []
    weights: list[np.ndarray] = []
    position = 0
    for value in layer.config["cells"]:
        count = 2 + bool(value["config"].get("use_bias", True))
        saved = SavedLayer(
            name=layer.name,
            class_name=value["class_name"],
            config=value["config"],
            weights=layer.weights[position : position + count],
        )
        cell = translate_layer(saved)
        position += count
        cells.append(_get_only(cell))
        weights += cell.weights
    return Translation((keras.layers.StackedRNNCells(cells),), tuple(weights))


def _translate_bidirectional(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, ("merge_mode",), {"layer": "layer", "backward_layer": "backward_layer"})
    half = len(layer.weights) // 2
    forward = read_sublayer(layer, "layer", layer.weights[:half])
    if arguments.get("backward_layer"):
        backward = read_sublayer(layer, "backward_layer", layer.weights[half:])
    else:
        config = {**forward.config, "go_backwards": not forward.config.get("go_backwards", False)}
        backward = SavedLayer(
            name=layer.name, class_name=forward.class_name, config=config, weights=layer.weights[half:]
        )
    translations = translate_layer(forward), translate_layer(backward)
    made = keras.layers.Bidirectional(
        _get_only(translations[0]),
        merge_mode=arguments["merge_mode"],
        backward_layer=_get_only(translations[1]),
    )
    return Translation((made,), (*translations[0].weights, *translations[1].weights))


def _translate_time_distributed(layer: SavedLayer) -> Translation:
    select_arguments(layer, (), {"layer": "layer"})
    if layer.config["layer"]["class_name"] in ("Functional", "Model", "Sequential"):
        raise NoCounterpartError("it applies a whole model to each time step")
    inner = translate_layer(read_sublayer(layer, "layer", layer.weights))
    if not all(isinstance(part, keras.layers.Layer) for part in inner.layers):
        raise NoCounterpartError(f"it applies a layer of class {layer.config['layer']['class_name']} to each time step")
    return Translation(tuple(keras.layers.TimeDistributed(part) for part in inner.layers), inner.weights)


def _translate_spectral_normalization(layer: SavedLayer) -> Translation:
    # The normalized weights are stored. The last weight is a vector for the next training step.
    select_arguments(layer, (), {"layer": "layer", "power_iterations": "power_iterations"})
    return translate_layer(read_sublayer(layer, "layer", layer.weights[:-1]))


def crop_and_resize(height: int, width: int, interpolation: str) -> Callable[..., Any]:
    """Return a function that crops the centre with the ratio of the output, and resizes it.

    Source: smart_resize in tf_keras.utils.image_utils, with its roundings in float32.
    """

    def apply(tensor: Any) -> Any:
        rows, columns = (int(length) for length in tensor.shape[1:3])
        sides = (
            min(rows, int(np.float32(columns * height) / np.float32(width))),
            min(columns, int(np.float32(rows * width) / np.float32(height))),
        )
        cropped = _crop(tensor, (rows - sides[0]) // 2, (columns - sides[1]) // 2, sides)
        return keras.layers.Resizing(height, width, interpolation)(cropped)

    return apply


def _crop(tensor: Any, top: int, left: int, sides: tuple[int, int]) -> Any:
    bottom, right = tensor.shape[1] - top - sides[0], tensor.shape[2] - left - sides[1]
    return keras.layers.Cropping2D(((top, bottom), (left, right)))(tensor)


def _translate_resizing(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, ("height", "width", "interpolation", "crop_to_aspect_ratio"))
    if arguments["interpolation"] not in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
        raise NoCounterpartError(f"Keras 3 has no interpolation {arguments['interpolation']!r}")
    if arguments.pop("crop_to_aspect_ratio", False):
        return Translation((crop_and_resize(**arguments),))
    return Translation((keras.layers.Resizing(**arguments),))


def _translate_center_crop(layer: SavedLayer) -> Translation:
    arguments = select_arguments(layer, ("height", "width"))
    height, width = arguments["height"], arguments["width"]

    def apply(tensor: Any) -> Any:
        spare = tensor.shape[1] - height, tensor.shape[2] - width
        # Keras 2 enlarges a photo that is smaller than the crop.
        if min(spare) < 0:
            return crop_and_resize(height, width, "bilinear")(tensor)
        return _crop(tensor, spare[0] // 2, spare[1] // 2, (height, width))

    return Translation((apply,))


def _translate_random_crop(layer: SavedLayer) -> Translation:
    # When it predicts, Keras 2 resizes the photo, and does not take its centre as Keras 3 does.
    arguments = select_arguments(layer, ("height", "width"))
    return Translation((crop_and_resize(**arguments, interpolation="bilinear"),))


def _get_only(translation: Translation) -> Any:
    if len(translation.layers) != 1 or not isinstance(translation.layers[0], keras.layers.Layer):
        raise NoCounterpartError("a layer inside it has no single counterpart")
    return translation.layers[0]


TRANSLATORS.update(
    {
        **dict.fromkeys(_RECURRENT, _translate_recurrent),
        "Bidirectional": _translate_bidirectional,
        "CenterCrop": _translate_center_crop,
        "RNN": _translate_rnn,
        "RandomCrop": _translate_random_crop,
        "Resizing": _translate_resizing,
        "SpectralNormalization": _translate_spectral_normalization,
        "StackedRNNCells": _translate_stacked_cells,
        "TimeDistributed": _translate_time_distributed,
    }
)
