"""The first layer of every network: raw RGB 0..255 in, what its weights were trained on out.

Each scaling is one number a channel to multiply by and one to add, so that it is one layer, and one that a converter
can pin the ranges of. The order BGR of "caffe" is no scaling: it is folded into the kernel that reads the photo.
"""

from typing import Any

import keras
import numpy as np

from edgetl.core.network.input_scaling import Affine
from edgetl.core.network.quantization import widen_range

LAYER_NAME = "scaling"


def make_rescaling(numbers: Affine) -> keras.layers.Rescaling:
    """The layer, in float32 whatever the rest computes in: bfloat16 would blur 256 levels before anything saw them."""
    return keras.layers.Rescaling(_plain(numbers.scale), _plain(numbers.offset), name=LAYER_NAME, dtype="float32")


def read_rescaling(scaling: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset of a Rescaling layer: float32 [] or [3] each."""
    return np.asarray(scaling.scale, np.float32), np.asarray(scaling.offset, np.float32)


def compute_scaled_ranges(scale: np.ndarray, offset: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges that hold what 0..255 becomes after the multiplication, and after the addition, over all channels.

    Both hold 0, as a quantized range must, on one of their levels. A negative scale turns a range round.
    """
    spread = np.broadcast_to(scale, 3) * np.array([[0], [255]], np.float32)
    scaled = spread + offset
    return _held(spread), _held(scaled)


def convert_bgr_to_rgb(network: keras.Model) -> None:
    """Turn a network trained on BGR into the same one for RGB: the first kernel's input channels change places."""
    first = next(found for found in network.layers if isinstance(found, keras.layers.Conv2D))
    reverse_input_channels(first)


def reverse_input_channels(convolution: keras.layers.Conv2D) -> None:
    """Let a convolution over three channels read them in the opposite order."""
    convolution.kernel.assign(np.asarray(convolution.kernel)[:, :, ::-1, :])


def _held(values: np.ndarray) -> tuple[float, float]:
    return widen_range(min(0.0, float(values.min())), max(0.0, float(values.max())))


def _plain(value: float | tuple[float, ...]) -> float | list[float]:
    """What a .keras file can say: it knows lists, not tuples."""
    return list(value) if isinstance(value, tuple) else value
