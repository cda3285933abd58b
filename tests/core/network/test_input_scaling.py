"""scalings.py: what --scaling may say, and what else a model may have been meant to eat."""

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network import input_scaling
from edgetl.core.network.input_scaling import AFFINES, USUAL, Affine, parse_scaling, widen_range


def test_names_and_numbers():
    assert parse_scaling("tf").numbers == AFFINES["tf"] and not parse_scaling("tf").bgr
    assert parse_scaling("caffe").bgr and not parse_scaling("caffe-bgr").bgr
    assert parse_scaling("tf-bgr").numbers == AFFINES["tf"] and parse_scaling("tf-bgr").bgr
    assert parse_scaling("0.5,-1").numbers == Affine(0.5, -1.0)
    assert parse_scaling("1,2,3,4,5,6").numbers == Affine((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))


@pytest.mark.parametrize("text", ["", "tf2", "1", "1,2,3", "0,1", "1,nan", "1,inf", "1,0,1,0,0,0", "bgr", "a,b"])
def test_what_is_refused(text):
    with pytest.raises(ConfigError, match="scaling") as caught:
        parse_scaling(text)
    assert "tf" in caught.value.hint and "SCALE,OFFSET" in caught.value.hint


def test_other_ways_differ_from_the_stated_one_and_can_be_stated():
    for way in (*USUAL.values(), parse_scaling("tf-bgr"), parse_scaling("0.5,0")):
        found = input_scaling.list_alternatives(way, inside=False)
        assert way not in found and any(one.bgr != way.bgr for one in found)
        for other in found:
            assert parse_scaling(other.name) == other
        assert input_scaling.list_alternatives(way, inside=True) == found[:1]


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-2.1179, 2.64), (-123.68, 151.061), (-1, 0), (-0.001, 5), (-510, 265)]
)
def test_zero_and_the_lowest_number_are_levels(low, high):
    lowest, highest = widen_range(low, high)
    step = (highest - lowest) / 255
    assert lowest == (low if low < -step / 2 else -step) and highest >= high * (1 - 1e-9)
    assert -lowest / step == pytest.approx(round(-lowest / step), abs=1e-6)
    # No more levels are given away than it takes.
    assert step <= (high - low) / 255 * (1 + 1 / round(-lowest / step))


def test_no_level_of_a_photo_is_a_tie():
    low, high = widen_range(-1.0, 1.0)
    levels = (np.arange(256) / 127.5 - 1 - low) / ((high - low) / 255)
    assert np.abs(levels - np.floor(levels) - 0.5).min() > 1e-3
    assert widen_range(0.0, 2.0) == (0.0, 2.0)
