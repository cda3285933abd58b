"""Shapes as planes: how much each pixel is covered, and the tone there. Both are float32 [images, side, side], 0..1."""

import numpy as np

from tools.formula.classes import HARMONICS, POINTS, Floats, Plan, Rows, run_chaos_game
from tools.formula.views import Views, to_planes

# Resolution of a contour's radius.
_ANGLES = 256

Points = tuple[Floats, Floats, Floats]


def draw_fractal_points(rows: Rows, plan: Plan, rng: np.random.Generator) -> Points:
    """Draw points on each fractal, whose maps are jittered: x, y and tone, each float32 [images, points]."""
    maps = rows["maps"].copy()
    maps[..., :6] *= 1 + plan.formula * rng.standard_normal(maps[..., :6].shape, np.float32)
    x, y, tone = run_chaos_game(rows, maps, rng)
    scale = rows["scale"][:, None]
    return (x - rows["centre"][:, :1]) * scale, (y - rows["centre"][:, 1:]) * scale, tone


def draw_glyph_points(rows: Rows, plan: Plan, rng: np.random.Generator) -> Points:
    """Draw points along the strokes of each glyph, scattered by the width of the pen: x, y and tone.

    The tone increases from the first stroke to the last.
    """
    count, points = len(rows), POINTS
    strokes = rows["strokes"] + plan.formula * rng.standard_normal(rows["strokes"].shape, np.float32)
    # The integer part is the number of the stroke, the fraction the parameter of its Bézier curve.
    along = np.arange(points, dtype=np.float32) / points * rows["count"][:, None]
    number = along.astype(np.int32)
    rest = along - number
    knots = strokes.reshape(-1, 3, 2)[number + 4 * np.arange(count)[:, None]]
    bernstein = np.stack([(1 - rest) ** 2, 2 * rest * (1 - rest), rest**2], -1)
    place = (bernstein[..., None] * knots).sum(2)
    pen = (rng.integers(-128, 128, (2, count, points), np.int8) / np.float32(128)) * rows["width"][:, None]
    tone = along / rows["count"][:, None]
    return place[..., 0] + pen[0], place[..., 1] + pen[1], tone.astype(np.float32)


def splat_points(points: Points, views: Views) -> tuple[Floats, Floats]:
    """Return how densely the points cover each pixel, and their mean tone there."""
    x, y, tone = points
    count, side = views.x.shape[:2]
    cos, sin = (views.zoom * np.cos(views.turn))[:, None], (views.zoom * np.sin(views.turn))[:, None]
    column = (cos * x - sin * y + views.shift[:, :1] + 1) * (side / 2)
    row = (sin * x + cos * y + views.shift[:, 1:] + 1) * (side / 2)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    cell = row.astype(np.int32) * side + column.astype(np.int32) + (side * side * np.arange(count))[:, None]
    # Points outside the image are counted in an extra cell, which is dropped.
    cell = np.where(inside, cell, count * side * side).ravel()
    hits = np.bincount(cell, minlength=count * side * side + 1)[:-1].astype(np.float32)
    tones = np.bincount(cell, tone.ravel(), minlength=count * side * side + 1)[:-1].astype(np.float32)
    density, weighted = blur_planes(hits.reshape(views.x.shape)), blur_planes(tones.reshape(views.x.shape))
    # The number of points is fixed: on a smaller image more of them fall on a pixel.
    thickness = np.float32(1.2 * (side / 64) ** 2)
    return 1 - np.exp(-thickness * density), weighted / (density + np.float32(1e-6))


def draw_contours(rows: Rows, views: Views, plan: Plan, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw closed curves with soft edges; the tone changes in rings."""
    waves = rows["waves"] * (1 + 3 * plan.formula * rng.standard_normal(rows["waves"].shape, np.float32))
    angles = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False, dtype=np.float32)
    turns = np.arange(1, HARMONICS + 1, dtype=np.float32)[:, None] * angles
    bend = waves @ np.concatenate([np.cos(turns), np.sin(turns)])
    # The radius of a polygon's side is 1 / cos of the angle from the middle of that side.
    wedge = np.pi / rows["corners"][:, None]
    bend -= rows["pointed"][:, None] * np.log(np.cos((angles + np.pi) % (2 * wedge) - wedge)) - np.float32(0.1)
    radius = rows["radius"][:, None] * np.exp(np.clip(bend, -1.2, 0.7))
    tiles = to_planes(rows["tiles"])
    x, y = tiles * views.x, tiles * views.y
    tiled = rows["tiles"] > 1
    x[tiled], y[tiled] = (x[tiled] + 1) % 2 - 1, (y[tiled] + 1) % 2 - 1
    angle = (np.arctan2(y, x) * np.float32(_ANGLES / (2 * np.pi)) + np.float32(_ANGLES / 2)).astype(np.int32)
    # The angle pi is the same as -pi.
    angle &= _ANGLES - 1
    angle += (_ANGLES * np.arange(len(rows), dtype=np.int32))[:, None, None]
    outward = np.sqrt(x * x + y * y) / radius.ravel()[angle]
    softness = to_planes(rows["softness"]) * tiles
    cover = np.clip((1 - outward) / softness + 0.5, 0, 1) * np.clip(
        (outward - to_planes(rows["hole"])) / softness + 0.5, 0, 1
    )
    tone = 0.5 - 0.5 * np.cos(np.pi * to_planes(rows["rings"]) * outward)
    return cover, tone


def blur_planes(planes: Floats) -> Floats:
    """Filter the last two axes with (1, 2, 1) / 4; pixels beyond the edge equal the edge."""
    for axis in (-2, -1):
        moved = np.moveaxis(planes, axis, -1)
        soft = 2 * moved
        soft[..., 1:] += moved[..., :-1]
        soft[..., :-1] += moved[..., 1:]
        soft[..., 0] += moved[..., 0]
        soft[..., -1] += moved[..., -1]
        planes = (np.moveaxis(soft, -1, axis) * 0.25).astype(np.float32, copy=False)
    return planes
