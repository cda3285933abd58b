import numpy as np
import pytest

from edgetl.core.heat_maps.overlay import draw_heat_map

GREY = np.full((12, 16, 3), 128, np.uint8)


def test_brightest_place_is_where_the_map_is_largest():
    values = np.zeros((3, 4))
    values[2, 0] = 1
    picture = draw_heat_map(GREY, values, (0, 1))
    assert picture.shape == GREY.shape and picture.dtype == np.uint8
    row, column = np.unravel_index(picture.sum(axis=2, dtype=int).argmax(), (12, 16))
    assert row >= 8 and column < 4


def test_lightness_grows_with_the_values():
    picture = draw_heat_map(np.zeros((4, 64, 3), np.uint8), np.linspace(0, 1, 64)[None], (0, 1))
    lightness = picture[0].astype(int) @ [299, 587, 114]
    assert (np.diff(lightness) >= 0).all() and lightness[-1] > 3 * lightness[0]


def test_same_bounds_give_the_same_value_the_same_colour():
    low, high = (draw_heat_map(GREY, np.full((2, 2), value), (-1, 1)) for value in (-1, 1))
    assert (draw_heat_map(GREY, np.full((2, 2), -5), (-1, 1)) == low).all()
    assert (draw_heat_map(GREY, np.full((2, 2), 9), (-1, 1)) == high).all() and (low != high).any()


def test_photo_stays_visible():
    stripes = GREY.copy()
    stripes[:, ::2] = 255
    picture = draw_heat_map(stripes, np.ones((1, 1)), (0, 1)).astype(int)
    assert abs(picture[:, 0] - picture[:, 1]).max() > 30


@pytest.mark.parametrize("bounds", [(0, 0), (3, 3)])
def test_flat_map_is_drawn(bounds):
    assert len(np.unique(draw_heat_map(GREY, np.zeros((2, 2)), bounds).reshape(-1, 3), axis=0)) == 1
