"""sparsity.py: zeros and distinct values are counted in the file's own dtype."""

import gzip

import numpy as np
import pytest

from edgetl.core.evaluation.sparsity import measure_gzip_bytes, measure_weights


def test_zeros_are_counted_over_all_layers_and_distinct_values_in_each_channel():
    layers = [np.array([[0, 0, 1, 1], [0, 2, 3, 4]], np.int8), np.array([[0.0], [5.0]], np.float32)]
    statistics = measure_weights(layers)
    assert statistics.sparsity == pytest.approx(4 / 10) and statistics.distinct == 4


def test_layer_of_zeros_has_one_distinct_value():
    statistics = measure_weights([np.zeros((3, 5), np.int8)])
    assert (statistics.sparsity, statistics.distinct) == (1.0, 1)


@pytest.mark.parametrize("layers", [[], [np.zeros((0, 4), np.int8)]], ids=["no layers", "an empty layer"])
def test_without_weights_nothing_is_counted(layers):
    statistics = measure_weights(layers)
    assert (statistics.sparsity, statistics.distinct) == (0.0, 0)


def test_negative_zero_is_zero():
    statistics = measure_weights([np.array([[0.0, -0.0, 1.0]], np.float32)])
    assert statistics.sparsity == pytest.approx(2 / 3) and statistics.distinct == 2


def test_size_after_gzip_is_always_the_same():
    content = bytes(1000) + bytes(range(256))
    assert measure_gzip_bytes(content) == measure_gzip_bytes(content) == len(gzip.compress(content, 9, mtime=0)) < 400
