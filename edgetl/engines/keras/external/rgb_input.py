"""A model from elsewhere with any image input → the same network for RGB photos: float32 [photos, height, width, 3].

Grey inputs, channels in front of the rows, integer inputs and a fixed number of photos become layers at the beginning:
- a Rescaling with the scaling that the model begins with; of an integer input, which takes raw pixels, at least x * 1,
- for a grey input, a convolution of one pixel that weights the channels as Pillow and TensorFlow do,
- for channels in front of the rows, a Permute.
Grey is computed after the scaling: scale and offset are the same for all channels, and the weights have the sum 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.core.network.input_scaling import Affine
from edgetl.engines.keras.external.scaling import find_built_in_scaling
from edgetl.engines.keras.rescaling import make_rescaling

# Source: ITU-R BT.601, as Pillow's conversion to "L" and tf.image.rgb_to_grayscale use it.
GREY_WEIGHTS = (0.299, 0.587, 0.114)
_CHANNELS = (1, 3)
# Types that can contain the raw pixel values 0..255.
_INTEGERS = ("uint8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
_FLOATS = ("float16", "bfloat16", "float32", "float64")
# Largest difference of the rebuilt model, relative to the largest output: that of another order of float32 additions.
_TOLERANCE = 1e-4
# Layers that compute along rows and columns. TensorFlow Lite has no kernels for channels in front of them.
_SPATIAL_LAYERS = (
    "Conv",
    "DepthwiseConv",
    "SeparableConv",
    "MaxPooling",
    "AveragePooling",
    "UpSampling",
    "ZeroPadding",
)


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The image input of a model.

    Attributes:
        height_px: height.
        width_px: width.
        channels: 3, or 1 for grey.
        channels_first: whether its axes are [photos, channels, height, width].
    """

    height_px: int
    width_px: int
    channels: int
    channels_first: bool

    def arrange(self, pixels: np.ndarray) -> np.ndarray:
        """Bring photos [photos, height, width, 3] whose channels are equal to the channels and axes of this input."""
        photos = pixels[..., : self.channels]
        return np.moveaxis(photos, -1, 1) if self.channels_first else photos


def read_image_input(shape: tuple[int | None, ...], path: Path) -> ImageInput:
    """Find out which axis of an input is which.

    Raises:
        ConfigError: no image, an open height or width, or another number of channels than 1 or 3.
    """
    if len(shape) != 4:
        raise ConfigError(
            f"the model's input must be photos [photos, height, width, 3], not {list(shape)}",
            where=(path,),
            hint=_describe_reshape(shape)
            or "save the part of the network that takes photos: keras.Model(image, scores).save(FILE)",
        )
    axes = [axis for axis in (3, 1) if shape[axis] in _CHANNELS]
    if not axes:
        raise ConfigError(
            f"the model's input has no axis of 1 or 3 channels: {list(shape)}",
            where=(path,),
            hint="edgetl gives a model photos in RGB or grey: train one with such an input",
        )
    channels_first = axes[0] == 1
    height, width = shape[2:] if channels_first else shape[1:3]
    if height is None or width is None:
        raise ConfigError(
            f"the model's input has no fixed size: {list(shape)}",
            where=(path,),
            hint="build the model again with keras.Input((height, width, 3)), load its weights, and save it",
        )
    channels = shape[axes[0]]
    return ImageInput(int(height), int(width), int(channels or 0), channels_first)


def _describe_reshape(shape: tuple[int | None, ...]) -> str:
    """Return how to add the axis of the channels to a grey input [photos, height, width]; "" for another input."""
    if len(shape) != 3 or None in shape[1:] or min(length or 0 for length in shape[1:]) <= max(_CHANNELS):
        return ""
    height, width = shape[1:]
    return (
        "add the axis of the channels and save the model again: "
        f"keras.Sequential([keras.Input(({height}, {width}, 1)), keras.layers.Reshape(({height}, {width})), model])"
        ".save('FILE.keras')"
    )


