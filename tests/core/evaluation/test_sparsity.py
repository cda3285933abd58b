"""slimness.py: zeros and different values are counted in the file's own numbers."""

import gzip

import numpy as np
import pytest

from edgetl.core.evaluation.sparsity import measure_gzip_bytes, measure_weights


def test_zeros_over_all_kernels_and_the_richest_channel():
    kernels = [np.array([[0, 0, 1, 1], [0, 2, 3, 4]], np.int8), np.array([[0.0], [5.0]], np.float32)]
    found = measure_weights(kernels)
    assert found.sparsity == pytest.approx(4 / 10) and found.distinct == 4


def test_one_value_everywhere():
    found = measure_weights([np.zeros((3, 5), np.int8)])
    assert (found.sparsity, found.distinct) == (1.0, 1)


def test_no_kernels_and_empty_ones():
    assert measure_weights([]).sparsity == 0 and measure_weights([]).distinct == 0
    assert measure_weights([np.zeros((0, 4), np.int8)]).distinct == 0


def test_minus_zero_is_zero():
    assert measure_weights([np.array([[0.0, -0.0, 1.0]], np.float32)]).sparsity == pytest.approx(2 / 3)
    assert measure_weights([np.array([[0.0, -0.0, 1.0]], np.float32)]).distinct == 2


def test_gzip_is_the_same_every_time():
    content = bytes(1000) + bytes(range(256))
    assert measure_gzip_bytes(content) == measure_gzip_bytes(content) == len(gzip.compress(content, 9, mtime=0)) < 400
