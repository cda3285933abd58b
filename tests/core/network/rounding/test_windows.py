"""windows.py: a window gathers what a convolution multiplies, in the order of its weights."""

import numpy as np
import pytest

from edgetl.core.network.rounding.windows import Window, pad_same


def make_window(size=(3, 3), strides=(1, 1), dilations=(1, 1), padding=(1, 1), outputs=(4, 5)) -> Window:
    return Window(size=size, strides=strides, dilations=dilations, padding=padding, outputs=outputs)


def test_values_are_those_around_the_place():
    feature_map = np.arange(20, dtype=np.int8).reshape(4, 5, 1)
    (values,) = make_window().gather(feature_map, np.array([6]), fill=-1)
    assert values[:, 0].tolist() == [0, 1, 2, 5, 6, 7, 10, 11, 12] and values.dtype == np.int8


def test_padding_has_the_fill_value():
    feature_map = np.arange(20, dtype=np.int8).reshape(4, 5, 1)
    (values,) = make_window().gather(feature_map, np.array([0]), fill=-7)
    assert values[:, 0].tolist() == [-7, -7, -7, -7, 0, 1, -7, 5, 6]


def test_strides_and_dilations_are_vertical_then_horizontal():
    feature_map = np.arange(70).reshape(7, 10, 1)
    window = make_window(size=(2, 2), strides=(2, 3), dilations=(1, 4), padding=(0, 0), outputs=(3, 2))
    (values,) = window.gather(feature_map, np.array([3]), fill=0)
    # The second row and column of the output begin at row 2 and column 3.
    assert values[:, 0].tolist() == [23, 27, 33, 37]


def test_channels_stay_together():
    feature_map = np.arange(8).reshape(2, 2, 2)
    (values,) = make_window(size=(1, 1), padding=(0, 0), outputs=(2, 2)).gather(feature_map, np.array([2]), fill=0)
    assert values.tolist() == [[4, 5]]


@pytest.mark.parametrize(
    ("length", "outputs", "size", "stride", "dilation", "padding"),
    [
        (8, 8, 3, 1, 1, 1),
        (8, 4, 3, 2, 1, 0),
        (7, 4, 3, 2, 1, 1),
        (8, 8, 3, 1, 2, 2),
        (8, 8, 1, 1, 1, 0),
        (8, 4, 1, 2, 1, 0),
    ],
)
def test_same_padding_is_that_of_tensorflow(length, outputs, size, stride, dilation, padding):
    assert pad_same(length, outputs, size, stride, dilation) == padding
