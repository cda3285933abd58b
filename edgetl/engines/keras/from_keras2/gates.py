"""The hard sigmoid of Keras 2 in Keras 3: weights of the layers in front of it are scaled.

Keras 2 computes clip(0.2 x + 0.5, 0, 1), Keras 3 clip(x / 6 + 0.5, 0, 1). So hard_sigmoid of Keras 2 is that of Keras 3
for 1.2 x, and 1.2 is multiplied into the weights that compute x.

Source: tf_keras.activations.hard_sigmoid, tf_keras 2.21; keras.activations.hard_sigmoid, Keras 3.15.
"""

from typing import Any

import numpy as np

from edgetl.engines.keras.from_keras2.translation import NoCounterpartError
from edgetl.engines.keras2_graph import SavedLayer

HARD_SIGMOID = "hard_sigmoid"
# 0.2 / (1 / 6).
RATIO = 1.2

# Weights of a gated layer are side by side in their last axis, in this order. "a": the layer's activation, "g": the
# recurrent one. Source: the cells in tf_keras.layers and keras.layers, which agree.
_PARTS = {
    "LSTM": "ggag",
    "GRU": "gga",
    "SimpleRNN": "a",
    "ConvLSTM1D": "ggag",
    "ConvLSTM2D": "ggag",
    "ConvLSTM3D": "ggag",
}


def scale_before_activation(layer: SavedLayer) -> tuple[np.ndarray, ...]:
    """Return the weights of a layer, scaled if its activation is hard_sigmoid; for layers without gates."""
    if layer.config.get("activation") != HARD_SIGMOID:
        return layer.weights
    # The depthwise weights of a separable layer are multiplied by the pointwise ones.
    unscaled = 1 if layer.class_name.startswith("Separable") else 0
    return (*layer.weights[:unscaled], *(weight * np.float32(RATIO) for weight in layer.weights[unscaled:]))


def scale_gates(layer: SavedLayer) -> tuple[np.ndarray, ...]:
    """Return the weights of a recurrent layer or cell, scaled where a gate is a hard_sigmoid.

    Raises:
        NoCounterpartError: an LSTM whose activation is hard_sigmoid, which its state passes as well.
    """
    parts = _PARTS[layer.class_name.removesuffix("Cell")]
    config: Any = layer.config
    hard = {"a": config.get("activation") == HARD_SIGMOID, "g": config.get("recurrent_activation") == HARD_SIGMOID}
    if hard["a"] and parts == "ggag":
        raise NoCounterpartError("its activation is hard_sigmoid, which Keras 3 computes differently")
    factors = [RATIO if hard[part] else 1.0 for part in parts]
    return tuple(
        (weight * np.repeat(factors, weight.shape[-1] // len(parts))).astype(np.float32) for weight in layer.weights
    )
