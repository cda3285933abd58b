"""The table of conversion methods: what each does to weights and activations, and what it needs.

Sizes are relative to float32 weights.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from edgetl.core.errors import unknown_name
from edgetl.core.formats import FormatName

# The family of int8 files with some layers in float: mixed8-4 leaves the four that suffer most.
MIXED = "mixed8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One way from a trained model to a file for the device.

    `float_layers` of an int8 file go on in float; `more_photos` sets its ranges by other and more photos.
    """

    name: str
    weights: Literal["float32", "float16", "int8"]
    activations: Literal["float32", "int8", "uint8", "int16"]
    calibrated: bool
    formats: tuple[FormatName, ...]
    summary: str
    float_layers: int = 0
    more_photos: bool = False
    # What is done to the trained network before: see `recipe.Kind`.
    retraining: Literal["", "qat", "prune", "cluster"] = ""

    @property
    def uses_shared_ranges(self) -> bool:
        """Whether its file comes out of the ranges that all 8-bit files of a format and a trained model share."""
        return self.calibrated and self.activations != "int16" and not self.retraining


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="float32",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="the trained numbers as they are: the yardstick",
        ),
        Method(
            name="float16",
            weights="float16",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="half the size, computed in float32 on a CPU",
        ),
        Method(
            name="dynamic",
            weights="int8",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="a quarter of the size; ranges measured anew for every photo (ONNX: none, floats): can be slower",
        ),
        Method(
            name="int8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="a quarter of the size, integer arithmetic throughout, per-channel weights",
        ),
        Method(
            name="int8_more",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="int8 with ranges from other and more training photos, where both sets agree",
            more_photos=True,
        ),
        Method(
            name=MIXED,
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="int8 with the layers that suffer most in float, as few as it takes; mixed8-4 is four of them",
            float_layers=1,
        ),
        Method(
            name="int8_u8s8",
            weights="int8",
            activations="uint8",
            calibrated=True,
            formats=("onnx",),
            summary="int8 with unsigned activations, for boards that ask: saturates on x86-64 without VNNI",
        ),
        Method(
            name="int16x8",
            weights="int8",
            activations="int16",
            calibrated=True,
            formats=("tflite",),
            summary="int8 weights, 16-bit activations: close to float accuracy, few fast kernels",
        ),
        Method(
            name="qat8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="int8 after a few more epochs of training with its rounding in the loop",
            retraining="qat",
        ),
        Method(
            name="prune",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="half of the weights zero (--sparsity): as large as float32, smaller once compressed",
            retraining="prune",
        ),
        Method(
            name="prune8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="pruned, then int8",
            retraining="prune",
        ),
        Method(
            name="cluster",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="few different weights (--clusters): as large as float32, smaller once compressed",
            retraining="cluster",
        ),
        Method(
            name="cluster8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="clustered, then int8",
            retraining="cluster",
        ),
    )
}


def find_method(name: str) -> Method:
    """The method of that name.

    Raises:
        ConfigError: unknown name, with the closest known ones.
    """
    numbered = re.fullmatch(rf"{MIXED}-([1-9]\d{{0,3}})", name)
    if numbered:
        return replace(METHODS[MIXED], name=name, float_layers=int(numbered[1]))
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]


def find_family(name: str) -> str:
    """The row of the table that a method stands in: mixed8 for mixed8-4, its own otherwise."""
    find_method(name)
    return name if name in METHODS else MIXED
