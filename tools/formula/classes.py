"""The classes of formula images. In: a plan. Out: a catalogue of the numbers that each class is drawn from.

Everything comes from random numbers: no photograph and no weights are used. A class is a shape, two textures and a
palette. Each is taken from a pool that is smaller than the number of classes, so that neither colour nor texture nor
shape alone identifies a class, and a network must learn all three.

Shapes are fractals (iterated function systems, as in FractalDB, Kataoka et al. 2020; sampled by their singular values
as in Anderson and Farrell 2022, and rejected if they degenerate to dust or a line), glyphs (strokes of quadratic Bézier
curves), and contours (polygons and waves around a circle, in rings, single or tiled, as in Visual Atoms, Takashima et
al. 2023). Textures are warped waves, and noise with a power-law spectrum (Baradad et al. 2021).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]
Rows = NDArray[np.void]

FRACTAL, GLYPH, CONTOUR = range(3)

# Largest number of maps of an iterated function system, and the resolution of their probabilities: a random byte below
# _SLOTS selects a slot, and each slot contains the number of a map.
_MAPS, _SLOTS = 6, 64
_PARTICLES, _BURN_IN, _STEPS = 160, 8, 20
# Points of a fractal or a glyph.
POINTS = _PARTICLES * _STEPS
HARMONICS = 10

_FRACTALS = np.dtype([("maps", "f4", (_MAPS, 8)), ("slots", "u1", (_SLOTS,)), ("centre", "f4", (2,)), ("scale", "f4")])
_GLYPHS = np.dtype([("strokes", "f4", (4, 3, 2)), ("count", "i4"), ("width", "f4")])
_CONTOURS = np.dtype(
    [("waves", "f4", (2 * HARMONICS,)), ("corners", "i4"), ("pointed", "f4")]
    + [(name, "f4") for name in ("radius", "hole", "rings", "tiles", "softness")]
)
_TEXTURES = np.dtype(
    [("noise", "?"), ("waves", "f4", (3, 2))]
    + [(name, "f4") for name in ("warp", "second", "hardness", "slope", "stretch", "angle", "coarseness_px")]
)
_CLASSES = np.dtype([("kind", "u1"), ("blend", "f4"), *((n, "i4") for n in ("shape", "fill", "ground", "palette"))])


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is drawn: sizes of the pools, fractions of fractals, glyphs and contours (`kinds`), and the jitter.

    `grey` is the fraction of palettes without colour. `turn_deg` is a standard deviation; `zoom`, `shift`, `light` and
    `tint` are fractions in both directions, `formula` a fraction as a standard deviation; `blur` is the fraction of
    images that are out of focus, `grain` the largest noise, 0..1.
    """

    classes: int = 1000
    shapes: int = 500
    textures: int = 200
    palettes: int = 150
    kinds: tuple[float, float, float] = (0.4, 0.2, 0.4)
    grey: float = 0.15
    side_px: int = 64
    seed: int = 1
    turn_deg: float = 8.0
    zoom: float = 0.25
    shift: float = 0.15
    formula: float = 0.06
    light: float = 0.25
    tint: float = 0.08
    blur: float = 0.3
    grain: float = 0.05


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The classes of a plan, and the pools of ingredients that they refer to by index."""

    classes: Rows
    fractals: Rows
    glyphs: Rows
    contours: Rows
    textures: Rows
    palettes: Floats


@lru_cache(maxsize=2)
def draw_catalogue(plan: Plan) -> Catalogue:
    """Draw the classes of a plan from its seed."""
    rng = np.random.default_rng((plan.seed, 0))
    fractions = np.array(plan.kinds) / sum(plan.kinds)
    counts = np.maximum(1, np.round(fractions * plan.shapes).astype(int))
    classes = np.zeros(plan.classes, _CLASSES)
    classes["kind"] = rng.choice(3, plan.classes, p=fractions)
    classes["shape"] = rng.integers(counts[classes["kind"]])
    classes["fill"], classes["ground"] = rng.integers(plan.textures, size=(2, plan.classes))
    classes["palette"] = rng.integers(plan.palettes, size=plan.classes)
    classes["blend"] = rng.uniform(0, 0.8, plan.classes) * (rng.random(plan.classes) < 0.7)
    return Catalogue(
        classes,
        _draw_fractals(int(counts[FRACTAL]), rng),
        _draw_glyphs(int(counts[GLYPH]), rng),
        _draw_contours(int(counts[CONTOUR]), rng),
        _draw_textures(plan.textures, rng),
        _draw_palettes(plan.palettes, plan.grey, rng),
    )


def run_chaos_game(rows: Rows, maps: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Draw points on the attractor of each system by applying random maps to particles.

    Args:
        rows: fractals [systems].
        maps: their maps, float32 [systems, 6, 8], which may be jittered.
        rng: source of the random numbers.

    Returns:
        x, y and tone (which maps led to the point, 0..1), each float32 [systems, points].
    """
    count = len(rows)
    # All maps in one array, so that one index selects the map of a particle in any system.
    flat = np.ascontiguousarray(maps, np.float32).reshape(-1, 8)
    slots = (rows["slots"].astype(np.int32) + _MAPS * np.arange(count, dtype=np.int32)[:, None]).ravel()
    first = (_SLOTS * np.arange(count, dtype=np.int32))[:, None]
    draws = rng.integers(_SLOTS, size=(_BURN_IN + _STEPS, count, _PARTICLES), dtype=np.uint8)
    x, y, tone = np.zeros((3, count, _PARTICLES), np.float32)
    path = np.empty((3, count, _STEPS, _PARTICLES), np.float32)
    for step, draw in enumerate(draws):
        entry = flat[slots[draw + first]]
        x, y = (
            entry[..., 0] * x + entry[..., 1] * y + entry[..., 4],
            entry[..., 2] * x + entry[..., 3] * y + entry[..., 5],
        )
        tone = (tone + entry[..., 6]) / 2
        # The first steps lead from the origin to the attractor, and are not drawn.
        if step >= _BURN_IN:
            path[:, :, step - _BURN_IN] = x, y, tone
    points = path.reshape(3, count, -1)
    return points[0], points[1], points[2]


