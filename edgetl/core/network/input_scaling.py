"""Scalings of raw RGB 0..255 to the values that a network expects: named ones, or numbers that a user states."""

import math
from dataclasses import dataclass

from edgetl.core.errors import ConfigError
from edgetl.core.network.base_network import Scaling

# Source: keras.applications.imagenet_utils.preprocess_input, Keras 3.15; means and deviations are those of ImageNet.
_TORCH_MEANS, _TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEANS = (123.68, 116.779, 103.939)


@dataclass(frozen=True, slots=True)
class Affine:
    """x * scale + offset: each is one number for all channels, or three in the order RGB."""

    scale: float | tuple[float, ...]
    offset: float | tuple[float, ...]


AFFINES: dict[Scaling, Affine] = {
    "tf": Affine(1 / 127.5, -1.0),
    "torch": Affine(
        tuple(1 / (255 * deviation) for deviation in _TORCH_DEVIATIONS),
        tuple(-mean / deviation for mean, deviation in zip(_TORCH_MEANS, _TORCH_DEVIATIONS, strict=True)),
    ),
    "caffe": Affine(1.0, tuple(-mean for mean in _CAFFE_MEANS)),
}


@dataclass(frozen=True, slots=True)
class InputScaling:
    """Preprocessing of a network outside of it: scale and offset, and whether its channels are in the order BGR."""

    name: str
    affine: Affine
    bgr: bool


# Common preprocessing of networks: the names that --scaling takes, and the alternatives to a stated scaling.
COMMON_SCALINGS: dict[str, InputScaling] = {
    "none": InputScaling("none", Affine(1.0, 0.0), bgr=False),
    "0..1": InputScaling("0..1", Affine(1 / 255, 0.0), bgr=False),
    "tf": InputScaling("tf", AFFINES["tf"], bgr=False),
    "torch": InputScaling("torch", AFFINES["torch"], bgr=False),
    "caffe": InputScaling("caffe", AFFINES["caffe"], bgr=True),
}


def list_alternatives(scaling: InputScaling, *, built_in: bool) -> tuple[InputScaling, ...]:
    """List scalings that the user may have meant instead: the other channel order, then all common scalings.

    Args:
        scaling: the stated scaling.
        built_in: whether the model scales its input itself; then only the channel order can be wrong.
    """
    name = scaling.name.removesuffix("-bgr") if scaling.name.endswith("-bgr") else f"{scaling.name}-bgr"
    reversed_channels = InputScaling(name, scaling.affine, bgr=not scaling.bgr)
    if built_in:
        return (reversed_channels,)
    further = (common for common in COMMON_SCALINGS.values() if common.name not in (scaling.name, name))
    return (reversed_channels, *further)


def parse_scaling(text: str) -> InputScaling:
    """Parse the value of --scaling: a common scaling, or SCALE,OFFSET, or three scales and three offsets for R, G, B.

    The suffix "-bgr" reverses the channel order: of "caffe", which is BGR, "caffe-bgr" is the same scaling for RGB.

    Raises:
        ConfigError: neither a name nor two or six finite numbers, or a scale of 0.
    """
    if text in COMMON_SCALINGS:
        return COMMON_SCALINGS[text]
    if text.endswith("-bgr"):
        scaling = parse_scaling(text.removesuffix("-bgr"))
        return InputScaling(text, scaling.affine, bgr=not scaling.bgr)
    hint = f"one of {', '.join(COMMON_SCALINGS)}, or SCALE,OFFSET as in 0.00784,-1, or three scales and three offsets"
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--scaling {text!r} is neither a name nor numbers", hint=hint) from None
    half = len(numbers) // 2
    if len(numbers) not in (2, 6) or not all(map(math.isfinite, numbers)) or 0 in numbers[:half]:
        raise ConfigError(f"--scaling {text!r} is not two or six numbers with scales other than 0", hint=hint)
    if half == 1:
        return InputScaling(text, Affine(numbers[0], numbers[1]), bgr=False)
    return InputScaling(text, Affine(tuple(numbers[:3]), tuple(numbers[3:])), bgr=False)
