import numpy as np
import pytest

from edgetl.core.rejection.drawn_photos import draw_images, shuffle_patches


def test_images_have_the_size_and_depend_on_the_seed_alone():
    images = draw_images(10, 24, 32, seed=1)
    assert images.shape == (10, 24, 32, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, draw_images(10, 24, 32, seed=1))
    assert len({image.tobytes() for image in images}) == 10
    assert not np.array_equal(images, draw_images(10, 24, 32, seed=2))


@pytest.mark.parametrize("shape", [(3, 32, 32, 3), (2, 33, 47, 3)])
def test_patches_are_in_another_order_and_none_is_lost(shape):
    photos = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    shuffled = shuffle_patches(photos, seed=3)
    assert not np.array_equal(photos, shuffled)
    for before, after in zip(photos, shuffled, strict=True):
        np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
    np.testing.assert_array_equal(shuffled, shuffle_patches(photos, seed=3))
