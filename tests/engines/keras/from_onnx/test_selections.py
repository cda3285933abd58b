"""selections.py: parts of a tensor and resized images are those of onnxruntime."""

import numpy as np
import pytest
from onnx import helper

from edgetl.core.errors import ConfigError
from tests.engines.keras.from_onnx.graphs import measure


def make(operator, *inputs, output="y", **attributes):
    return helper.make_node(operator, list(inputs), [output], **attributes)


def convert(dtype=np.int64, **constants):
    return {name: np.array(values, dtype) for name, values in constants.items()}


@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("channels", ["first", "last"])
def test_split(axis, channels):
    shape = ("photos", 6, 8, 10) if channels == "first" else ("photos", 8, 10, 6)
    # The convolution has its channels last in Keras.
    nodes = [make("GlobalMaxPool", "x", output="g"), make("Add", "x", "g", output="r")] if channels == "first" else []
    source = "r" if nodes else "x"
    length = shape[axis]
    split = helper.make_node("Split", [source, "s"], ["a", "b"], axis=axis)
    nodes += [split, make("ReduceMax", "a", output="c", axes=[axis]), make("Sub", "b", "c")]
    assert measure(nodes, convert(s=[2, length - 2]), shape) == 0


def test_split_into_equal_parts():
    nodes = [helper.make_node("Split", ["x"], ["a", "b"], axis=2), make("Max", "a", "b")]
    assert measure(nodes) == 0


def test_shuffle_unit_with_two_branches():
    nodes = [
        make("Concat", "x", "x", output="c", axis=1),
        helper.make_node("Split", ["c", "s"], ["a", "b"], axis=1),
        make("Sigmoid", "b", output="d"),
        make("Concat", "a", "d", axis=1),
    ]
    assert measure(nodes, convert(s=[2, 4])) < 1e-6


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([1], [3], [1], [1]),
        ([0, 2], [2**62, -1], [1, 3], [1, 2]),
        ([-1], [-(2**62)], [1], [-1]),
        ([-1], [-(2**62)], [3], [-2]),
        ([1], [7], [-2], [3]),
        ([2], [3], [1], [1]),
    ],
)
def test_slice(starts, ends, axes, steps):
    constants = convert(s=starts, e=ends, a=axes, t=steps)
    assert measure([make("Slice", "x", "s", "e", "a", "t")], constants) == 0


def test_slice_of_photos_is_refused():
    with pytest.raises(ConfigError, match="Slice of photos"):
        measure([make("Slice", "x", "s", "e")], convert(s=[0], e=[1]), (2, 3, 8, 10))


@pytest.mark.parametrize("indices", [[2, 1, 0], [0, 2], [1], [0, 0, 1], [-1, 0]])
def test_gather_of_channels(indices):
    assert measure([make("Gather", "x", "i", axis=1)], convert(i=indices)) == 0


def test_gather_of_one_place_takes_the_axis_away():
    assert measure([make("Gather", "x", "i", axis=1)], convert(i=1)) == 0
    nodes = [make("Reshape", "x", "s", output="r"), make("Gather", "r", "i", axis=1)]
    assert measure(nodes, convert(s=[0, 24, 10], i=-1)) == 0


@pytest.mark.parametrize(
    ("mode", "coordinates", "rounding", "sizes"),
    [
        ("linear", "half_pixel", "round_prefer_floor", [1, 3, 12, 20]),
        ("linear", "pytorch_half_pixel", "round_prefer_floor", [1, 3, 5, 7]),
        ("nearest", "asymmetric", "floor", [1, 3, 16, 30]),
        ("nearest", "half_pixel", "round_prefer_floor", [1, 3, 16, 20]),
        ("nearest", "half_pixel", "round_prefer_ceil", [1, 3, 11, 7]),
    ],
)
def test_resize_to_sizes(mode, coordinates, rounding, sizes):
    node = make(
        *("Resize", "x", "", "", "s"), mode=mode, coordinate_transformation_mode=coordinates, nearest_mode=rounding
    )
    assert measure([node], convert(s=sizes)) < 1e-5


def test_resize_by_factors():
    node = make(
        "Resize", "x", "", "f", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    assert measure([node], convert(np.float32, f=[1, 1, 2, 3])) == 0


@pytest.mark.parametrize(
    ("mode", "coordinates", "sizes"),
    [
        ("cubic", "half_pixel", [1, 3, 16, 20]),
        ("linear", "align_corners", [1, 3, 16, 20]),
        ("nearest", "asymmetric", [1, 3, 13, 20]),
        ("linear", "half_pixel", [1, 6, 16, 20]),
    ],
)
def test_other_resize_is_refused_by_name(mode, coordinates, sizes):
    node = make(
        *("Resize", "x", "", "", "s"), mode=mode, coordinate_transformation_mode=coordinates, nearest_mode="floor"
    )
    with pytest.raises(ConfigError, match="Resize"):
        measure([node], convert(s=sizes))
