"""Textures as planes, float32 [images, side, side], 0..1."""

import numpy as np

from tools.formula.classes import Floats, Rows
from tools.formula.views import Views, to_planes


def draw_textures(rows: Rows, views: Views, rng: np.random.Generator) -> Floats:
    """Draw textures that turn and zoom with the view, at a random position."""
    values = np.empty_like(views.x)
    noise = rows["noise"]
    if noise.any():
        values[noise] = _draw_noise(rows[noise], views.turn[noise], views.zoom[noise], views.x.shape[1], rng)
    if not noise.all():
        values[~noise] = _draw_waves(rows[~noise], views.x[~noise], views.y[~noise], rng)
    # In place, because these arrays are the largest: tanh(hardness * value) / 2 + 1/2.
    values *= to_planes(rows["hardness"])
    np.tanh(values, out=values)
    values *= np.float32(0.5)
    values += np.float32(0.5)
    return values


def _draw_waves(rows: Rows, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Draw a wave that a second one warps, plus a third."""
    phase = rng.uniform(0, 2 * np.pi, (len(rows), 3)).astype(np.float32)
    first, second, third = (
        to_planes(rows["waves"][:, k, 0]) * x + to_planes(rows["waves"][:, k, 1]) * y + to_planes(phase[:, k])
        for k in range(3)
    )
    warped = np.sin(first + to_planes(rows["warp"]) * np.sin(second))
    crossed: Floats = warped + to_planes(rows["second"]) * np.sin(third)
    return crossed


def _draw_noise(rows: Rows, turn: Floats, zoom: Floats, side: int, rng: np.random.Generator) -> Floats:
    """Draw Gaussian noise of unit variance with a power-law spectrum that falls faster in one direction."""
    down, across = np.fft.fftfreq(side).astype(np.float32), np.fft.rfftfreq(side).astype(np.float32)
    angle = rows["angle"] + turn
    cos, sin = to_planes(np.cos(angle)), to_planes(np.sin(angle))
    along = (cos * across + sin * down[:, None]) * to_planes(rows["stretch"])
    perpendicular = cos * down[:, None] - sin * across
    size = to_planes(rows["coarseness_px"] * zoom) * np.float32(side / 64)
    power = (along**2 + perpendicular**2) * size**2 + np.float32((1 / side) ** 2)
    amplitude = power ** to_planes(-rows["slope"] / 2) * np.exp(-2 * power)
    # No constant part.
    amplitude[:, 0, 0] = 0
    waves = rng.standard_normal((2, *amplitude.shape), np.float32) * amplitude
    values = np.fft.irfft2(waves[0] + 1j * waves[1], (side, side)).astype(np.float32)
    values /= values.std((1, 2), keepdims=True) + np.float32(1e-12)
    return values