def _draw_fractals(count: int, rng: np.random.Generator) -> Rows:
    """Draw systems of 2 to 6 contractions whose attractor is neither dust nor a line nor a blob."""
    accepted = np.zeros(0, _FRACTALS)
    while len(accepted) < count:
        rows = np.zeros(4 * count + 64, _FRACTALS)
        shape = (len(rows), _MAPS)
        used = np.arange(_MAPS) < rng.integers(2, _MAPS + 1, len(rows))[:, None]
        large = rng.uniform(0.3, 0.95, shape)
        small = large * rng.uniform(0.1, 1, shape)
        turns = np.exp(1j * rng.uniform(0, 2 * np.pi, (2, *shape)))
        mirror = rng.choice([-1, 1], shape)
        # A rotation, a stretch, another rotation: z → p z + q conj(z), written as a matrix below.
        p = turns[0] * turns[1] * (large + small * mirror) / 2
        q = turns[0] * turns[1].conj() * (large - small * mirror) / 2
        shift = rng.uniform(-1, 1, (2, *shape))
        colour = np.arange(_MAPS) / np.maximum(1, used.sum(1, keepdims=True) - 1)
        entries = [(p + q).real, (q - p).imag, (p + q).imag, (p - q).real, *shift, colour, np.zeros(shape)]
        rows["maps"] = np.stack(entries, -1)
        # Probabilities are proportional to the area of each map's image; 0.02 keeps those of flat maps above zero.
        weight = used * (large * small + 0.02)
        edges = np.cumsum(weight, 1) / weight.sum(1, keepdims=True)
        rows["slots"] = (edges[:, None] < ((np.arange(_SLOTS) + 0.5) / _SLOTS)[:, None]).sum(-1)
        rows["scale"] = 1
        # Source of the range: Anderson and Farrell, "Improving Fractal Pre-training", 2022.
        sizes, maps = (used * (large + 2 * small)).sum(1), used.sum(1)
        rows = rows[(sizes > (4 + maps) / 2) & (sizes < (6 + maps) / 2)]
        accepted = np.concatenate([accepted, _select_well_formed(rows, rng)])
    return accepted[:count]


def _select_well_formed(rows: Rows, rng: np.random.Generator) -> Rows:
    """Select the systems whose attractor covers 12 to 75 % of its frame and is not a line; set centre and scale."""
    x, y, _ = run_chaos_game(rows, rows["maps"], rng)
    points = np.stack([x, y], -1)
    rows["centre"] = points.mean(1)
    points -= rows["centre"][:, None]
    # Standard deviations along the principal axes, the larger first.
    spread = np.linalg.svd(points, compute_uv=False) / np.sqrt(points.shape[1])
    rows["scale"] = 0.9 / np.maximum(1e-6, 2 * spread[:, 0])
    # Coverage is counted on a grid of 24 x 24 cells; points outside are counted in an extra cell, number 576.
    cells = np.floor((points * rows["scale"][:, None, None] + 1) * 12).astype(int)
    inside = ((cells >= 0) & (cells < 24)).all(-1)
    flat = np.where(inside, cells[..., 0] * 24 + cells[..., 1], 576) + 577 * np.arange(len(rows))[:, None]
    covered = (np.bincount(flat.ravel(), minlength=577 * len(rows)).reshape(-1, 577)[:, :576] > 0).mean(1)
    well_formed = (covered > 0.12) & (covered < 0.75) & (spread[:, 1] > 0.2 * spread[:, 0]) & (inside.mean(1) > 0.9)
    selected: Rows = rows[well_formed]
    return selected


