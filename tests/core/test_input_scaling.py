"""scalings.py: what --scaling may say, and what else a model may have been meant to eat."""

import numpy as np
import pytest

from edgetl.core import input_scaling
from edgetl.core.errors import ConfigError
from edgetl.core.input_scaling import NUMBERS, USUAL, Numbers, stated, stepped


def test_names_and_numbers():
    assert stated("tf").numbers == NUMBERS["tf"] and not stated("tf").bgr
    assert stated("caffe").bgr and not stated("caffe-bgr").bgr
    assert stated("tf-bgr").numbers == NUMBERS["tf"] and stated("tf-bgr").bgr
    assert stated("0.5,-1").numbers == Numbers(0.5, -1.0)
    assert stated("1,2,3,4,5,6").numbers == Numbers((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))


@pytest.mark.parametrize("text", ["", "tf2", "1", "1,2,3", "0,1", "1,nan", "1,inf", "1,0,1,0,0,0", "bgr", "a,b"])
def test_what_is_refused(text):
    with pytest.raises(ConfigError, match="scaling") as caught:
        stated(text)
    assert "tf" in caught.value.hint and "SCALE,OFFSET" in caught.value.hint


def test_other_ways_differ_from_the_stated_one_and_can_be_stated():
    for way in (*USUAL.values(), stated("tf-bgr"), stated("0.5,0")):
        found = input_scaling.others(way, inside=False)
        assert way not in found and any(one.bgr != way.bgr for one in found)
        for other in found:
            assert stated(other.name) == other
        assert input_scaling.others(way, inside=True) == found[:1]


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-2.1179, 2.64), (-123.68, 151.061), (-1, 0), (-0.001, 5), (-510, 265)]
)
def test_zero_and_the_lowest_number_are_levels(low, high):
    lowest, highest = stepped(low, high)
    step = (highest - lowest) / 255
    assert lowest == (low if low < -step / 2 else -step) and highest >= high * (1 - 1e-9)
    assert -lowest / step == pytest.approx(round(-lowest / step), abs=1e-6)
    # No more levels are given away than it takes.
    assert step <= (high - low) / 255 * (1 + 1 / round(-lowest / step))


def test_no_level_of_a_photo_is_a_tie():
    low, high = stepped(-1.0, 1.0)
    levels = (np.arange(256) / 127.5 - 1 - low) / ((high - low) / 255)
    assert np.abs(levels - np.floor(levels) - 0.5).min() > 1e-3
    assert stepped(0.0, 2.0) == (0.0, 2.0)
