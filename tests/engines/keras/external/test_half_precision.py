"""Copies in float32 of models in half precision, and the bound on their difference."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.external.half_precision import copy_in_float32, find_tolerance, list_compute_dtypes

layers = keras.layers


def make_nested(dtype):
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, dtype=dtype), layers.BatchNormalization()])
    image = keras.Input((8, 8, 3))
    features = layers.TimeDistributed(layers.Dense(4, dtype=dtype))(inner(image))
    return keras.Model(image, layers.Dense(2, dtype="float32")(layers.Flatten(dtype="float32")(features)))


@pytest.mark.parametrize(("dtype", "name"), [("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")])
def test_nested_and_wrapped_layers_compute_in_float32(dtype, name):
    model = make_nested(dtype)
    assert list_compute_dtypes(model) == tuple(sorted((name, "float32")))
    copy = copy_in_float32(model)
    assert list_compute_dtypes(copy) == ("float32",)
    photos = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    expected, outputs = (np.asarray(entry.predict_on_batch(photos)) for entry in (model, copy))
    assert 0 < np.abs(outputs - expected).max() <= find_tolerance((name,), 4, float(np.abs(expected).max()))


def test_weights_in_half_precision_are_copied():
    image = keras.Input((4,), dtype="float16")
    model = keras.Model(image, layers.Dense(2, dtype="float16")(image))
    copy = copy_in_float32(model)
    assert {str(weight.dtype) for weight in copy.weights} == {"float32"}
    assert np.array_equal(copy.get_weights()[0], model.get_weights()[0].astype(np.float32))


@pytest.mark.parametrize(
    ("dtypes", "layers_", "largest", "expected"),
    [
        (("float32",), 100, 1.0, 1e-4),
        ((), 0, 0.5, 1e-4),
        (("float16", "float32"), 100, 1.0, 8 * 10 / 2048),
        (("bfloat16",), 4, 10.0, 8 * 2 / 256 * 10),
    ],
)
def test_tolerance_follows_from_the_rounding(dtypes, layers_, largest, expected):
    assert find_tolerance(dtypes, layers_, largest) == pytest.approx(expected)
