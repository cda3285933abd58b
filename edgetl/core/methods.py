"""The table of conversion methods: what each does to weights and activations, and what it needs.

Size is relative to float32 weights. Source of the size column: bits per weight over 32.
"""

from dataclasses import dataclass
from typing import Literal

from edgetl.core.errors import unknown
from edgetl.core.formats import FormatName


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One way from a trained model to a file for the device."""

    name: str
    weights: Literal["float32", "float16", "int8"]
    activations: Literal["float32", "int8", "uint8", "int16"]
    calibrated: bool
    formats: tuple[FormatName, ...]
    summary: str


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
            name="int8-u8s8",
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
