import numpy as np

from edgetl.core.robustness.corrupted_pixels import CorruptedPixels
from edgetl.core.robustness.corruptions import CORRUPTIONS, corrupt_photos

NOISE = [row.name for row in CORRUPTIONS].index("noise")


def test_photos_are_corrupted_when_they_are_read(photo_array, as_pixels):
    pixels = as_pixels(photo_array)
    view = CorruptedPixels(pixels, (NOISE, 2), seed=4)
    assert len(view) == len(photo_array) and view.input_spec == pixels.input_spec
    expected = corrupt_photos(photo_array, np.arange(len(photo_array)), (NOISE, 2), seed=4)
    np.testing.assert_array_equal(view.rows(range(len(photo_array))), expected)
    # In any order, and more than once.
    np.testing.assert_array_equal(view.rows([7, 2, 7]), expected[[7, 2, 7]])
    np.testing.assert_array_equal(pixels.rows([3]), photo_array[[3]])
