"""rgb_input.py: grey, channels-first, integer and fixed-batch inputs become float32 RGB with the same scores."""

import keras
import numpy as np
import pytest
from PIL import Image

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.load import load_external
from edgetl.engines.keras.external.rgb_input import read_image_input
from edgetl.engines.keras.external.scaling import find_built_in_scaling, has_built_in_scaling

layers = keras.layers
RGB = np.random.default_rng(3).integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)


def finish(image, tensor):
    """End a network in three scores."""
    tensor = layers.Conv2D(4, 3, strides=2, activation="relu")(tensor)
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(tensor)))


def make_rectangle():
    image = keras.Input((24, 32, 3))
    return finish(image, layers.Rescaling(1 / 127.5, -1)(image))


def make_grey():
    image = keras.Input((24, 32, 1))
    return finish(image, layers.Rescaling(1 / 255)(image))


def make_grey_normalization():
    image = keras.Input((24, 32, 1))
    return finish(image, layers.Normalization(mean=[120.0], variance=[900.0])(image))


def make_grey_dense():
    model = keras.Sequential([keras.Input((24, 32, 1)), layers.Rescaling(1 / 255), layers.Flatten()])
    model.add(layers.Dense(3, activation="softmax"))
    return model


def make_channels_first():
    image = keras.Input((3, 24, 32))
    return finish(image, layers.Permute((2, 3, 1))(layers.Rescaling(1 / 255)(image)))


def make_grey_channels_first():
    image = keras.Input((1, 24, 32))
    return finish(image, layers.Permute((2, 3, 1))(layers.Rescaling(1 / 255)(image)))


def make_batch_of_one():
    image = keras.Input(batch_shape=(1, 24, 32, 3))
    return finish(image, layers.Rescaling(1 / 255)(image))


def make_uint8():
    image = keras.Input((24, 32, 3), dtype="uint8")
    return finish(image, layers.Rescaling(1 / 127.5, -1)(image))


def make_uint8_cast():
    image = keras.Input((24, 32, 3), dtype="uint8")
    return finish(image, keras.ops.cast(image, "float32") / 255)


def make_int32_nested():
    image = keras.Input((24, 32, 3), dtype="int32")
    inner = keras.Input((24, 32, 3))
    nested = keras.Model(inner, layers.Rescaling(1 / 255)(inner))
    return finish(image, nested(image))


def give(model, photos):
    """Predict grey photos as the user would: in the shape and the dtype of the input, one or more at a time."""
    tensor = model.inputs[0]
    if 1 in tensor.shape[1:]:
        photos = photos[..., :1]
    if tensor.shape[1] in (1, 3):
        photos = np.moveaxis(photos, -1, 1)
    photos = photos.astype(tensor.dtype)
    return np.concatenate([np.asarray(model.predict_on_batch(photo[None])) for photo in photos])


MODELS = [value for name, value in sorted(globals().items()) if name.startswith("make_")]


@pytest.mark.parametrize("make", MODELS)
def test_model_predicts_the_same_on_rgb_photos(make, tmp_path):
    keras.utils.set_random_seed(1)
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = load_external(tmp_path / "model.keras")
    assert (loaded.inputs[0].shape, loaded.inputs[0].dtype) == ((None, 24, 32, 3), "float32")
    photos = RGB.copy()
    if 1 in model.inputs[0].shape[1:]:
        photos[:] = photos[..., :1]
    scores = loaded.predict_on_batch(photos.astype(np.float32))
    assert np.allclose(scores, give(model, photos), atol=1e-5)
    assert has_built_in_scaling(loaded)


@pytest.mark.parametrize(
    ("make", "scale"),
    [(make_grey, 1 / 255), (make_channels_first, 1 / 255), (make_uint8, 1 / 127.5), (make_uint8_cast, 1)],
)
def test_scaling_stays_at_the_beginning(make, scale, tmp_path):
    """There it sets the ranges of integer files. An integer input takes raw pixels, so its scaling is 1 at least."""
    make().save(tmp_path / "model.keras")
    built_in = find_built_in_scaling(load_external(tmp_path / "model.keras"))
    assert built_in.affine.scale == pytest.approx(scale)


