"""quantization.py: ranges with an integer zero point, scales and rounding, and quantization errors of layers."""

import numpy as np
import pytest

from edgetl.core.network.quantization import (
    SMALLEST_SCALE,
    compare_outputs,
    compute_weight_scales,
    dequantize,
    quantize_pixels,
    quantize_weights,
    summarize_layer_errors,
    widen_range,
)


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-2.1179, 2.64), (-123.68, 151.061), (-1, 0), (-0.001, 5), (-510, 265)]
)
def test_zero_and_the_lower_end_are_levels_of_a_widened_range(low, high):
    widened_low, widened_high = widen_range(low, high)
    step = (widened_high - widened_low) / 255
    assert widened_low == (low if low < -step / 2 else -step) and widened_high >= high * (1 - 1e-9)
    assert -widened_low / step == pytest.approx(round(-widened_low / step), abs=1e-6)
    # The range is not wider than needed for an integer zero point.
    assert step <= (high - low) / 255 * (1 + 1 / round(-widened_low / step))


def test_range_from_zero_is_not_widened():
    assert widen_range(0.0, 2.0) == (0.0, 2.0)


def test_no_scaled_pixel_value_is_a_rounding_tie():
    low, high = widen_range(-1.0, 1.0)
    levels = (np.arange(256) / 127.5 - 1 - low) / ((high - low) / 255)
    assert np.abs(levels - np.floor(levels) - 0.5).min() > 1e-3


WEIGHTS = np.array([[[0.5, -2.54], [0.0, 1.0]], [[-1.27, 0.1], [0.2, 0.3]]], np.float32)


@pytest.mark.parametrize(("axis", "largest"), [(0, [2.54, 1.27]), (1, [2.54, 1.0]), (2, [1.27, 2.54])])
def test_scale_of_a_channel_is_its_largest_magnitude_over_127(axis, largest):
    scales = compute_weight_scales(WEIGHTS, axis)
    assert scales.dtype == np.float32
    np.testing.assert_array_equal(scales, np.array(largest, np.float32) / np.float32(127))


def test_channel_of_zeros_has_a_positive_scale_and_zero_weights():
    weights = np.array([[0.0, 1.0], [0.0, -1.0]], np.float32)
    scales = compute_weight_scales(weights, 1)
    assert scales[0] == np.float32(SMALLEST_SCALE) / np.float32(127) > 0
    np.testing.assert_array_equal(quantize_weights(weights, scales, 1), [[0, 127], [0, -127]])


def test_smallest_magnitude_can_be_chosen():
    assert compute_weight_scales(np.zeros((2, 2), np.float32), 0, 1.27).tolist() == pytest.approx([0.01, 0.01])


def test_weights_are_rounded_with_the_scale_of_their_channel():
    scales = np.array([0.01, 0.02], np.float32)
    integers = quantize_weights(WEIGHTS, scales, 2)
    assert integers.dtype == np.int8
    np.testing.assert_array_equal(integers, [[[50, -127], [0, 50]], [[-127, 5], [20, 15]]])


def test_halves_are_rounded_to_even_and_large_weights_are_clipped():
    weights = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, 127.5, 300.0, -300.0]], np.float32)
    integers = quantize_weights(weights, np.ones(1, np.float32), 0)
    assert integers.tolist() == [[0, 2, 2, 0, -2, 127, 127, -127]]


def test_error_of_rounded_weights_is_at_most_half_a_step():
    weights = np.random.default_rng(1).normal(size=(3, 3, 8, 16)).astype(np.float32)
    scales = compute_weight_scales(weights, 3)
    restored = quantize_weights(weights, scales, 3) * scales
    assert (np.abs(restored - weights) <= scales / 2 * (1 + 1e-5)).all()


PIXELS = np.array([0, 1, 3, 128, 255], np.uint8)


@pytest.mark.parametrize(
    ("quantization", "dtype", "expected"),
    [
        ((0.0, 0), np.float32, [0, 1, 3, 128, 255]),
        ((1.0, 0), np.uint8, [0, 1, 3, 128, 255]),
        ((1.0, -128), np.int8, [-128, -127, -125, 0, 127]),
        ((2.0, 0), np.int8, [0, 0, 2, 64, 127]),
        ((0.5, 0), np.uint8, [0, 2, 6, 255, 255]),
    ],
    ids=["float input", "raw input", "signed input", "halves to even", "clipped"],
)
def test_pixels_are_quantized_for_the_input(quantization, dtype, expected):
    integers = quantize_pixels(PIXELS, quantization, dtype)
    assert integers.dtype == dtype and integers.tolist() == expected


def test_error_of_a_layer_is_its_root_mean_square_over_photos_in_steps():
    exact = np.array([1, 2], np.int8)
    photos = [
        compare_outputs([(exact.astype(float), exact), (exact + np.array([0.3, -0.3]), exact)]),
        compare_outputs([(exact.astype(float), exact), (exact + np.array([0.0, 0.4]), exact)]),
    ]
    first, second = summarize_layer_errors(np.stack(photos), [("a", "CONV_2D", 0.5), ("b", "ADD", 0.25)])
    assert (first.name, first.operator, first.scale) == ("b", "ADD", 0.25)
    assert first.error_steps == pytest.approx(np.sqrt((0.09 + 0.09 + 0.0 + 0.16) / 4), abs=1e-4)
    assert (second.name, second.error_steps, second.saturated) == ("a", 0.0, 0.0)


def test_value_more_than_half_a_step_beyond_the_limits_is_saturated():
    steps = np.array([-128.4, -128.6, 127.4, 127.6])
    ((_, saturated),) = compare_outputs([(steps, np.array([-128, -128, 127, 127], np.int8))])
    assert saturated == 0.5


def test_layers_with_equal_errors_are_sorted_by_name():
    exact = np.zeros(2, np.int8)
    photos = compare_outputs([(exact.astype(float), exact)] * 2)[None]
    layers = summarize_layer_errors(photos, [("b", "ADD", 1.0), ("a", "ADD", 1.0)])
    assert [layer.name for layer in layers] == ["a", "b"]


def test_a_network_without_layers_has_no_errors():
    assert compare_outputs([]).shape == (0, 2)
    assert summarize_layer_errors(np.zeros((3, 0, 2)), []) == ()


def test_dequantize_leaves_floats_as_they_are():
    np.testing.assert_array_equal(dequantize(np.float32([0.25, 1]), 0.0, 0), [0.25, 1])
    np.testing.assert_array_equal(dequantize(np.int8([-128, 127]), 0.5, -128), [0, 127.5])
