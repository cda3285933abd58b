"""AdaRound: choose for each weight whether it is rounded up or down, so that the layer's outputs stay what they are.

The loss of a layer is the squared error of its outputs on samples, which is a quadratic function of the errors of its
weights. So it is computed from second moments of the inputs, and each step of the optimization uses all samples.

Source: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020: rectified sigmoid, annealed
regularizer, asymmetric reconstruction.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.core.network.rounding.layers import LARGEST_WEIGHT, Integers, Layer, Samples

_STEPS = 300
_RATE = 0.05
# Ends of the rectified sigmoid, and the exponent of the regularizer at the start and at the end. Source: Nagel 2020,
# equation 23 and section 5.
_STRETCH_LOW, _STRETCH_HIGH = -0.1, 1.1
_FIRST_EXPONENT, _LAST_EXPONENT = 20.0, 2.0
_WARM_UP = 0.2
# With at most this number of inputs, each output channel has second moments of its own.
_FEW_INPUTS = 64
# Fraction of the mean square of the inputs that is added to each, so that few samples determine all weights.
_RIDGE = 0.01
# Scales that are tried where each output channel has moments of its own, as multiples of the file's scale.
_SCALE_FACTORS = (1.0, 1.02, 1.05, 1.08, 1.12, 1.16, 1.2, 1.25)
# With fewer samples inside the range of the activation, a channel has those of all samples.
_FEWEST_SAMPLES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Problem:
    """Quadratic losses of the rows of a layer: (integers * scale - optimum) moments (integers * scale - optimum).

    Attributes:
        moments: of the inputs, float32 [groups, inputs, inputs]. All rows of a group have the same.
        optimum: weights with the least loss, float32 [groups, rows, inputs].
        weights: weights of the float layer, float32 [groups, rows, inputs].
        scales: float32 [groups, rows].
    """

    moments: NDArray[np.float32]
    optimum: NDArray[np.float32]
    weights: NDArray[np.float32]
    scales: NDArray[np.float32]


def choose_integers(layer: Layer, samples: Samples) -> Integers:
    """Choose the integers of a layer.

    Where they do not reduce the error of a channel on the samples, its integers stay what they are.

    Args:
        layer: the layer, with the integers that the file contains.
        samples: at least one.

    Returns:
        Integers for the file. Biases are not yet multiples of their scale: see `layers.round_biases`.
    """
    before = layer.integers
    is_active, targets = _choose_targets(layer, samples)
    if layer.depthwise or layer.weights.shape[1] <= _FEW_INPUTS:
        after = _solve_by_channel(layer, samples, is_active, targets)
    else:
        after = _solve_together(layer, samples, targets)
    errors = _measure_errors(layer, samples, np.stack([before.dequantize(), after.dequantize()]), (before, after))
    # Also false for a channel with an infinite or undefined error.
    improves = errors[1] < errors[0]
    return Integers(
        weights=np.where(improves[:, None], after.weights, before.weights),
        scales=np.where(improves, after.scales, before.scales),
        biases=np.where(improves, after.biases, before.biases),
    )


def _choose_targets(layer: Layer, samples: Samples) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Choose what each output should be before the activation, and where the activation lets a difference through.

    Where both the float output and that of the 8-bit layer are at an end of the range, the 8-bit layer may stay as it
    is.

    Returns:
        bool and float32, both [samples, channels].
    """
    outputs = samples.compute(layer.weights, layer.biases)
    is_active = (_is_inside(samples.outputs, layer)) | (_is_inside(outputs, layer))
    return is_active, np.where(is_active, np.clip(samples.outputs, layer.low, layer.high), outputs)


def _is_inside(outputs: np.ndarray, layer: Layer) -> NDArray[np.bool_]:
    return np.asarray((outputs > layer.low) & (outputs < layer.high))


def _solve_by_channel(
    layer: Layer, samples: Samples, is_active: NDArray[np.bool_], targets: NDArray[np.float32]
) -> Integers:
    """Solve each channel with the samples inside the range of its activation, and with several scales."""
    channels, inputs = layer.weights.shape
    moments = np.empty((channels, inputs, inputs), np.float32)
    optimum, means = np.empty((channels, inputs), np.float32), np.empty((channels, inputs), np.float32)
    shifts = np.empty(channels, np.float32)
    for channel in range(channels):
        rows = is_active[:, channel]
        rows = rows if np.count_nonzero(rows) >= _FEWEST_SAMPLES else np.ones_like(rows)
        values = samples.inputs[rows, channel] if layer.depthwise else samples.inputs[rows]
        weights = layer.weights[channel]
        residual = targets[rows, channel] - values @ weights - layer.biases[channel]
        moments[channel], changes, means[channel], shift = _compute_moments(
            values, residual[:, None], centered=layer.has_biases
        )
        optimum[channel], shifts[channel] = weights + changes[0], shift[0]
    factors = np.array(_SCALE_FACTORS if layer.has_channel_scales else (1.0,), np.float32)
    scales = layer.integers.scales[:, None] * factors
    shape = (channels, len(factors), inputs)
    problem = _Problem(
        moments=moments,
        optimum=np.broadcast_to(optimum[:, None], shape),
        weights=np.broadcast_to(layer.weights[:, None], shape),
        scales=scales,
    )
    integers = _round_weights(problem)
    best = _measure_losses(problem, integers).argmin(axis=1)
    every = np.arange(channels)
    weights, scales = integers[every, best], scales[every, best]
    differences = weights * scales[:, None] - layer.weights
    return Integers(
        weights=weights.astype(np.int8),
        scales=scales,
        biases=_correct(layer, shifts, (differences * means).sum(axis=1)),
    )


