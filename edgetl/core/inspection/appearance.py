"""Pixels of photos, as a model sees them → measures of sharpness, brightness and information."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.core import machine
from edgetl.core.parallel import BatchPlan, predict_in_batches

# Photos in a batch, and batches at the same time: 64 photos are in memory.
_BATCH, _MOST_THREADS = 16, 4
# Source: ITU-R BT.601, luma.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BINS = 32
_NAMES = ("sharpness", "dark_end", "bright_end", "deviation", "entropy", "colour")

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Appearance:
    """Measures of photos: float64 [photos] each, [photos, 3] of `mean_colour`.

    Attributes:
        sharpness: deviation of the Laplacian as a fraction of that of the luma: small where edges are soft.
        dark_end: luma that 5 % of the pixels are below, 0..255.
        bright_end: luma that 95 % of the pixels are below, 0..255.
        deviation: standard deviation of the luma, 0..127.5.
        entropy: of the luma in 32 steps, 0..5 bits.
        colour: mean difference between the largest and the smallest channel, 0..255; 0 for a grey photo.
        mean_colour: mean red, green and blue, 0..255.
    """

    sharpness: Values
    dark_end: Values
    bright_end: Values
    deviation: Values
    entropy: Values
    colour: Values
    mean_colour: Values


def measure_appearance(
    rows: Callable[[NDArray[np.int64]], NDArray[np.uint8]], count: int, advance: Callable[[int], None] = lambda _: None
) -> Appearance:
    """Measure photos.

    Args:
        rows: function from positions to pixels, uint8 [positions, height, width, 3]; is called from several threads.
        count: number of photos, at least 1.
        advance: called with the number of photos in each finished batch, from several threads.
    """
    batches = BatchPlan(count=count, size=min(_BATCH, count), threads=min(machine.count_cores(), _MOST_THREADS))
    measures = predict_in_batches(batches, lambda places: _measure_batch(rows(places)), advance)
    columns = {name: measures[:, place] for place, name in enumerate(_NAMES)}
    return Appearance(**columns, mean_colour=measures[:, len(_NAMES) :])


def _measure_batch(pixels: NDArray[np.uint8]) -> Values:
    """Return float64 [photos, measures] in the order of `_NAMES`, then mean red, green and blue."""
    colours = pixels.astype(np.float32)
    luma = colours @ _LUMA
    flat = luma.reshape(len(luma), -1)
    deviation = flat.std(axis=1)
    laplacian = (
        luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * luma[:, 1:-1, 1:-1]
    )
    dark_end, bright_end = np.percentile(flat, [5, 95], axis=1)
    steps = flat.astype(np.uint8) // (256 // _BINS) + _BINS * np.arange(len(flat))[:, None]
    shares = np.bincount(steps.ravel(), minlength=_BINS * len(flat)).reshape(len(flat), _BINS) / flat.shape[1]
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)
    red, green, blue = (pixels[..., channel] for channel in range(3))
    # Not max(axis=3): numpy takes 30 times as long for a short last axis.
    colour = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    # The constant keeps a photo of one colour finite; it is below the noise of a camera.
    sharpness = laplacian.reshape(len(luma), -1).std(axis=1).astype(np.float64) / (deviation + 0.1)
    measures = [sharpness, dark_end, bright_end, deviation, entropy, colour.mean(axis=(1, 2))]
    means = [channel.mean(axis=(1, 2)) for channel in (red, green, blue)]
    return np.stack([*measures, *means], axis=1).astype(np.float64)