def take_rgb_photos(model: keras.Model, path: Path) -> keras.Model:
    """Return a model that takes float32 RGB photos with the channels last, any number of them.

    Args:
        model: functional or Sequential, with one input and one output.
        path: the model file, for messages.

    Returns:
        `model` itself if it does so already.

    Raises:
        ConfigError: an input that is no image, or a network that computes with the channels in front of the rows or
            with one fixed number of photos.
    """
    tensor = model.inputs[0]
    image = read_image_input(tuple(tensor.shape), path)
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if dtype not in (*_INTEGERS, *_FLOATS):
        raise ConfigError(
            f"the model's input is {dtype}, which cannot contain the pixel values 0..255",
            where=(path,),
            hint="build the model again with a float32 or uint8 input, load its weights, and save it",
        )
    _check_channels_last(model, path)
    if image.channels == 3 and not image.channels_first and tensor.shape[0] is None and dtype not in _INTEGERS:
        return model
    functional = keras.Model(tensor, model.outputs[0])
    try:
        rebuilt = _rebuild(functional, image, takes_raw_pixels=dtype in _INTEGERS)
        difference = _measure_difference(functional, rebuilt, image)
    # A layer that cannot compute with another number of photos may raise anything, backend's own classes included.
    except Exception as error:
        raise _make_error(list(tensor.shape), dtype, path) from error
    if not difference <= _TOLERANCE:
        raise _make_error(list(tensor.shape), dtype, path)
    return rebuilt


def _make_error(shape: list[int | None], dtype: str, path: Path) -> ConfigError:
    return ConfigError(
        f"the network cannot be moved from its input {dtype} {shape} to one for RGB photos",
        where=(path,),
        hint="build the model again with keras.Input((height, width, 3)), load its weights, and save it",
    )


def _rebuild(model: keras.Model, image: ImageInput, *, takes_raw_pixels: bool) -> keras.Model:
    built_in = find_built_in_scaling(model)
    affine = built_in.affine if built_in else Affine(1.0, 0.0)
    # Three values on another axis than the last of three channels are no scaling of channels.
    triple = isinstance(affine.scale, tuple) or isinstance(affine.offset, tuple)
    movable = not triple or (image.channels == 3 and not image.channels_first)
    rest = model
    if built_in and movable:
        rest = keras.Model(built_in.output, model.outputs[0])
    photo = keras.Input((image.height_px, image.width_px, 3))
    tensor = photo
    if takes_raw_pixels or (built_in and movable):
        tensor = make_rescaling(affine if movable else Affine(1.0, 0.0))(tensor)
    if image.channels == 1:
        grey = keras.layers.Conv2D(1, 1, use_bias=False, name="grey")
        tensor = grey(tensor)
        grey.set_weights([np.array(GREY_WEIGHTS, np.float32).reshape(1, 1, 3, 1)])
    if image.channels_first:
        tensor = keras.layers.Permute((3, 1, 2), name="channels_first")(tensor)
    return keras.Model(photo, _open_input(rest)(tensor))


def _open_input(model: keras.Model) -> keras.Model:
    """Return a copy of a model with a float32 input for any number of photos."""
    tensor = keras.Input(model.inputs[0].shape[1:], name="network_input")
    copy = keras.models.clone_model(model, input_tensors=tensor)
    copy.set_weights(model.get_weights())
    copy.name = "network"
    return copy


def _measure_difference(model: keras.Model, rebuilt: keras.Model, image: ImageInput) -> float:
    """Return the largest difference of two models on random grey photos, relative to the largest output."""
    shape = (2, image.height_px, image.width_px, 1)
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32).repeat(3, axis=3)
    dtype = keras.backend.standardize_dtype(model.inputs[0].dtype)
    photos = image.arrange(pixels).astype(dtype if dtype in _INTEGERS else np.float32)
    # As many photos at a time as the input has, and one where that is open. The rebuilt model takes both at once.
    count = model.inputs[0].shape[0] or 1
    batches = [np.repeat(photo[None], count, axis=0) for photo in photos]
    expected = np.stack([np.asarray(model.predict_on_batch(batch))[0] for batch in batches])
    scores = np.asarray(rebuilt.predict_on_batch(pixels))
    return float(np.abs(scores - expected).max() / max(float(np.abs(expected).max()), 1e-12))


def _check_channels_last(model: keras.Model, path: Path) -> None:
    for layer in _iterate_layers(model):
        kind = type(layer).__name__
        if getattr(layer, "data_format", "") == "channels_first" and kind.startswith(_SPATIAL_LAYERS):
            raise ConfigError(
                f"layer {layer.name!r} ({kind}) computes with data_format 'channels_first', which devices cannot do",
                where=(path,),
                hint="build the same network with data_format='channels_last', copy its weights layer by layer with "
                "set_weights, and save it",
            )


def _iterate_layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model and of the models nested in it."""
    for layer in model.layers:
        yield from _iterate_layers(layer) if isinstance(layer, keras.Model) else (layer,)
