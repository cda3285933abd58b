"""Functions of TensorFlow as layers and operations of Keras 3."""

import keras
import numpy as np
import pytest

from edgetl.core.network.keras2_names import FUNCTIONS
from edgetl.engines.keras.from_keras2 import functions
from edgetl.engines.keras.from_keras2.functions import FUNCTIONS_OF_TENSORFLOW as TABLE
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError

PHOTO = np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)


def run(make):
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, make(image))
    return model, np.asarray(model.predict_on_batch(PHOTO))


def test_table_has_the_functions_that_are_read():
    assert set(TABLE) == FUNCTIONS


@pytest.mark.parametrize(
    ("name", "constant", "expected"),
    [
        ("math.truediv", 127.5, PHOTO / 127.5),
        ("math.subtract", [1.0, 2.0, 3.0], PHOTO - np.array([1, 2, 3])),
        ("math.multiply", 2, PHOTO * 2),
        ("__operators__.add", [[1.0, 2.0, 3.0]], PHOTO + np.array([1, 2, 3])),
    ],
)
def test_arithmetic_with_a_constant_is_a_rescaling(name, constant, expected):
    model, outputs = run(lambda x: TABLE[name](x=x, y=constant))
    assert isinstance(model.layers[-1], keras.layers.Rescaling) and np.allclose(outputs, expected)


def test_constant_may_come_first():
    assert np.allclose(run(lambda x: functions.subtract_terms(1.0, x))[1], 1 - PHOTO)
    assert np.allclose(run(lambda x: functions.divide_terms(2.0, functions.add_terms(x, 1.0)))[1], 2 / (PHOTO + 1))


def test_mean_of_a_photo_is_global_pooling():
    model, outputs = run(lambda x: TABLE["math.reduce_mean"](input_tensor=x, axis=[1, 2]))
    assert isinstance(model.layers[-1], keras.layers.GlobalAveragePooling2D)
    assert np.allclose(outputs, PHOTO.mean(axis=(1, 2)))


@pytest.mark.parametrize(
    "make",
    [
        lambda x: TABLE["math.reduce_sum"](input_tensor=x, axis=None),
        lambda x: TABLE["math.reduce_max"](input_tensor=x, axis=[-4]),
        lambda x: TABLE["reshape"](tensor=x, shape=[-1, 3]),
        lambda x: TABLE["reshape"](tensor=x, shape=[1, 48]),
        lambda x: TABLE["math.l2_normalize"](x=x),
    ],
)
def test_function_that_mixes_photos_is_refused(make):
    with pytest.raises(NoCounterpartError):
        run(make)


@pytest.mark.parametrize("shape", [[-1, 16, 3], [None, 16, 3], [-1, -1, 3]])
def test_reshape_keeps_the_axis_of_the_photos(shape):
    model, outputs = run(lambda x: TABLE["reshape"](tensor=x, shape=shape))
    assert outputs.shape == (1, 16, 3) and isinstance(model.layers[-1], keras.layers.Reshape)


def test_shape_can_be_indexed():
    image = keras.Input((4, 4, 3))
    shape = TABLE["shape"](input=image, out_type="int32")
    assert TABLE["__operators__.getitem"](tensor=shape, slice_spec=(1,)) == 4
    assert TABLE["__operators__.getitem"](tensor=shape, slice_spec=0) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda x: TABLE["image.resize"](images=x, size=[2, 2], method="area"),
        lambda x: TABLE["pad"](tensor=x, paddings=[[0, 0]] * 4, mode="REFLECT"),
        lambda x: TABLE["nn.max_pool2d"](input=x, ksize=2, strides=2, padding="SAME", data_format="NCHW"),
        lambda x: TABLE["nn.silu"](features=x, beta=2.0),
        lambda x: TABLE["linalg.matmul"](a=x, b=x, adjoint_a=True),
    ],
)
def test_argument_without_counterpart_is_refused(make):
    with pytest.raises(NoCounterpartError):
        run(make)
