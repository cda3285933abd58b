"""Measures of pixels, on photos whose measures are known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from edgetl.core.inspection.appearance import measure_appearance


@pytest.fixture
def noise():
    return np.random.default_rng(1).integers(0, 256, (70, 40, 40, 3), dtype=np.uint8)


def measure(array):
    return measure_appearance(lambda rows: array[rows], len(array))


def test_photo_of_one_colour_has_no_information():
    found = measure(np.full((1, 20, 30, 3), (10, 200, 30), np.uint8))
    assert (found.sharpness[0], found.entropy[0], found.deviation[0]) == pytest.approx((0, 0, 0), abs=1e-3)
    assert found.mean_colour[0] == pytest.approx([10, 200, 30]) and found.colour[0] == pytest.approx(190)
    assert found.dark_end[0] == found.bright_end[0] == pytest.approx(0.299 * 10 + 0.587 * 200 + 0.114 * 30, abs=0.01)


def test_half_black_and_half_white_is_one_bit():
    photo = np.zeros((1, 20, 20, 3), np.uint8)
    photo[:, :10] = 255
    found = measure(photo)
    assert found.entropy[0] == pytest.approx(1) and found.deviation[0] == pytest.approx(127.5, abs=0.1)


def test_blur_lowers_the_sharpness_and_contrast_does_not(noise):
    def change(function):
        return np.stack([np.asarray(function(Image.fromarray(photo))) for photo in noise[:5]])

    sharp = measure(noise[:5]).sharpness
    one, two = (measure(change(lambda image, r=r: image.filter(ImageFilter.GaussianBlur(r)))).sharpness for r in (1, 2))
    assert (two < one / 1.5).all() and (one < sharp / 1.5).all()
    assert measure(change(lambda image: image.point(lambda v: v // 4))).sharpness == pytest.approx(sharp, rel=0.1)


def test_batches_give_the_measures_of_each_photo_alone(noise):
    found = measure(noise)
    for row in (0, 63, 64, 69):
        alone = measure(noise[row : row + 1])
        assert found.sharpness[row] == pytest.approx(alone.sharpness[0]) and found.entropy[row] == alone.entropy[0]
    assert found.mean_colour.shape == (70, 3)
