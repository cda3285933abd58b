"""augment.py: each view from (seed, photo, view) alone, no further from the photo than it was told."""

import hashlib

import numpy as np
import pytest

from edgetl.core.photos.augment import augment_photos
from edgetl.core.recipe.tables import AugmentRecipe

SIDE = 40
OFF = AugmentRecipe(flip=False, shift=0, zoom=0, brightness=0)
FULL = AugmentRecipe()
KEYS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(60)]


def only(**how) -> AugmentRecipe:
    return OFF.model_copy(update=how)


def photos(count: int = 8) -> np.ndarray:
    """Smooth noise: uint8 [count, SIDE, SIDE, 3]."""
    coarse = np.random.default_rng(1).integers(0, 256, (count, SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def uniform(value: int, count: int = len(KEYS)) -> np.ndarray:
    return np.full((count, SIDE, SIDE, 3), value, np.uint8)


def blob() -> np.ndarray:
    """A white square of 8 px in the middle of black, once for each key."""
    pixels = uniform(0)
    pixels[:, 16:24, 16:24] = 255
    return pixels


def centres(pixels: np.ndarray) -> np.ndarray:
    """Where the light's centre is: float64 [photos, 2] (down, across), px from the middle."""
    light = pixels[..., 0].astype(float)
    place = np.arange(SIDE) + 0.5 - SIDE / 2
    total = light.sum(axis=(1, 2))
    return np.stack([(light.sum(2) * place).sum(1) / total, (light.sum(1) * place).sum(1) / total], axis=1)


def test_the_same_every_time():
    pixels = photos()
    before = pixels.copy()
    assert np.array_equal(augment_photos(pixels, KEYS[:8], 3, 1, FULL), augment_photos(pixels, KEYS[:8], 3, 1, FULL))
    assert np.array_equal(pixels, before)


def test_neither_order_nor_batch_matters():
    pixels, keys = photos(), KEYS[:8]
    whole = augment_photos(pixels, keys, 3, 1, FULL)
    order = [5, 0, 7, 2]
    assert np.array_equal(augment_photos(pixels[order], [keys[i] for i in order], 3, 1, FULL), whole[order])
    assert np.array_equal(augment_photos(pixels[4:5], keys[4:5], 3, 1, FULL), whole[4:5])


def test_the_content_is_the_key_and_the_name_is_not():
    pixels = photos(1).repeat(2, axis=0)
    same = augment_photos(pixels, [KEYS[0], KEYS[0]], 0, 1, FULL)
    assert np.array_equal(same[0], same[1])
    other = augment_photos(pixels, [KEYS[0], KEYS[1]], 0, 1, FULL)
    assert not np.array_equal(other[0], other[1])


def test_views_and_seeds_differ():
    pixels, keys = photos(), KEYS[:8]
    first = augment_photos(pixels, keys, 0, 1, FULL)
    for view, seed in ((1, 1), (0, 2)):
        again = augment_photos(pixels, keys, view, seed, FULL)
        assert all(not np.array_equal(one, two) for one, two in zip(first, again, strict=True))


def test_off_is_the_photos_themselves():
    pixels = photos()
    assert not OFF.on
    assert augment_photos(pixels, KEYS[:8], 5, 1, OFF) is pixels


@pytest.mark.parametrize("how", [FULL, only(flip=True), only(shift=0.5), only(zoom=0.5), only(brightness=0.5)])
def test_shape_and_type(how):
    made = augment_photos(photos(), KEYS[:8], 0, 1, how)
    assert made.shape == (8, SIDE, SIDE, 3) and made.dtype == np.uint8


def test_flip_mirrors_about_half_and_nothing_else():
    pixels = np.random.default_rng(2).integers(0, 256, (len(KEYS), SIDE, SIDE, 3), dtype=np.uint8)
    made = augment_photos(pixels, KEYS, 0, 1, only(flip=True))
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(made, pixels, strict=True)]
    kept = [np.array_equal(new, old) for new, old in zip(made, pixels, strict=True)]
    assert all(one != two for one, two in zip(mirrored, kept, strict=True))
    assert 15 < sum(mirrored) < 45


def test_shift_reaches_its_bound_both_ways_and_no_further():
    moved = centres(augment_photos(blob(), KEYS, 0, 1, only(shift=0.2)))
    assert np.abs(moved).max() <= 0.2 * SIDE + 0.01
    assert (moved.min(axis=0) < -0.12 * SIDE).all() and (moved.max(axis=0) > 0.12 * SIDE).all()
    # Down and across are drawn apart.
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.5


def test_zoom_stays_in_the_middle_and_in_its_bound():
    made = augment_photos(blob(), KEYS, 0, 1, only(zoom=0.3))
    assert np.abs(centres(made)).max() < 0.05
    sides = np.sqrt(made[..., 0].sum(axis=(1, 2)) / 255)
    assert 8 * 0.7 - 0.1 <= sides.min() < 8 * 0.8
    assert 8 * 1.2 < sides.max() <= 8 * 1.3 + 0.1


def test_brightness_is_one_gain_in_its_bound():
    made = augment_photos(uniform(100), KEYS, 0, 1, only(brightness=0.25))
    assert (made == made[:, :1, :1, :1]).all()
    assert 75 <= made.min() < 85 and 115 < made.max() <= 125
    assert augment_photos(uniform(250), KEYS, 0, 1, only(brightness=0.5)).max() == 255


def test_the_mean_brightness_is_bounded():
    pixels = photos(len(KEYS))
    made = augment_photos(pixels, KEYS, 0, 1, only(flip=True, brightness=0.1))
    ratio = made.mean(axis=(1, 2, 3)) / pixels.mean(axis=(1, 2, 3))
    assert (ratio > 0.88).all() and (ratio < 1.11).all()


@pytest.mark.parametrize("value", [0, 7, 128, 255])
def test_a_uniform_photo_stays_uniform(value):
    # So nothing black comes in from outside the frame.
    made = augment_photos(uniform(value), KEYS, 0, 1, AugmentRecipe(shift=0.5, zoom=0.5, brightness=0.0))
    assert (made == value).all()


def test_what_comes_in_repeats_the_edge():
    pixels = uniform(50)
    pixels[:, :, -3:] = 200
    moved = augment_photos(pixels, KEYS, 0, 1, only(shift=0.3))
    right = moved[:, :, -1]
    assert (np.isin(right, (50, 200)) | ((right > 50) & (right < 200))).all()
    # Where the photo moved left, its right edge fills the gap, whole.
    wide = (moved[:, 0, :, 0] == 200).sum(axis=1)
    assert wide.max() > 8


def test_the_numbers_are_pinned():
    # Another version of numpy or Pillow, another machine: the same recipe must see the same photos.
    pixels = (np.arange(8 * SIDE * SIDE * 3) * 37 % 251).astype(np.uint8).reshape(8, SIDE, SIDE, 3)
    made = augment_photos(pixels, KEYS[:8], 2, 7, only(flip=True, brightness=0.1))
    assert hashlib.sha256(made.tobytes()).hexdigest()[:16] == "db1e79e720c6805f"


def test_keys_and_photos_must_match():
    with pytest.raises(ValueError, match="shorter"):
        augment_photos(photos(), KEYS[:7], 0, 1, FULL)
