"""Arithmetic of 8-bit quantization: ranges, scales, rounding, and quantization errors of layers."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.records import LayerError

# Symmetric weights use -127..127. Source: TFLite 8-bit quantization specification.
_LARGEST_WEIGHT = 127
# Smaller float32 numbers are denormal: kernels may treat them as zero.
SMALLEST_SCALE = float(np.finfo(np.float32).tiny)


def widen_range(low: float, high: float) -> tuple[float, float]:
    """Widen a range until 0.0 is exactly one of its 256 quantization levels.

    Kernels need an integer zero point. In -1..1, zero is halfway between two levels: every pixel value is then a
    rounding tie, which kernels resolve differently.

    Args:
        low: at most 0.
        high: at least 0.

    Returns:
        A range that contains [low, high] and whose first level is its lower end.
    """
    step = (high - low) / 255
    # Zero is the first level already.
    if low == 0:
        return low, high
    # The tolerance accepts a zero point that is an integer but for rounding errors of the division.
    levels_below_zero = math.floor(-low / step + 1e-4)
    if levels_below_zero == 0:
        # Less than one step is below zero: zero becomes the second level, 254 steps below the last.
        return -high / 254, high
    return low, low + 255 * (-low / levels_below_zero)


def compute_weight_scales(weights: np.ndarray, axis: int, smallest: float = SMALLEST_SCALE) -> np.ndarray:
    """Compute a symmetric int8 scale for each output channel.

    Args:
        weights: float of any shape.
        axis: axis of the output channels.
        smallest: least magnitude of a channel, so that a channel of zeros has a positive scale.

    Returns:
        float32 [channels].
    """
    reduced = tuple(index for index in range(weights.ndim) if index != axis)
    largest = np.maximum(np.abs(weights).max(axis=reduced), np.float32(smallest))
    return np.asarray(largest / np.float32(_LARGEST_WEIGHT), np.float32)


def quantize_weights(weights: np.ndarray, scales: np.ndarray, axis: int) -> NDArray[np.int8]:
    """Round weights to int8 with one scale for each output channel.

    Args:
        weights: float of any shape.
        scales: float32 [channels].
        axis: axis of the output channels.

    Returns:
        int8 of the shape of `weights`, -127..127. Halves are rounded to even.
    """
    by_channel = scales.reshape([-1 if index == axis else 1 for index in range(weights.ndim)])
    levels = np.clip(np.rint(weights / by_channel), -_LARGEST_WEIGHT, _LARGEST_WEIGHT)
    integers: NDArray[np.int8] = levels.astype(np.int8)
    return integers


def quantize_pixels(pixels: np.ndarray, quantization: tuple[float, int], dtype: type) -> np.ndarray:
    """Quantize pixel values 0..255 for an input tensor.

    Args:
        pixels: uint8 [photos, height, width, 3].
        quantization: scale and zero point of the input; scale 0 for an input that is not quantized.
        dtype: dtype of the input.

    Returns:
        [photos, height, width, 3] of `dtype`. Halves are rounded to even.
    """
    scale, zero_point = quantization
    # A scale of 1 and zero point of 0 is raw 0..255.
    if not scale or (scale == 1 and zero_point == 0):
        return pixels.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    integers: np.ndarray = np.clip(np.rint(pixels / scale) + zero_point, limits.min, limits.max).astype(dtype)
    return integers


def dequantize(raw: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Convert the integers of a quantized tensor to the values that they represent.

    Args:
        raw: integers or floats of any shape.
        scale: quantization scale; 0 for a tensor that is not quantized.
        zero_point: quantization zero point.

    Returns:
        float32 of the same shape.
    """
    return raw.astype(np.float32) if scale == 0 else (raw.astype(np.float32) - zero_point) * np.float32(scale)


def compare_outputs(outputs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Measure the quantization errors of layers for one photo.

    Args:
        outputs: for each layer its float output in quantization steps (divided by the scale, plus the zero point) and
            its integer output, both of the same shape.

    Returns:
        float64 [layers, 2]: the mean square of the difference, and the fraction of values that are saturated.
    """
    return np.array([_compare_layer(steps, integers) for steps, integers in outputs], np.float64).reshape(-1, 2)


def summarize_layer_errors(photos: np.ndarray, layers: Sequence[tuple[str, str, float]]) -> tuple[LayerError, ...]:
    """Compute the mean errors of layers over photos, sorted with the largest first and then by name.

    Args:
        photos: float64 [photos, layers, 2], from `compare_outputs`.
        layers: name, operator and output scale of each layer.

    Source: TensorFlow's quantization debugger. The error of a layer is its RMSE / scale, in quantization steps of the
    output; rounding alone gives 1 / sqrt(12) = 0.29.
    """
    squares, saturated = photos.sum(axis=0).T / len(photos)
    errors = [
        LayerError(
            name=name,
            operator=operator,
            scale=scale,
            error_steps=round(float(np.sqrt(squares[layer])), 4),
            saturated=round(float(saturated[layer]), 6),
        )
        for layer, (name, operator, scale) in enumerate(layers)
    ]
    return tuple(sorted(errors, key=lambda error: (-error.error_steps, error.name)))


def _compare_layer(steps: np.ndarray, integers: np.ndarray) -> tuple[float, float]:
    limits = np.iinfo(integers.dtype)
    square = float(np.mean((steps - integers) ** 2))
    # Up to half a step beyond the limits is rounding; more is saturation.
    return square, float(np.mean((steps < limits.min - 0.5) | (steps > limits.max + 0.5)))
