"""Injected faults are found among ordinary photos, and ordinary photos are not reported."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from edgetl.core.inspection.appearance import measure_appearance
from edgetl.core.inspection.bad_photos import find_bad_photos
from edgetl.core.inspection.photo_headers import PhotoHeader

PHOTOS = 60
FAULTS = {
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "dark": lambda image: image.point(lambda value: value * 0.15),
    "overexposed": lambda image: image.point(lambda value: min(255, value + 170)),
    "low information": lambda image: image.point(lambda value: 120 + value * 0.02),
}


def draw(number):
    """A scene with soft and hard edges, and the noise of a camera."""
    generator = np.random.default_rng(number)
    scene = Image.fromarray(generator.integers(20, 235, (6, 6, 3), dtype=np.uint8))
    image = np.asarray(scene.resize((96, 96), Image.Resampling.BICUBIC)).astype(float)
    left, top = generator.integers(0, 50, 2)
    image[top : top + 40, left : left + 40] = generator.integers(0, 255, 3)
    return Image.fromarray(np.clip(image + generator.normal(0, 6, image.shape), 0, 255).astype(np.uint8))


def inspect(images, headers=None):
    array = np.stack([np.asarray(image) for image in images])
    appearance = measure_appearance(lambda rows: array[rows], len(array))
    return find_bad_photos(appearance, headers or [PhotoHeader(width_px=640, height_px=480, mode="RGB")] * len(array))


@pytest.fixture(scope="module")
def images():
    return [draw(number) for number in range(PHOTOS)]


def test_ordinary_photos_are_not_reported(images):
    assert inspect(images) == ()


@pytest.mark.parametrize("problem", FAULTS)
def test_injected_fault_is_found(images, problem):
    rows = {3, 17, 40}
    changed = [FAULTS[problem](image) if row in rows else image for row, image in enumerate(images)]
    found = {bad.row for bad in inspect(changed) if bad.problem == problem}
    assert found == rows


def test_data_set_that_is_blurred_throughout_has_no_blurred_photos(images):
    assert not [bad for bad in inspect([FAULTS["blurred"](image) for image in images]) if bad.problem == "blurred"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (PhotoHeader(width_px=6400, height_px=480, mode="RGB"), "odd shape"),
        (PhotoHeader(width_px=48, height_px=64, mode="RGB"), "odd size"),
        (PhotoHeader(width_px=640, height_px=480, mode="RGBA"), "odd channels"),
    ],
)
def test_header_unlike_the_others_is_reported_unless_many_are(images, header, problem):
    usual = PhotoHeader(width_px=480, height_px=640, mode="RGB")
    (bad,) = inspect(images, [header, *[usual] * (PHOTOS - 1)])
    assert (bad.row, bad.problem) == (0, problem) and bad.detail
    assert inspect(images, [header] * 30 + [usual] * 30) == ()


def test_grey_photo_among_photos_in_colour_and_the_reverse(images):
    grey = [image.convert("L").convert("RGB") for image in images]
    assert [bad.row for bad in inspect([grey[0], *images[1:]])] == [0]
    assert [bad.row for bad in inspect([images[0], *grey[1:]])] == [0]
    assert inspect(grey) == ()


def test_files_that_are_gone_have_no_odd_size(images):
    assert inspect(images, [PhotoHeader()] * PHOTOS) == ()