def _solve_together(layer: Layer, samples: Samples, targets: NDArray[np.float32]) -> Integers:
    """Solve all channels with the moments of all samples: those of each channel alone would need too much memory."""
    residuals = targets - samples.compute(layer.weights, layer.biases)
    moments, differences, mean, shifts = _compute_moments(samples.inputs, residuals, centered=layer.has_biases)
    problem = _Problem(
        moments=moments[None],
        optimum=(layer.weights + differences)[None],
        weights=layer.weights[None],
        scales=layer.integers.scales[None],
    )
    weights = _round_weights(problem)[0]
    differences = weights * layer.integers.scales[:, None] - layer.weights
    return Integers(
        weights=weights.astype(np.int8),
        scales=layer.integers.scales,
        biases=_correct(layer, shifts, differences @ mean),
    )


def _compute_moments(
    values: NDArray[np.float32], residuals: NDArray[np.float32], *, centered: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Compute second moments of inputs, and the change of the weights that removes most of the residuals.

    Args:
        values: float32 [samples, inputs].
        residuals: targets minus outputs with the float weights, float32 [samples, rows].
        centered: whether a bias compensates the means.

    Returns:
        Moments [inputs, inputs] with ridge, changes [rows, inputs], means of inputs [inputs] and residuals [rows].
    """
    mean, shift = values.mean(axis=0), residuals.mean(axis=0)
    if not centered:
        mean, shift = np.zeros_like(mean), np.zeros_like(shift)
    deviations = values - mean
    moments = deviations.T @ deviations / np.float32(len(values))
    ridge = max(_RIDGE * float(np.trace(moments)) / len(moments), float(np.finfo(np.float32).tiny))
    moments[np.diag_indices_from(moments)] += np.float32(ridge)
    products = deviations.T @ (residuals - shift) / np.float32(len(values))
    return moments, np.linalg.solve(moments, products).T, mean, shift


def _correct(layer: Layer, shifts: NDArray[np.float32], moved: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return biases that keep the means of the outputs: bias correction.

    Args:
        layer: the layer.
        shifts: mean residuals of the float weights, float32 [channels].
        moved: by how much the new weights change the mean outputs, float32 [channels].

    Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019.
    """
    if not layer.has_biases:
        return layer.integers.biases
    return np.asarray(layer.biases + shifts - moved, np.float32)


def _round_weights(problem: _Problem) -> NDArray[np.float32]:
    """Round up or down with the least loss: gradient descent on rectified sigmoids.

    Returns:
        Integers, float32 [groups, rows, inputs].
    """
    steps = problem.weights / problem.scales[..., None]
    floors = np.clip(np.floor(steps), -LARGEST_WEIGHT, LARGEST_WEIGHT - 1)
    optimum = problem.optimum / problem.scales[..., None]
    # In quantization steps, rounding to the nearest has a loss of about one in every layer, and so the regularizer has
    # the same weight in all of them.
    trace = np.trace(problem.moments, axis1=1, axis2=2)[:, None, None]
    moments = problem.moments / (trace / 12)
    stretch = np.float32(_STRETCH_HIGH - _STRETCH_LOW)
    parts = np.clip(steps - floors, 0.01, 0.99)
    logits = -np.log(stretch / (parts - np.float32(_STRETCH_LOW)) - 1)
    first, second = np.zeros_like(logits), np.zeros_like(logits)
    for step in range(_STEPS):
        sigmoids = 1 / (1 + np.exp(-logits))
        parts = np.clip(sigmoids * stretch + np.float32(_STRETCH_LOW), 0, 1)
        gradient = 2 * ((floors + parts - optimum) @ moments)
        progress = (step / _STEPS - _WARM_UP) / (1 - _WARM_UP)
        if progress > 0:
            gradient -= _differentiate_regularizer(parts, progress)
        gradient *= sigmoids * (1 - sigmoids) * ((parts > 0) & (parts < 1))
        # Adam, which needs no correction of its first steps here: both averages start at zero and grow alike.
        first += np.float32(0.1) * (gradient - first)
        second += np.float32(0.01) * (gradient**2 - second)
        logits -= np.float32(_RATE) * first / (np.sqrt(second) + np.float32(1e-12))
    return np.asarray(floors + (logits >= 0), np.float32)


def _differentiate_regularizer(parts: NDArray[np.float32], progress: float) -> NDArray[np.float32]:
    """Return how fast the regularizer falls with each part.

    Its exponent falls along a cosine, so that parts near a half decide last.
    """
    exponent = _LAST_EXPONENT + (_FIRST_EXPONENT - _LAST_EXPONENT) * (1 + np.cos(np.pi * progress)) / 2
    distances = 2 * parts - 1
    powers = np.abs(distances) ** np.float32(exponent - 1)
    return np.asarray(np.float32(2 * exponent / parts.shape[-1]) * np.sign(distances) * powers, np.float32)


def _measure_losses(problem: _Problem, integers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the loss of each row, [groups, rows]."""
    errors = integers * problem.scales[..., None] - problem.optimum
    return np.asarray(((errors @ problem.moments) * errors).sum(axis=-1))


def _measure_errors(layer: Layer, samples: Samples, weights: np.ndarray, integers: tuple[Integers, ...]) -> np.ndarray:
    """Measure the mean squared errors of the outputs, activation included, [len(integers), channels]."""
    targets = np.clip(samples.outputs, layer.low, layer.high)
    outputs = (samples.compute(matrix, part.biases) for matrix, part in zip(weights, integers, strict=True))
    return np.stack([((np.clip(values, layer.low, layer.high) - targets) ** 2).mean(axis=0) for values in outputs])
