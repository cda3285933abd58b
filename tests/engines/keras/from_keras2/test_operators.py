"""Operators of TF 2.0 to 2.3: constants among their inputs, attributes of their definition."""

import keras
import numpy as np
import pytest

from edgetl.core.network.keras2_names import OPERATORS
from edgetl.engines.keras.from_keras2.operators import OPERATIONS, apply_operator

PHOTO = np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)


def run(operator, constants, **attributes):
    image = keras.Input((4, 4, 3))
    config = {"node_def": {"op": operator, "attr": attributes}, "constants": constants}
    return np.asarray(keras.Model(image, apply_operator(config, [image])).predict_on_batch(PHOTO))


def test_table_has_the_operators_that_are_read():
    assert set(OPERATIONS) == OPERATORS


@pytest.mark.parametrize(
    ("operator", "constants", "expected"),
    [
        ("RealDiv", {"1": 127.5}, PHOTO / 127.5),
        ("Sub", {"1": 1.0}, PHOTO - 1),
        ("Sub", {"0": 1.0}, 1 - PHOTO),
        ("BiasAdd", {"1": [1.0, 2.0, 3.0]}, PHOTO + np.array([1, 2, 3])),
        ("Relu6", {}, np.clip(PHOTO, 0, 6)),
        ("Transpose", {"1": [0, 2, 1, 3]}, PHOTO.transpose(0, 2, 1, 3)),
        ("Reshape", {"1": [-1, 16, 3]}, PHOTO.reshape(1, 16, 3)),
        ("ReverseV2", {"1": [-1]}, PHOTO[..., ::-1]),
    ],
)
def test_operator_computes_what_it_does_in_tensorflow(operator, constants, expected):
    assert np.allclose(run(operator, constants), expected, atol=1e-6)


def test_axes_of_a_reduction_stay_if_asked():
    outputs = run("Mean", {"1": [1, 2]}, keep_dims={"b": True})
    assert np.allclose(outputs, PHOTO.mean(axis=(1, 2), keepdims=True))


def test_channels_are_reversed_by_a_strided_slice():
    constants = {"1": [0, 0], "2": [0, 0], "3": [1, -1]}
    masks = {"ellipsis_mask": {"i": "1"}, "begin_mask": {"i": "2"}, "end_mask": {"i": "2"}}
    assert np.array_equal(run("StridedSlice", constants, **masks), PHOTO[..., ::-1])


def test_axis_is_removed_by_a_strided_slice():
    constants = {"1": [0, 1], "2": [0, 2], "3": [1, 1]}
    masks = {"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}, "shrink_axis_mask": {"i": "2"}}
    assert np.array_equal(run("StridedSlice", constants, **masks), PHOTO[:, 1])
