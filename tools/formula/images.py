"""Formula images in classes, which `pretrain_base.py` trains on. In: a plan and a number. Out: a shard of images.

A class has the same shape, textures, palette and upright orientation in all its images: with free rotation, a network
learns to ignore them. Each image adds a small turn, zoom and shift, another light, and jitter to every number of the
formula.

Everything is numpy, vectorized over images. An image depends on the plan and the number of its shard alone.
"""

import numpy as np

from tools.formula import shapes
from tools.formula.classes import CONTOUR, FRACTAL, GLYPH, Bytes, Catalogue, Floats, Labels, Plan, draw_catalogue
from tools.formula.shapes import blur_planes
from tools.formula.textures import draw_textures
from tools.formula.views import draw_views, to_planes

# Images that are drawn at a time: their planes fit into the processor's cache.
_CHUNK = 32


def draw_shard(plan: Plan, number: int, images: int) -> tuple[Bytes, Labels]:
    """Draw images of random classes.

    Args:
        plan: what is drawn.
        number: number of the shard; the same number gives the same images.
        images: how many.

    Returns:
        uint8 [images, side_px, side_px, 3], RGB, and the class of each, int64 [images].
    """
    rng = np.random.default_rng((plan.seed, 1, number))
    labels = rng.integers(plan.classes, size=images)
    return draw_images(plan, labels, rng), labels


def draw_images(plan: Plan, labels: Labels, rng: np.random.Generator) -> Bytes:
    """Draw one image for each label: uint8 [labels, side_px, side_px, 3], RGB."""
    catalogue = draw_catalogue(plan)
    pixels = np.empty((len(labels), plan.side_px, plan.side_px, 3), np.uint8)
    kinds = catalogue.classes["kind"][labels]
    for kind in (FRACTAL, GLYPH, CONTOUR):
        # Images of one kind together: they are drawn by the same vectorized code.
        places = np.flatnonzero(kinds == kind)
        for start in range(0, len(places), _CHUNK):
            chunk = places[start : start + _CHUNK]
            pixels[chunk] = _draw_chunk(plan, catalogue, labels[chunk], kind, rng)
    return pixels


def _draw_chunk(plan: Plan, catalogue: Catalogue, labels: Labels, kind: int, rng: np.random.Generator) -> Bytes:
    """Draw images whose shapes are all of one kind. The order of the random draws must not change."""
    classes = catalogue.classes[labels]
    views = draw_views(plan, len(labels), rng)
    if kind == CONTOUR:
        cover, tone = shapes.draw_contours(catalogue.contours[classes["shape"]], views, plan, rng)
    elif kind == FRACTAL:
        points = shapes.draw_fractal_points(catalogue.fractals[classes["shape"]], plan, rng)
        cover, tone = shapes.splat_points(points, views)
    else:
        points = shapes.draw_glyph_points(catalogue.glyphs[classes["shape"]], plan, rng)
        cover, tone = shapes.splat_points(points, views)
    blend = to_planes(classes["blend"])
    tone = (1 - blend) * tone + blend * draw_textures(catalogue.textures[classes["fill"]], views, rng)
    ground = draw_textures(catalogue.textures[classes["ground"]], views, rng)
    return _colour_images(plan, catalogue.palettes[classes["palette"]], np.stack([cover, tone, ground]), rng)


def _colour_images(plan: Plan, colours: Floats, planes: Floats, rng: np.random.Generator) -> Bytes:
    """Mix the palette's five colours at each pixel, light the scene, blur some images, add grain.

    Args:
        plan: amounts of light, tint, blur and grain.
        colours: float32 [images, 5, 3]: three of the shape, two of the ground.
        planes: cover, tone and ground, float32 [3, images, side, side].
        rng: source of the random numbers.
    """
    count, side = len(colours), plan.side_px
    cover, tone, ground = planes
    # The tone mixes the three colours of the shape linearly: 0 is the first, 0.5 the second, 1 the third.
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
    # Up to three passes, so that some images are more out of focus than others.
    for fraction in (plan.blur, plan.blur / 2, plan.blur / 4):
        soft = rng.random(count) < fraction
        image[soft] = blur_planes(image[soft])
    grain = rng.uniform(0, plan.grain / 128, (count, 1, 1, 1)).astype(np.float32)
    image += rng.integers(-128, 128, image.shape, np.int8) * grain
    np.clip(image * 255, 0, 255, out=image)
    pixels: Bytes = image.transpose(0, 2, 3, 1).astype(np.uint8)
    return pixels
