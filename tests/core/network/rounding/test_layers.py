"""layers.py: integers represent weights and biases, and samples have outputs."""

import numpy as np

from edgetl.core.network.rounding.layers import Integers, Samples, dequantize_biases, round_biases


def test_integers_have_one_scale_for_each_channel():
    integers = Integers(
        weights=np.array([[1, -2], [3, 4]], np.int8),
        scales=np.array([0.5, 2], np.float32),
        biases=np.zeros(2, np.float32),
    )
    assert integers.dequantize().tolist() == [[0.5, -1], [6, 8]]


def test_outputs_of_a_dense_layer():
    samples = Samples(inputs=np.array([[1, 2]], np.float32), outputs=np.zeros((1, 3), np.float32))
    weights, biases = np.array([[1, 0], [0, 1], [1, 1]], np.float32), np.array([0, 0, 10], np.float32)
    assert samples.compute(weights, biases).tolist() == [[1, 2, 13]]


def test_outputs_of_a_depthwise_layer():
    samples = Samples(inputs=np.array([[[1, 2], [3, 4]]], np.float32), outputs=np.zeros((1, 2), np.float32))
    assert samples.compute(np.array([[1, 1], [2, 0]], np.float32), np.zeros(2, np.float32)).tolist() == [[3, 6]]


def test_biases_are_multiples_of_weight_scale_times_input_scale():
    integers, scales = round_biases(np.array([1.04, -3]), np.array([0.5, 1], np.float32), 0.2)
    assert integers.tolist() == [10, -15] and integers.dtype == np.int32
    np.testing.assert_allclose(scales, [0.1, 0.2], rtol=1e-6)
    np.testing.assert_allclose(dequantize_biases(integers, scales), [1, -3], rtol=1e-6)


def test_a_bias_beyond_32_bits_is_the_largest():
    integers, _ = round_biases(np.array([1.0, -1.0]), np.full(2, 1e-20, np.float32), 1.0)
    assert integers.tolist() == [2**31 - 1, -(2**31) + 1]
