"""The table of conversion methods: what each does to weights and activations, and what it needs.

Size is relative to float32 weights. Source of the size column: bits per weight over 32.
"""

from dataclasses import dataclass
from typing import Literal

from edgetl.core.errors import unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One way from a trained model to a file for the device."""

    name: str
    weights: Literal["float32", "float16", "int8"]
    activations: Literal["float32", "int8", "int16"]
    calibrated: bool
    formats: tuple[str, ...]
    summary: str
    # What is done to the trained network before: see `retraining.Kind`.
    retrained: Literal["", "qat", "prune", "cluster"] = ""


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="float32",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite",),
            summary="the trained numbers as they are: the yardstick",
        ),
        Method(
            name="float16",
            weights="float16",
            activations="float32",
            calibrated=False,
            formats=("tflite",),
            summary="half the size, computed in float32 on a CPU",
        ),
        Method(
            name="dynamic",
            weights="int8",
            activations="float32",
            calibrated=False,
            formats=("tflite",),
            summary="a quarter of the size; ranges measured anew for every photo, so it can be slower",
        ),
        Method(
            name="int8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite",),
            summary="a quarter of the size, integer arithmetic throughout, per-channel weights",
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
            formats=("tflite",),
            summary="int8 after a few more epochs of training with its rounding in the loop",
            retrained="qat",
        ),
        Method(
            name="prune",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite",),
            summary="half of the weights zero (--sparsity): as large as float32, smaller once compressed",
            retrained="prune",
        ),
        Method(
            name="prune8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite",),
            summary="pruned, then int8",
            retrained="prune",
        ),
        Method(
            name="cluster",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite",),
            summary="few different weights (--clusters): as large as float32, smaller once compressed",
            retrained="cluster",
        ),
        Method(
            name="cluster8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite",),
            summary="clustered, then int8",
            retrained="cluster",
        ),
    )
}


def find(name: str) -> Method:
    """The method of that name.

    Raises:
        ConfigError: unknown name, with the closest known ones.
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return METHODS[name]
