"""Images drawn by formula, in classes: what `pretrain_base.py` learns from. In: a plan and a number. Out: a shard.

A class keeps its shape, textures and palette, and its upright position, in every one of its images (drawn freely, a
network learns to ignore them). An image adds a small turn, zoom and shift, other light, and a little of something else
in every number of the formula.

Everything is numpy, vectorised over images; one image depends on the plan and its shard's number alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from formula_classes import (
    CONTOUR,
    FRACTAL,
    GLYPH,
    HARMONICS,
    POINTS,
    Bytes,
    Catalogue,
    Floats,
    Labels,
    Plan,
    Rows,
    catalogue,
    chaos_game,
)
from numpy.typing import NDArray

_CHUNK = 32  # Images drawn at a time: their planes stay in the processor's cache.
_ANGLES = 256


@dataclass(frozen=True, slots=True)
class _View:
    """How each image of a chunk is looked at: coordinates turned, zoomed and shifted; the shape fills about -1..1."""

    x: Floats
    y: Floats
    turn: Floats
    zoom: Floats
    shift: Floats


def shard(plan: Plan, number: int, images: int) -> tuple[Bytes, Labels]:
    """Images of classes drawn at random.

    Args:
        plan: what is drawn.
        number: which shard; the same number gives the same images.
        images: how many.

    Returns:
        uint8 [images, side_px, side_px, 3], RGB, and the class of each.
    """
    rng = np.random.default_rng((plan.seed, 1, number))
    labels = rng.integers(plan.classes, size=images)
    return draw(plan, labels, rng), labels


def draw(plan: Plan, labels: Labels, rng: np.random.Generator) -> Bytes:
    """One image for each label: uint8 [labels, side_px, side_px, 3], RGB."""
    listed = catalogue(plan)
    pixels = np.empty((len(labels), plan.side_px, plan.side_px, 3), np.uint8)
    kinds = listed.classes["kind"][labels]
    for kind in (FRACTAL, GLYPH, CONTOUR):
        places = np.flatnonzero(kinds == kind)
        for start in range(0, len(places), _CHUNK):
            chunk = places[start : start + _CHUNK]
            pixels[chunk] = _drawn(plan, listed, labels[chunk], kind, rng)
    return pixels


def _drawn(plan: Plan, listed: Catalogue, labels: Labels, kind: int, rng: np.random.Generator) -> Bytes:
    classes = listed.classes[labels]
    view = _view(plan, len(labels), rng)
    if kind == CONTOUR:
        cover, tone = _contour(listed.contours[classes["shape"]], view, plan, rng)
    else:
        points = _fractal_points if kind == FRACTAL else _glyph_points
        rows = (listed.fractals if kind == FRACTAL else listed.glyphs)[classes["shape"]]
        cover, tone = _splat(*points(rows, plan, rng), view)
    blend = _planes(classes["blend"])
    tone = (1 - blend) * tone + blend * _texture(listed.textures[classes["fill"]], view, rng)
    ground = _texture(listed.textures[classes["ground"]], view, rng)
    return _coloured(plan, listed.palettes[classes["palette"]], np.stack([cover, tone, ground]), rng)


def _view(plan: Plan, count: int, rng: np.random.Generator) -> _View:
    turn = np.deg2rad(plan.turn_deg * rng.standard_normal(count)).astype(np.float32)
    zoom = np.exp(rng.uniform(-plan.zoom, plan.zoom, count)).astype(np.float32)
    shift = rng.uniform(-plan.shift, plan.shift, (count, 2)).astype(np.float32) * 2
    line = ((np.arange(plan.side_px, dtype=np.float32) + 0.5) / plan.side_px * 2 - 1).astype(np.float32)
    across, down = line[None, None, :] - _planes(shift[:, 0]), line[None, :, None] - _planes(shift[:, 1])
    cos, sin = _planes(np.cos(turn) / zoom), _planes(np.sin(turn) / zoom)
    return _View(cos * across + sin * down, cos * down - sin * across, turn, zoom, shift)


def _fractal_points(rows: Rows, plan: Plan, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    maps = rows["maps"].copy()
    maps[..., :6] *= 1 + plan.formula * rng.standard_normal(maps[..., :6].shape, np.float32)
    x, y, tone = chaos_game(rows, maps, rng)
    scale = rows["scale"][:, None]
    return (x - rows["centre"][:, :1]) * scale, (y - rows["centre"][:, 1:]) * scale, tone


def _glyph_points(rows: Rows, plan: Plan, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Points strewn along the strokes, as thick as the pen; their tone runs from the first stroke to the last."""
    count, points = len(rows), POINTS
    strokes = rows["strokes"] + plan.formula * rng.standard_normal(rows["strokes"].shape, np.float32)
    along = np.arange(points, dtype=np.float32) / points * rows["count"][:, None]
    number = along.astype(np.int32)
    rest = along - number
    knots = strokes.reshape(-1, 3, 2)[number + 4 * np.arange(count)[:, None]]
    bent = np.stack([(1 - rest) ** 2, 2 * rest * (1 - rest), rest**2], -1)
    place = (bent[..., None] * knots).sum(2)
    pen = (rng.integers(-128, 128, (2, count, points), np.int8) / np.float32(128)) * rows["width"][:, None]
    tone = along / rows["count"][:, None]
    return place[..., 0] + pen[0], place[..., 1] + pen[1], tone.astype(np.float32)