def test_grey_is_that_of_pillow_except_for_its_rounding(tmp_path):
    image = keras.Input((24, 32, 1))
    keras.Model(image, layers.Dense(2)(layers.Flatten()(image))).save(tmp_path / "model.keras")
    loaded = load_external(tmp_path / "model.keras")
    grey = keras.Model(loaded.inputs[0], loaded.get_layer("grey").output).predict_on_batch(RGB.astype(np.float32))
    expected = np.stack([np.asarray(Image.fromarray(photo).convert("L")) for photo in RGB])
    assert np.abs(grey[..., 0] - expected).max() <= 0.51


def test_rgb_model_is_returned_as_it_is(tmp_path):
    make_rectangle().save(tmp_path / "model.keras")
    names = [layer.name for layer in load_external(tmp_path / "model.keras").layers]
    assert not {"grey", "channels_first", "network"} & set(names)


def make_fixed_reshape():
    image = keras.Input(batch_shape=(1, 8, 8, 3))
    return keras.Model(image, layers.Dense(3)(keras.ops.reshape(image, (1, 192))))


def make_channels_first_convolution():
    image = keras.Input((3, 24, 32))
    tensor = layers.Conv2D(4, 3, data_format="channels_first", name="first")(image)
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D(data_format="channels_first")(tensor)))


def make_bool():
    image = keras.Input((24, 32, 3), dtype="bool")
    return finish(image, keras.ops.cast(image, "float32"))


def make_four_channels():
    image = keras.Input((24, 32, 4))
    return finish(image, image)


def make_vector():
    image = keras.Input((1280,))
    return keras.Model(image, layers.Dense(3)(image))


def make_any_size():
    image = keras.Input((None, None, 3))
    return finish(image, image)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (make_fixed_reshape, r"cannot be moved from its input float32 \[1, 8, 8, 3\]"),
        (make_channels_first_convolution, r"layer 'first' \(Conv2D\) computes with data_format 'channels_first'"),
        (make_bool, "is bool, which cannot contain the pixel values"),
        (make_four_channels, r"no axis of 1 or 3 channels: \[None, 24, 32, 4\]"),
        (make_vector, r"must be photos \[photos, height, width, 3\], not \[None, 1280\]"),
        (make_any_size, r"no fixed size: \[None, None, None, 3\]"),
    ],
)
def test_input_that_is_not_sound_is_an_error_with_the_next_step(make, match, tmp_path):
    path = tmp_path / "model.keras"
    make().save(path)
    with pytest.raises(ConfigError, match=match) as error:
        load_external(path)
    assert error.value.where == (str(path),) and error.value.hint


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((None, 96, 128, 3), (96, 128, 3, False)),
        ((1, 3, 96, 128), (96, 128, 3, True)),
        ((None, 28, 28, 1), (28, 28, 1, False)),
        # The last axis decides where both could be the channels.
        ((None, 3, 32, 3), (3, 32, 3, False)),
        ((None, 1, 28, 28), (28, 28, 1, True)),
    ],
)
def test_axes_of_an_input_are_found(shape, expected, tmp_path):
    image = read_image_input(shape, tmp_path)
    assert (image.height_px, image.width_px, image.channels, image.channels_first) == expected


def test_hint_for_a_grey_input_without_channels_makes_a_model_that_loads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = keras.Input((28, 20))
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(image)))
    model.save("model.keras")
    with pytest.raises(ConfigError, match=r"must be photos .*, not \[None, 28, 20\]") as caught:
        load_external(tmp_path / "model.keras")
    exec(caught.value.hint.partition("save the model again: ")[2], {"keras": keras, "model": model})
    loaded = load_external(tmp_path / "FILE.keras")
    photos = np.random.default_rng(0).uniform(size=(2, 28, 20)).astype(np.float32)
    expected = np.asarray(model(photos))
    np.testing.assert_allclose(np.asarray(loaded(photos[..., None].repeat(3, axis=3))), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(None, 784), (None, None, 28), (None, 28, 3), (None, 4, 28, 28, 3)])
def test_other_inputs_have_no_hint_to_add_channels(shape, tmp_path):
    with pytest.raises(ConfigError, match="must be photos") as caught:
        read_image_input(shape, tmp_path)
    assert caught.value.hint.startswith("save the part of the network that takes photos")
