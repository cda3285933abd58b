"""What is done to raw RGB 0..255 before a network sees it: by name, or as numbers that a user states."""

import math
from dataclasses import dataclass

from edgetl.core.errors import ConfigError
from edgetl.core.network.base_table import Scaling

# Source: keras.applications.imagenet_utils.preprocess_input, Keras 3.15; means and deviations are those of ImageNet.
_TORCH_MEANS, _TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEANS = (123.68, 116.779, 103.939)


@dataclass(frozen=True, slots=True)
class Affine:
    """x * scale + offset, each one number for all channels, or a tuple of three in the order RGB."""

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

NONE = Affine(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class InputScaling:
    """One way to feed a network: what its photos are multiplied by and added to, and whether it wants BGR."""

    name: str
    numbers: Affine
    bgr: bool


# What networks are usually fed, for `stated` and to try against what was stated.
USUAL: dict[str, InputScaling] = {
    "none": InputScaling("none", NONE, bgr=False),
    "0..1": InputScaling("0..1", Affine(1 / 255, 0.0), bgr=False),
    "tf": InputScaling("tf", AFFINES["tf"], bgr=False),
    "torch": InputScaling("torch", AFFINES["torch"], bgr=False),
    "caffe": InputScaling("caffe", AFFINES["caffe"], bgr=True),
}


def list_alternatives(way: InputScaling, *, inside: bool) -> tuple[InputScaling, ...]:
    """The ways that a model may have been meant to be fed instead; where it scales inside, only the other order."""
    name = way.name.removesuffix("-bgr") if way.name.endswith("-bgr") else f"{way.name}-bgr"
    mirrored = InputScaling(name, way.numbers, bgr=not way.bgr)
    return (
        (mirrored,)
        if inside
        else (mirrored, *(usual for usual in USUAL.values() if usual.name not in (way.name, name)))
    )


def parse_scaling(text: str) -> InputScaling:
    """What `--scaling` says: none, 0..1, tf, torch, caffe, or SCALE,OFFSET, or three of each in the order RGB.

    With "-bgr" behind it the network wants the channels the other way round; caffe means BGR by itself, and
    "caffe-bgr" the same numbers for RGB.

    Raises:
        ConfigError: neither a name nor two or six finite numbers, or a scale of 0.
    """
    if text in USUAL:
        return USUAL[text]
    if text.endswith("-bgr"):
        plain = parse_scaling(text.removesuffix("-bgr"))
        return InputScaling(text, plain.numbers, bgr=not plain.bgr)
    hint = f"one of {', '.join(USUAL)}, or SCALE,OFFSET as in 0.00784,-1, or three scales and three offsets"
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"scaling {text!r} is neither a known one nor numbers", hint=hint) from None
    half = len(numbers) // 2
    if len(numbers) not in (2, 6) or not all(map(math.isfinite, numbers)) or 0 in numbers[:half]:
        raise ConfigError(f"scaling {text!r} is not two or six numbers with scales other than 0", hint=hint)
    if half == 1:
        return InputScaling(text, Affine(numbers[0], numbers[1]), bgr=False)
    return InputScaling(text, Affine(tuple(numbers[:3]), tuple(numbers[3:])), bgr=False)
