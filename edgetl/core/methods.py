"""The table of conversion methods: dtypes of weights and activations, and what each method needs.

Sizes in the summaries are relative to float32 weights.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from edgetl.core.errors import unknown_name
from edgetl.core.formats import FormatName

# Family of int8 methods with some layers in float. mixed8-4 leaves the four layers with the largest error in float, and
# mixed8-0 only layers that have no int8 kernel.
MIXED = "mixed8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A method that converts a trained model to a file for the device.

    Attributes:
        name: name in options, target files and run folders.
        weights: dtype of the weights in the file.
        activations: dtype of the activations; "float32" where the file computes in float.
        calibrated: whether activation ranges are set from calibration photos.
        formats: formats that have the method.
        summary: one line for the user.
        mixed: whether layers without an int8 kernel, and `float_layers` further ones, stay in float.
        float_layers: number of layers of an int8 file that stay in float although they have an int8 kernel.
        more_photos: whether the ranges are set from the second, larger set of calibration photos.
        adaround: whether photos decide which weights are rounded up and which down: see `network.rounding`.
        retraining: how the trained network is trained further before the conversion; see `recipe.tables.RetrainKind`.
    """

    name: str
    weights: Literal["float32", "float16", "int8"]
    activations: Literal["float32", "int8", "uint8", "int16"]
    calibrated: bool
    formats: tuple[FormatName, ...]
    summary: str
    mixed: bool = False
    float_layers: int = 0
    more_photos: bool = False
    adaround: bool = False
    retraining: Literal["", "qat", "prune", "cluster"] = ""

    @property
    def uses_shared_ranges(self) -> bool:
        """Whether the file is made from the activation ranges that all 8-bit files of a format and a model share."""
        # int16x8 is calibrated by its own conversion, because 16-bit ranges are symmetric. A retrained network has
        # other activations than the trained one, and so other ranges.
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
            summary="the trained weights as they are: the reference for all other methods",
        ),
        Method(
            name="float16",
            weights="float16",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="half the size; a CPU computes in float32",
        ),
        Method(
            name="dynamic",
            weights="int8",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="a quarter of the size; ranges are measured for every photo (ONNX: none, float): can be slower",
        ),
        Method(
            name="int8",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="a quarter of the size, integer arithmetic throughout, per-channel weights",
        ),
        # Skipped if the ranges of the two sets differ: see `calibration_audit.explain_disagreement`.
        Method(
            name="int8_more",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="int8 with ranges from a second, larger set of training photos, if both sets agree",
            more_photos=True,
        ),
        Method(
            name="int8_adaround",
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="int8 with weights rounded up or down, so that each layer outputs what it did; no training",
            adaround=True,
        ),
        Method(
            name=MIXED,
            weights="int8",
            activations="int8",
            calibrated=True,
            formats=("tflite", "onnx"),
            summary="int8 with the layers with the largest error in float, as few as needed; mixed8-4: four layers; "
            "mixed8-0: only those that have no int8 kernel",
            mixed=True,
            float_layers=1,
        ),
        # Without VNNI, x86-64 adds two products of uint8 and int8 in a saturating int16. Source: onnxruntime
        # documentation, "Quantize ONNX Models", section on S8S8 and U8U8.
        Method(
            name="int8_u8s8",
            weights="int8",
            activations="uint8",
            calibrated=True,
            formats=("onnx",),
            summary="int8 with unsigned activations, for boards that need them; saturates on x86-64 without VNNI",
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
            summary="int8 after a few epochs of quantization-aware training",
            retraining="qat",
        ),
        Method(
            name="prune",
            weights="float32",
            activations="float32",
            calibrated=False,
            formats=("tflite", "onnx"),
            summary="half of the weights are zero (--sparsity): as large as float32, smaller when compressed",
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
            summary="few different weights (--clusters): as large as float32, smaller when compressed",
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
    """Find a method by its name, which may be a variant such as mixed8-4.

    Raises:
        ConfigError: unknown name; the hint suggests similar ones.
    """
    # No leading zero: each number of layers has one name, so one stage and one file.
    variant = re.fullmatch(rf"{MIXED}-(0|[1-9]\d{{0,3}})", name)
    if variant:
        return replace(METHODS[MIXED], name=name, float_layers=int(variant[1]))
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]


def find_family(name: str) -> str:
    """Find the key of a method in the table: "mixed8" for mixed8-4, the name itself for every other method.

    Raises:
        ConfigError: unknown name; the hint suggests similar ones.
    """
    find_method(name)
    return name if name in METHODS else MIXED