def _splat(x: Floats, y: Floats, tone: Floats, view: _View) -> tuple[Floats, Floats]:
    """How densely the points cover each pixel, 0..1, and their mean tone there."""
    count, side = view.x.shape[:2]
    cos, sin = (view.zoom * np.cos(view.turn))[:, None], (view.zoom * np.sin(view.turn))[:, None]
    column = (cos * x - sin * y + view.shift[:, :1] + 1) * (side / 2)
    row = (sin * x + cos * y + view.shift[:, 1:] + 1) * (side / 2)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    cell = row.astype(np.int32) * side + column.astype(np.int32) + (side * side * np.arange(count))[:, None]
    cell = np.where(inside, cell, count * side * side).ravel()
    hits = np.bincount(cell, minlength=count * side * side + 1)[:-1].astype(np.float32)
    tones = np.bincount(cell, tone.ravel(), minlength=count * side * side + 1)[:-1].astype(np.float32)
    density, weighted = _blurred(hits.reshape(view.x.shape)), _blurred(tones.reshape(view.x.shape))
    # The same cover at every side: as many points fall on fewer pixels.
    thickness = np.float32(1.2 * (side / 64) ** 2)
    return 1 - np.exp(-thickness * density), weighted / (density + np.float32(1e-6))


def _contour(rows: Rows, view: _View, plan: Plan, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Inside 1, outside 0, soft between; the tone runs in rings."""
    waves = rows["waves"] * (1 + 3 * plan.formula * rng.standard_normal(rows["waves"].shape, np.float32))
    angles = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False, dtype=np.float32)
    turns = np.arange(1, HARMONICS + 1, dtype=np.float32)[:, None] * angles
    bend = waves @ np.concatenate([np.cos(turns), np.sin(turns)])
    wedge = np.pi / rows["corners"][:, None]
    bend -= rows["pointed"][:, None] * np.log(np.cos((angles + np.pi) % (2 * wedge) - wedge)) - np.float32(0.1)
    radius = rows["radius"][:, None] * np.exp(np.clip(bend, -1.2, 0.7))
    tiles = _planes(rows["tiles"])
    x, y = tiles * view.x, tiles * view.y
    tiled = rows["tiles"] > 1
    x[tiled], y[tiled] = (x[tiled] + 1) % 2 - 1, (y[tiled] + 1) % 2 - 1
    angle = (np.arctan2(y, x) * np.float32(_ANGLES / (2 * np.pi)) + np.float32(_ANGLES / 2)).astype(np.int32)
    angle &= _ANGLES - 1
    angle += (_ANGLES * np.arange(len(rows), dtype=np.int32))[:, None, None]
    outward = np.sqrt(x * x + y * y) / radius.ravel()[angle]
    softness = _planes(rows["softness"]) * tiles
    cover = np.clip((1 - outward) / softness + 0.5, 0, 1) * np.clip(
        (outward - _planes(rows["hole"])) / softness + 0.5, 0, 1
    )
    tone = 0.5 - 0.5 * np.cos(np.pi * _planes(rows["rings"]) * outward)
    return cover, tone


def _texture(rows: Rows, view: _View, rng: np.random.Generator) -> Floats:
    """0..1 at each pixel; it turns and zooms with the view and lies anywhere."""
    values = np.empty_like(view.x)
    noise = rows["noise"]
    if noise.any():
        values[noise] = _noise(rows[noise], view.turn[noise], view.zoom[noise], (view.x.shape[1], rng))
    if not noise.all():
        values[~noise] = _waves(rows[~noise], view.x[~noise], view.y[~noise], rng)
    values *= _planes(rows["hardness"])
    np.tanh(values, out=values)
    values *= np.float32(0.5)
    values += np.float32(0.5)
    return values


def _waves(rows: Rows, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    phase = rng.uniform(0, 2 * np.pi, (len(rows), 3)).astype(np.float32)
    first, second, third = (
        _planes(rows["waves"][:, k, 0]) * x + _planes(rows["waves"][:, k, 1]) * y + _planes(phase[:, k])
        for k in range(3)
    )
    plain = np.sin(first + _planes(rows["warp"]) * np.sin(second))
    crossed: Floats = plain + _planes(rows["second"]) * np.sin(third)
    return crossed


def _noise(rows: Rows, turn: Floats, zoom: Floats, drawn: tuple[int, np.random.Generator]) -> Floats:
    """Gaussian noise of unit variance whose spectrum falls off as a power, faster across than along."""
    side, rng = drawn
    down, across = np.fft.fftfreq(side).astype(np.float32), np.fft.rfftfreq(side).astype(np.float32)
    angle = rows["angle"] + turn
    cos, sin = _planes(np.cos(angle)), _planes(np.sin(angle))
    along = (cos * across + sin * down[:, None]) * _planes(rows["stretch"])
    beside = cos * down[:, None] - sin * across
    size = _planes(rows["coarseness_px"] * zoom) * np.float32(side / 64)
    power = (along**2 + beside**2) * size**2 + np.float32((1 / side) ** 2)
    loudness = power ** _planes(-rows["slope"] / 2) * np.exp(-2 * power)
    loudness[:, 0, 0] = 0
    waves = rng.standard_normal((2, *loudness.shape), np.float32) * loudness
    values = np.fft.irfft2(waves[0] + 1j * waves[1], (side, side)).astype(np.float32)
    values /= values.std((1, 2), keepdims=True) + np.float32(1e-12)
    return values


def _coloured(plan: Plan, colours: Floats, planes: Floats, rng: np.random.Generator) -> Bytes:
    """Mix the palette's five colours at each pixel, light the scene, put some out of focus, add grain."""
    count, side = len(colours), plan.side_px
    cover, tone, ground = planes
    step = 2 * tone - 1
    outer = 1 - np.abs(step)
    weights = np.stack(
        [
            cover * np.maximum(-step, 0),
            cover * outer,
            cover * np.maximum(step, 0),
            (1 - cover) * (1 - ground),
            (1 - cover) * ground,
        ],
        1,
    )
    tinted = colours + rng.uniform(-plan.tint, plan.tint, colours.shape).astype(np.float32)
    tinted += rng.uniform(-plan.tint, plan.tint, (count, 1, 3)).astype(np.float32)
    contrast = np.exp(rng.uniform(-plan.light, plan.light, (count, 1, 1))).astype(np.float32)
    bright = rng.uniform(-plan.light / 2, plan.light / 2, (count, 1, 1)).astype(np.float32)
    tinted = (tinted - np.float32(0.5)) * contrast + np.float32(0.5) + bright
    image = (tinted.transpose(0, 2, 1) @ weights.reshape(count, 5, -1)).reshape(count, 3, side, side)
    line = np.linspace(-1, 1, side, dtype=np.float32)
    slopes = rng.uniform(-plan.light, plan.light, (2, count, 1, 1, 1)).astype(np.float32)
    image *= 1 + slopes[0] * line + slopes[1] * line[:, None]
    for share in (plan.blur, plan.blur / 2, plan.blur / 4):
        soft = rng.random(count) < share
        image[soft] = _blurred(image[soft])
    grain = rng.uniform(0, plan.grain / 128, (count, 1, 1, 1)).astype(np.float32)
    image += rng.integers(-128, 128, image.shape, np.int8) * grain
    np.clip(image * 255, 0, 255, out=image)
    coloured: Bytes = image.transpose(0, 2, 3, 1).astype(np.uint8)
    return coloured


def _blurred(planes: Floats) -> Floats:
    """The last two axes smoothed by (1, 2, 1) / 4; beyond the edge there is more of the edge."""
    for axis in (-2, -1):
        moved = np.moveaxis(planes, axis, -1)
        soft = 2 * moved
        soft[..., 1:] += moved[..., :-1]
        soft[..., :-1] += moved[..., 1:]
        soft[..., 0] += moved[..., 0]
        soft[..., -1] += moved[..., -1]
        planes = (np.moveaxis(soft, -1, axis) * 0.25).astype(np.float32, copy=False)
    return planes


def _planes(values: NDArray[Any]) -> Floats:
    """One number an image, to be spread over its pixels."""
    return values.astype(np.float32)[:, None, None]