def _draw_glyphs(count: int, rng: np.random.Generator) -> Rows:
    """Draw two to four bent strokes; most of them begin where the stroke before ends."""
    rows = np.zeros(count, _GLYPHS)
    strokes = rng.uniform(-0.85, 0.85, (count, 4, 3, 2))
    joined = rng.random((count, 3)) < 0.7
    for number in range(1, 4):
        on = joined[:, number - 1, None]
        strokes[:, number, 0] = np.where(on, strokes[:, number - 1, 2], strokes[:, number, 0])
    straight = rng.random((count, 4, 1)) < 0.3
    strokes[:, :, 1] = np.where(straight, (strokes[:, :, 0] + strokes[:, :, 2]) / 2, strokes[:, :, 1])
    rows["strokes"] = strokes
    rows["count"] = rng.integers(2, 5, count)
    rows["width"] = rng.uniform(0.03, 0.13, count)
    return rows


def _draw_contours(count: int, rng: np.random.Generator) -> Rows:
    """Draw closed curves around a centre: waves on a circle, or on the sides of a polygon."""
    rows = np.zeros(count, _CONTOURS)
    heights = rng.exponential(0.5, (count, HARMONICS)) / (1 + np.arange(HARMONICS)) ** 0.7
    heights *= rng.random((count, HARMONICS)) < 0.35
    phases = rng.uniform(0, 2 * np.pi, (count, HARMONICS))
    rows["waves"] = 0.55 * np.concatenate([heights * np.cos(phases), heights * np.sin(phases)], 1)
    rows["corners"] = rng.integers(3, 9, count)
    rows["pointed"] = rng.uniform(0.4, 2, count) * (rng.random(count) < 0.5)
    rows["radius"] = rng.uniform(0.45, 0.7, count)
    rows["hole"] = rng.uniform(0.2, 0.7, count) * (rng.random(count) < 0.3)
    rows["rings"] = rng.uniform(0.3, 4, count)
    rows["tiles"] = rng.choice([1, 1, 1, 1.6, 2.3, 3.2], count)
    rows["softness"] = rng.uniform(0.03, 0.15, count)
    return rows


def _draw_textures(count: int, rng: np.random.Generator) -> Rows:
    """Draw textures, half of them warped waves and half noise, from smooth shades to hard edges."""
    rows = np.zeros(count, _TEXTURES)
    rows["noise"] = rng.random(count) < 0.5
    cycles = np.exp(rng.uniform(np.log(0.4), np.log(9), (count, 3)))
    angles = rng.uniform(0, np.pi, (count, 3))
    rows["waves"] = np.pi * cycles[..., None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    rows["warp"] = rng.uniform(0, 2.5, count) * (rng.random(count) < 0.6)
    rows["second"] = rng.choice([0, 0, 0.5, 1], count)
    rows["hardness"] = np.exp(rng.uniform(np.log(0.5), np.log(5), count))
    rows["slope"] = rng.uniform(0.8, 2.2, count)
    rows["stretch"] = np.exp(rng.uniform(0, np.log(5), count) * (rng.random(count) < 0.6))
    rows["angle"] = rng.uniform(0, np.pi, count)
    rows["coarseness_px"] = rng.uniform(0.5, 6, count)
    return rows


def _draw_palettes(count: int, grey: float, rng: np.random.Generator) -> Floats:
    """Draw three colours for the shape and two for the ground, with contrast between both: 0..1, [count, 5, 3]."""
    accepted = np.zeros((0, 5, 3))
    while len(accepted) < count:
        hue = rng.random((count, 2, 1)) + rng.uniform(-0.15, 0.15, (count, 2, 3))
        hue = np.concatenate([hue[:, 0], hue[:, 1, :2]], 1)[..., None]
        saturation = rng.beta(1.5, 1.5, (count, 5, 1)) * (rng.random((count, 1, 1)) >= grey)
        value = rng.uniform(0.05, 1, (count, 5, 1))
        # HSV to RGB.
        wheel = np.clip(np.abs((hue + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1, 0, 1)
        colours = value * (1 - saturation * (1 - wheel))
        contrast = np.linalg.norm(colours[:, :3].mean(1) - colours[:, 3:].mean(1), axis=-1)
        accepted = np.concatenate([accepted, colours[contrast > 0.3]])
    return accepted[:count].astype(np.float32)
