"""augment.py: a view depends only on seed, photo and view, and stays within the bounds of the recipe."""

import hashlib

import numpy as np
import pytest

from edgetl.core.photos.augment import augment_photos
from edgetl.core.recipe.tables import AugmentRecipe

SIDE = 40
OFF = AugmentRecipe(flip=False, shift=0, zoom=0, brightness=0)
FULL = AugmentRecipe()
SHA256S = [hashlib.sha256(bytes([number])).hexdigest() for number in range(60)]


def only(**changes) -> AugmentRecipe:
    """Return a recipe with only these changes."""
    return OFF.model_copy(update=changes)


def make_photos(count: int = 8) -> np.ndarray:
    """Make photos of coloured squares: uint8 [count, SIDE, SIDE, 3]."""
    squares = np.random.default_rng(1).integers(0, 256, (count, SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    return squares.repeat(8, axis=1).repeat(8, axis=2)


def make_uniform(value: int, count: int = len(SHA256S)) -> np.ndarray:
    return np.full((count, SIDE, SIDE, 3), value, np.uint8)


def make_white_squares() -> np.ndarray:
    """Make a centred white square of 8 px on black, once for each hash."""
    photos = make_uniform(0)
    photos[:, 16:24, 16:24] = 255
    return photos


def measure_centres(photos: np.ndarray) -> np.ndarray:
    """Compute the centre of brightness: float64 [photos, 2] (y, x), px from the centre of the photo."""
    brightness = photos[..., 0].astype(float)
    position = np.arange(SIDE) + 0.5 - SIDE / 2
    total = brightness.sum(axis=(1, 2))
    y, x = (brightness.sum(2) * position).sum(1) / total, (brightness.sum(1) * position).sum(1) / total
    return np.stack([y, x], axis=1)


def test_view_is_always_the_same_and_photos_are_not_changed():
    photos = make_photos()
    original = photos.copy()
    first, second = (augment_photos(photos, SHA256S[:8], 3, 1, FULL) for _ in range(2))
    assert np.array_equal(first, second) and np.array_equal(photos, original)


def test_view_of_a_rectangle_is_cut_from_that_of_a_square():
    """Black pixels around a photo in a square: brightness and flip do not depend on them, so its centre is the same."""
    photos = make_photos()[:, 8:32]
    views = augment_photos(photos, SHA256S[:8], 0, 1, only(flip=True, brightness=0.2))
    squares = augment_photos(make_photos(), SHA256S[:8], 0, 1, only(flip=True, brightness=0.2))
    assert np.array_equal(views, squares[:, 8:32])


def test_shift_of_a_rectangle_is_a_fraction_of_each_side():
    photos = make_uniform(0)[:, :20]
    photos[:, 8:12, 18:22] = 255
    brightness = augment_photos(photos, SHA256S, 0, 1, only(shift=0.1))[..., 0].astype(float)
    rows, columns = np.arange(20) + 0.5 - 10, np.arange(40) + 0.5 - 20
    total = brightness.sum(axis=(1, 2))
    y, x = (brightness.sum(2) * rows).sum(1) / total, (brightness.sum(1) * columns).sum(1) / total
    assert 1.5 < np.abs(y).max() <= 2.01 and 3 < np.abs(x).max() <= 4.01


def test_view_does_not_depend_on_the_other_photos_of_a_batch():
    photos, sha256s, order = make_photos(), SHA256S[:8], [5, 0, 7, 2]
    views = augment_photos(photos, sha256s, 3, 1, FULL)
    reordered = augment_photos(photos[order], [sha256s[row] for row in order], 3, 1, FULL)
    assert np.array_equal(reordered, views[order])
    assert np.array_equal(augment_photos(photos[4:5], sha256s[4:5], 3, 1, FULL), views[4:5])


def test_view_depends_on_the_hash_of_the_photo():
    photos = make_photos(1).repeat(2, axis=0)
    same = augment_photos(photos, [SHA256S[0], SHA256S[0]], 0, 1, FULL)
    assert np.array_equal(same[0], same[1])
    different = augment_photos(photos, [SHA256S[0], SHA256S[1]], 0, 1, FULL)
    assert not np.array_equal(different[0], different[1])


@pytest.mark.parametrize(("view", "seed"), [(1, 1), (0, 2)])
def test_views_and_seeds_differ(view, seed):
    photos = make_photos()
    first = augment_photos(photos, SHA256S[:8], 0, 1, FULL)
    second = augment_photos(photos, SHA256S[:8], view, seed, FULL)
    assert all(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_recipe_without_changes_returns_the_photos_themselves():
    photos = make_photos()
    assert not OFF.on
    assert augment_photos(photos, SHA256S[:8], 5, 1, OFF) is photos


@pytest.mark.parametrize("recipe", [FULL, only(flip=True), only(shift=0.5), only(zoom=0.5), only(brightness=0.5)])
def test_shape_and_dtype_stay(recipe):
    views = augment_photos(make_photos(), SHA256S[:8], 0, 1, recipe)
    assert views.shape == (8, SIDE, SIDE, 3) and views.dtype == np.uint8


def test_flip_mirrors_about_half_of_the_photos_and_changes_nothing_else():
    photos = np.random.default_rng(2).integers(0, 256, (len(SHA256S), SIDE, SIDE, 3), dtype=np.uint8)
    views = augment_photos(photos, SHA256S, 0, 1, only(flip=True))
    mirrored = [np.array_equal(view, photo[:, ::-1]) for view, photo in zip(views, photos, strict=True)]
    unchanged = [np.array_equal(view, photo) for view, photo in zip(views, photos, strict=True)]
    assert all(a != b for a, b in zip(mirrored, unchanged, strict=True))
    assert 15 < sum(mirrored) < 45


def test_shift_uses_its_range_in_both_directions():
    centres = measure_centres(augment_photos(make_white_squares(), SHA256S, 0, 1, only(shift=0.2)))
    assert np.abs(centres).max() <= 0.2 * SIDE + 0.01
    assert (centres.min(axis=0) < -0.12 * SIDE).all() and (centres.max(axis=0) > 0.12 * SIDE).all()
    assert abs(np.corrcoef(centres.T)[0, 1]) < 0.5, "the directions are not independent"


def test_zoom_uses_its_range_around_the_centre():
    views = augment_photos(make_white_squares(), SHA256S, 0, 1, only(zoom=0.3))
    assert np.abs(measure_centres(views)).max() < 0.05
    sides = np.sqrt(views[..., 0].sum(axis=(1, 2)) / 255)
    assert 8 * 0.7 - 0.1 <= sides.min() < 8 * 0.8
    assert 8 * 1.2 < sides.max() <= 8 * 1.3 + 0.1


def test_brightness_is_one_factor_within_its_range():
    views = augment_photos(make_uniform(100), SHA256S, 0, 1, only(brightness=0.25))
    assert (views == views[:, :1, :1, :1]).all()
    assert 75 <= views.min() < 85 and 115 < views.max() <= 125
    assert augment_photos(make_uniform(250), SHA256S, 0, 1, only(brightness=0.5)).max() == 255


def test_mean_brightness_of_a_photo_stays_within_the_range():
    photos = make_photos(len(SHA256S))
    views = augment_photos(photos, SHA256S, 0, 1, only(flip=True, brightness=0.1))
    ratio = views.mean(axis=(1, 2, 3)) / photos.mean(axis=(1, 2, 3))
    assert (ratio > 0.88).all() and (ratio < 1.11).all()


@pytest.mark.parametrize("value", [0, 7, 128, 255])
def test_uniform_photo_stays_uniform(value):
    """No black comes in from outside the photo."""
    views = augment_photos(make_uniform(value), SHA256S, 0, 1, only(flip=True, shift=0.5, zoom=0.5))
    assert (views == value).all()


def test_edge_of_the_photo_is_repeated_outside():
    photos = make_uniform(50)
    photos[:, :, -3:] = 200
    views = augment_photos(photos, SHA256S, 0, 1, only(shift=0.3))
    assert (views[:, :, -1] >= 50).all() and (views[:, :, -1] <= 200).all()
    # In a photo that was shifted to the left, the right edge fills the gap.
    edge_width = (views[:, 0, :, 0] == 200).sum(axis=1)
    assert edge_width.max() > 8


def test_views_are_the_same_with_every_version_of_numpy_and_pillow():
    photos = (np.arange(8 * SIDE * SIDE * 3) * 37 % 251).astype(np.uint8).reshape(8, SIDE, SIDE, 3)
    views = augment_photos(photos, SHA256S[:8], 2, 7, only(flip=True, brightness=0.1))
    assert hashlib.sha256(views.tobytes()).hexdigest()[:16] == "db1e79e720c6805f"


def test_fewer_hashes_than_photos_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        augment_photos(make_photos(), SHA256S[:7], 0, 1, FULL)


def test_default_views_are_those_of_earlier_versions():
    # Features of these views are in the caches of users, and figures in the documentation depend on them.
    digest = hashlib.sha256()
    for view in range(3):
        digest.update(augment_photos(make_photos(4), SHA256S[:4], view, 1, FULL).tobytes())
    assert digest.hexdigest() == "876c7e8f759744773c0d3546e307c3fa3aa9fe13090629e1181cefab7e8522bd"


def test_crop_enlarges_up_to_its_area():
    photos = make_white_squares()
    areas = (augment_photos(photos, SHA256S, 0, 1, only(crop=0.5)) > 127).sum(axis=(1, 2, 3)) / (3 * 64)
    # Where a crop cut the square, it is smaller.
    assert areas.max() < 1 / 0.5 * 1.3
    assert np.median(areas) > 1.1


def test_crop_keeps_a_uniform_photo():
    photos = make_uniform(90)
    assert np.array_equal(augment_photos(photos, SHA256S, 0, 1, only(crop=0.9)), photos)


def test_colour_changes_contrast_and_saturation_and_keeps_grey_means():
    photos = make_photos(20)
    changed = augment_photos(photos, SHA256S[:20], 0, 1, only(colour=0.3))
    assert not np.array_equal(changed, photos)
    ratios = changed.std(axis=(1, 2, 3)) / photos.std(axis=(1, 2, 3))
    assert 0.5 < ratios.min() < 1 < ratios.max() < 1.5
    assert changed.mean(axis=(1, 2, 3)) == pytest.approx(photos.mean(axis=(1, 2, 3)), abs=8)


def test_colour_keeps_a_uniform_grey_photo():
    photos = make_uniform(90)
    assert np.array_equal(augment_photos(photos, SHA256S, 0, 1, only(colour=0.9)), photos)
