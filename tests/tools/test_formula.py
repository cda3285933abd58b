"""Formula images: which images a shard contains, and which shards an epoch of training uses."""

import numpy as np
import pytest

from tools.formula.classes import CONTOUR, FRACTAL, GLYPH, Plan, draw_catalogue
from tools.formula.images import draw_images, draw_shard
from tools.formula.pool import Pool, PoolSettings

PLAN = Plan(classes=12, shapes=6, textures=6, palettes=6, side_px=16)


def test_same_number_gives_the_same_images():
    pixels, labels = draw_shard(PLAN, 3, 8)
    again = draw_shard(PLAN, 3, 8)
    assert pixels.shape == (8, 16, 16, 3) and pixels.dtype == np.uint8
    assert np.array_equal(pixels, again[0]) and np.array_equal(labels, again[1])
    assert not np.array_equal(pixels, draw_shard(PLAN, 4, 8)[0])


@pytest.mark.parametrize("kind", [FRACTAL, GLYPH, CONTOUR])
def test_every_kind_of_shape_is_drawn_with_contrast(kind):
    label = int(np.flatnonzero(draw_catalogue(PLAN).classes["kind"] == kind)[0])
    images = draw_images(PLAN, np.full(4, label), np.random.default_rng(1))
    assert (images.std((1, 2)).max(1) > 5).all()
    assert not np.array_equal(images[0], images[1])


def test_epoch_draws_from_the_latest_shards_only():
    settings = PoolSettings(batch=4, shard=8, pool=2, reuse=1)
    with Pool(PLAN, settings, workers=1, epoch=2) as pool:
        pool.refresh(2)
        batches = list(pool.draw_batches(2))
    images = np.concatenate([draw_shard(PLAN, number, 8)[0] for number in (1, 2)])
    assert len(batches) == settings.steps == 2
    for pixels, _ in batches:
        assert all((images == image).all((1, 2, 3)).any() for image in pixels)
