"""The first layer of every network: scales raw RGB 0..255 to the range that the weights were trained on.

A scaling is one scale and one offset for each channel. So it is a single Rescaling layer, and a converter can set its
ranges exactly. The channel order BGR of "caffe" is not part of it: the weights of the first convolution are reordered.
"""

from typing import Any

import keras
import numpy as np

from edgetl.core.network.input_scaling import Affine
from edgetl.core.network.quantization import widen_range

LAYER_NAME = "scaling"


def make_rescaling(affine: Affine) -> keras.layers.Rescaling:
    """Make the scaling layer."""
    # float32 in every precision: bfloat16 has 8 significant bits and would round the 256 pixel values.
    return keras.layers.Rescaling(_to_json(affine.scale), _to_json(affine.offset), name=LAYER_NAME, dtype="float32")


def read_rescaling(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and offset of a Rescaling layer, float32 of shape [] or [3]."""
    return np.asarray(layer.scale, np.float32), np.asarray(layer.offset, np.float32)


def read_normalization(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and offset of a Normalization layer, float64 of shape [] or [channels].

    Source: keras.layers.Normalization.call, Keras 3.15: (x - mean) / max(sqrt(variance), epsilon).
    """
    mean, variance = (np.squeeze(np.asarray(value, np.float64)) for value in (layer.mean, layer.variance))
    scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
    return scale, -mean * scale


def compute_scaled_ranges(scale: np.ndarray, offset: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Compute the ranges of pixel values 0..255 after the multiplication, and after the addition.

    Args:
        scale: float32 [] or [3], positive or negative.
        offset: float32 [] or [3].

    Returns:
        Two ranges over all channels, each widened so that 0.0 is one of its 256 quantization levels.
    """
    multiplied = np.broadcast_to(scale, 3) * np.array([[0], [255]], np.float32)
    return _compute_range(multiplied), _compute_range(multiplied + offset)


def convert_bgr_to_rgb(network: keras.Model) -> None:
    """Reverse the input channels of the first convolution, so that a network trained on BGR takes RGB."""
    reverse_input_channels(next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)))


def reverse_input_channels(convolution: keras.layers.Conv2D) -> None:
    """Reverse the input channels in the weights of a convolution: [height, width, channels, filters]."""
    convolution.kernel.assign(np.asarray(convolution.kernel)[:, :, ::-1, :])


def _compute_range(values: np.ndarray) -> tuple[float, float]:
    # A quantized range must contain 0.0, even where all pixel values are on one side of it.
    return widen_range(min(0.0, float(values.min())), max(0.0, float(values.max())))


def _to_json(value: float | tuple[float, ...]) -> float | list[float]:
    # JSON has no tuples: in a .keras file a tuple becomes an object of its own, a list stays a list.
    return list(value) if isinstance(value, tuple) else value
