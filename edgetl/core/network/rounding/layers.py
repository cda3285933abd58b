"""Layers of an 8-bit file as matrices: float weights, the integers of the file, and samples of inputs and outputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Symmetric weights use -127..127. Source: TFLite 8-bit quantization specification.
LARGEST_WEIGHT = 127
LARGEST_BIAS = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Integers:
    """What a file contains for the weights of a layer.

    Attributes:
        weights: int8 [channels, inputs].
        scales: of the weights, float32 [channels].
        biases: float32 [channels], multiples of weight scale times input scale.
    """

    weights: NDArray[np.int8]
    scales: NDArray[np.float32]
    biases: NDArray[np.float32]

    def dequantize(self) -> NDArray[np.float32]:
        """Return the weights that the integers represent, float32 [channels, inputs]."""
        return self.weights.astype(np.float32) * self.scales[:, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A convolution or dense layer of an 8-bit file.

    Attributes:
        name: of its output in the file.
        weights: of the float model with folded BatchNormalization, float32 [channels, inputs]. The inputs of an output
            are those of its window, in the order of `Window.gather`; of a depthwise layer those of its channel alone.
        biases: of the float model, float32 [channels].
        integers: what the file contains.
        depthwise: whether each output channel has inputs of its own.
        has_biases: whether the file has biases that can be changed.
        places: number of places of the output, 1 for a dense layer behind a pooling.
        has_channel_scales: whether each output channel has a scale of its own.
        low: smallest value that the output can have, activation included.
        high: largest value that the output can have.
    """

    name: str
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]
    integers: Integers
    depthwise: bool
    places: int
    has_biases: bool
    has_channel_scales: bool
    low: float
    high: float

    @property
    def channels(self) -> int:
        """Return the number of output channels."""
        return len(self.weights)


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Inputs and outputs of a layer at some places of some photos.

    Attributes:
        inputs: what the 8-bit layer consumes, dequantized: float32 [samples, inputs], or [samples, channels, inputs]
            for a depthwise layer.
        outputs: what the float layer outputs, activation included: float32 [samples, channels].
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]

    def compute(self, weights: NDArray[np.float32], biases: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the outputs before the activation, float32 [samples, channels].

        Args:
            weights: float32 [channels, inputs].
            biases: float32 [channels].
        """
        if self.inputs.ndim == 3:
            return np.asarray(np.einsum("sck,ck->sc", self.inputs, weights) + biases, np.float32)
        return np.asarray(self.inputs @ weights.T + biases, np.float32)


def round_biases(biases: np.ndarray, scales: np.ndarray, input_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Round biases to multiples of weight scale times input scale.

    Args:
        biases: float [channels].
        scales: of the weights, float32 [channels].
        input_scale: quantization scale of the input.

    Returns:
        int32 [channels] and the scales of the biases, float32 [channels].
    """
    # In float64: biases are integers of up to 32 bits, more than float32 represents exactly.
    bias_scales = scales.astype(np.float64) * input_scale
    integers = np.clip(np.rint(biases / bias_scales), -LARGEST_BIAS, LARGEST_BIAS)
    return integers.astype(np.int32), bias_scales.astype(np.float32)


def dequantize_biases(integers: np.ndarray, scales: np.ndarray) -> NDArray[np.float32]:
    """Return the biases that int32 [channels] with float32 scales [channels] represent."""
    return np.asarray(integers * scales.astype(np.float64), np.float32)
