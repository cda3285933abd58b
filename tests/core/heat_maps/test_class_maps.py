import numpy as np
import pytest

from edgetl.core.heat_maps.class_maps import (
    ClassMapError,
    ClassMaps,
    check_map_size,
    compute_class_map,
    correlate_maps,
)


def test_map_weighs_the_channels_of_each_place():
    features = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], np.float32)
    np.testing.assert_array_equal(compute_class_map(features, np.array([1, 0])), [[1, 3], [5, 7]])
    np.testing.assert_array_equal(compute_class_map(features, np.array([1, -1])), [[-1, -1], [-1, -1]])
    maps = compute_class_map(features, np.array([[1, 0], [0, 2]]))
    np.testing.assert_array_equal(maps[..., 1], [[4, 8], [12, 16]])


def test_mean_of_a_map_and_the_bias_are_the_logit():
    generator = np.random.default_rng(1)
    features, weights, bias = generator.normal(size=(5, 4, 6)), generator.normal(size=(6, 3)), generator.normal(size=3)
    maps = ClassMaps(maps=compute_class_map(features, weights)[None], bias=bias)
    np.testing.assert_allclose(maps.compute_logits()[0], features.mean(axis=(0, 1)) @ weights + bias, atol=1e-5)


@pytest.mark.parametrize("weights", [np.ones(3), np.ones((2, 2, 2)), np.float32(1)])
def test_weights_of_other_channels_are_an_error(weights):
    with pytest.raises(ValueError, match="different channels"):
        compute_class_map(np.ones((2, 2, 2)), np.asarray(weights))


def test_class_of_one_sigmoid_unit_has_the_opposite_map():
    maps = ClassMaps(maps=np.array([[[[1.0], [-2.0]]]]), bias=np.zeros(1))
    np.testing.assert_array_equal(maps.select(0, 1), [[1, -2]])
    np.testing.assert_array_equal(maps.select(0, 0), [[-1, 2]])


def test_class_of_several_units_has_its_own_map():
    maps = ClassMaps(maps=np.arange(12.0).reshape(2, 1, 2, 3), bias=np.zeros(3))
    np.testing.assert_array_equal(maps.select(1, 2), [[8, 11]])


def test_correlation_is_that_of_pearson():
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=(2, 5, 7))
    assert correlate_maps(first, second) == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1], abs=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_correlation_ignores_scale_and_offset(scale):
    first = np.array([[0.0, 1.0], [2.0, 5.0]])
    assert correlate_maps(first, first * scale) == pytest.approx(1)
    assert correlate_maps(first, -first * scale) == pytest.approx(-1)
    assert correlate_maps(first, first + 3) == pytest.approx(1)


def test_correlation_is_at_most_one():
    generator = np.random.default_rng(3)
    assert all(correlate_maps(first, first * 3) <= 1 for first in generator.normal(size=(200, 3, 3)))


def test_flat_maps_are_alike_and_unlike_others():
    flat, sloped = np.full((2, 2), 0.1), np.array([[0.0, 1.0], [2.0, 3.0]])
    assert correlate_maps(flat, flat + 1) == 1 and correlate_maps(flat, sloped) == 0 == correlate_maps(sloped, flat)


def test_maps_that_cannot_be_compared_are_an_error():
    with pytest.raises(ValueError, match="cannot be compared"):
        correlate_maps(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="not finite"):
        correlate_maps(np.ones((2, 2)), np.array([[1, np.nan], [0, 0]]))


def test_map_of_one_place_is_refused():
    check_map_size(1, 2)
    with pytest.raises(ClassMapError, match="one place only"):
        check_map_size(1, 1)
