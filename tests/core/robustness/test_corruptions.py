import numpy as np
import pytest

from edgetl.core.robustness.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    add_noise,
    blur_photo,
    cast_colour,
    compress_photo,
    corrupt_photos,
    darken_photo,
    rotate_photo,
)

FUNCTIONS = [row.apply for row in CORRUPTIONS]
NAMES = [row.name for row in CORRUPTIONS]


def seeded():
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def photo():
    """Soft shapes and some texture, as a photo has: uint8 [56, 48, 3]."""
    down, across = np.mgrid[0:56, 0:48] / 56
    waves = [np.sin(9 * down + phase) + np.cos(7 * across * (1 + phase)) for phase in (0, 0.5, 1)]
    texture = np.random.default_rng(0).normal(0, 0.1, (56, 48, 3))
    return np.clip(128 + 55 * (np.stack(waves, axis=2) + texture), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("row", CORRUPTIONS, ids=NAMES)
def test_result_is_a_photo_of_the_same_size_and_the_argument_stays(row, photo):
    before = photo.copy()
    for strength in row.strengths:
        result = row.apply(photo, strength, seeded())
        assert result.dtype == np.uint8 and result.shape == photo.shape
        assert not np.shares_memory(result, photo) and (photo == before).all() and (result != photo).any()


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_strength_of_zero_changes_nothing(function, photo):
    np.testing.assert_array_equal(function(photo, 0, seeded()), photo)


@pytest.mark.parametrize("row", CORRUPTIONS, ids=NAMES)
def test_each_severity_changes_more_than_the_one_before(row, photo):
    changes = [
        np.abs(row.apply(photo, strength, seeded()).astype(int) - photo).mean() for strength in (0, *row.strengths)
    ]
    assert len(row.strengths) == len(SEVERITIES) and changes == sorted(changes) and len(set(changes)) == 4


@pytest.mark.parametrize("row", CORRUPTIONS, ids=NAMES)
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_photos_stay_in_range(row, level):
    flat = np.full((16, 16, 3), level, np.uint8)
    result = row.apply(flat, row.strengths[-1], seeded())
    if row.name in ("blur", "JPEG", "rotation"):
        np.testing.assert_array_equal(result, flat)
    if level == 0 and row.name != "noise":
        assert not result.any()


@pytest.mark.parametrize("row", CORRUPTIONS, ids=NAMES)
def test_smallest_photo_can_be_corrupted(row):
    tiny = np.array([[[1, 2, 3]]], np.uint8)
    assert row.apply(tiny, row.strengths[-1], seeded()).shape == (1, 1, 3)


def test_blur_keeps_the_mean_and_is_symmetric():
    point = np.zeros((31, 31, 3), np.uint8)
    point[15, 15] = 255
    # A standard deviation of 2 px on this side.
    result = blur_photo(point, 2 * 224 / 31, seeded()).astype(float)
    np.testing.assert_array_equal(result, result[::-1, ::-1])
    places = np.arange(31) - 15
    weights = result[..., 0].sum(axis=0)
    assert np.sqrt((weights * places**2).sum() / weights.sum()) == pytest.approx(2, rel=0.25)


def test_blur_is_in_proportion_to_the_side():
    edge = np.zeros((100, 200, 3), np.uint8)
    edge[:, 100:] = 255
    narrow, wide = (blur_photo(edge[::step, ::step], 6, seeded()) for step in (2, 1))
    widths = [((photo[0, :, 0] > 25) & (photo[0, :, 0] < 230)).sum() for photo in (narrow, wide)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=3) and widths[1] > 6


def test_dark_photo_has_a_lower_value_and_the_same_hue():
    pixels = np.array([[[200, 100, 50], [255, 255, 255], [40, 20, 0], [0, 0, 0]]], np.uint8)
    result = darken_photo(pixels, 0.2, seeded())
    # 0.2 of white are 51 levels.
    np.testing.assert_array_equal(result[0], [[149, 74, 37], [204, 204, 204], [0, 0, 0], [0, 0, 0]])


def test_noise_has_its_deviation_and_no_mean():
    grey = np.full((200, 200, 3), 128, np.uint8)
    difference = add_noise(grey, 0.08, seeded()).astype(float) - 128
    assert difference.std() == pytest.approx(0.08 * 255, rel=0.02) and abs(difference.mean()) < 0.3
    assert abs(np.corrcoef(difference[..., 0].ravel(), difference[..., 1].ravel())[0, 1]) < 0.02


def test_jpeg_is_that_of_pillow(photo):
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=25)
    np.testing.assert_array_equal(compress_photo(photo, 75, seeded()), np.array(Image.open(file)))


def test_rotation_turns_around_the_centre_and_fills_the_corners():
    photo = np.full((41, 41, 3), 100, np.uint8)
    photo[20, 20] = 250
    photo[20, 35] = 200
    result = rotate_photo(photo, 90, seeded())
    assert result[20, 20, 0] == 250 and result.min() >= 100
    assert {int(result[5, 20, 0]), int(result[35, 20, 0])} == {100, 200}
    assert rotate_photo(np.full((10, 30, 3), 77, np.uint8), 30, seeded()).min() == 77


def test_rotation_has_both_directions():
    photo = np.zeros((21, 21, 3), np.uint8)
    photo[10, 18] = 255
    directions = {bool(rotate_photo(photo, 90, np.random.default_rng(seed))[2, 10, 0]) for seed in range(20)}
    assert directions == {True, False}


def test_colour_cast_moves_red_and_blue():
    pixels = np.array([[[100, 100, 100], [200, 50, 200], [0, 0, 0]]], np.uint8)
    result = cast_colour(pixels, 0.6, seeded())
    np.testing.assert_array_equal(result[0], [[160, 100, 62], [255, 50, 125], [0, 0, 0]])


def test_result_depends_on_seed_and_row_alone():
    photos = np.full((6, 8, 8, 3), 90, np.uint8)
    noise = NAMES.index("noise")
    whole = corrupt_photos(photos, np.arange(6), (noise, 1), seed=5)
    parts = [corrupt_photos(photos[:2], np.array(rows), (noise, 1), seed=5) for rows in ([4, 5], [0, 1], [2, 3])]
    np.testing.assert_array_equal(whole, np.concatenate([parts[1], parts[2], parts[0]]))
    assert (whole[0] != whole[1]).any()
    assert (whole != corrupt_photos(photos, np.arange(6), (noise, 1), seed=6)).any()
    assert (whole != corrupt_photos(photos, np.arange(6), (noise, 2), seed=5)).any()


def test_strengths_are_those_of_the_documentation():
    import edgetl.core.robustness.corruptions as module

    text = module.__doc__
    for words in ("1, 3 and 6 px", "0.1, 0.3 and 0.5", "0.08, 0.18 and 0.38", "75, 85 and 93", "5, 15 and 30"):
        assert words in text
        numbers = tuple(float(word) for word in words.replace(",", "").replace(" and", "").split() if word != "px")
        assert numbers in {tuple(map(float, row.strengths)) for row in CORRUPTIONS}
