"""SavedModel → .tflite, with the weights and activations of a method."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from edgetl.core.errors import StageError, first_line
from edgetl.core.methods import Method
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.keras.saved_model import InputKind

# What the converter and the quantizer raise.
CONVERTER_ERRORS = (ValueError, RuntimeError, tf.errors.OpError, ConverterError)
# How the converter names operators of TensorFlow that TFLite lacks, at the end of a long message.
_MISSING_OPERATORS = re.compile(r"^TF Select ops: (?P<names>.+?)\s*$", re.MULTILINE)


def choose_input_kind(method: Method) -> InputKind:
    """Choose the input of the SavedModel that a method converts: see `keras.saved_model`."""
    kinds: dict[str, InputKind] = {"float32": "uint8", "int8": "ranged", "int16": "float32"}
    return kinds[method.activations]


def convert_saved_model(saved_model: Path, method: Method, calibration: Pixels | None) -> bytes:
    """Convert a SavedModel.

    Args:
        saved_model: exported with the input `choose_input_kind(method)`.
        method: dtypes of weights and activations.
        calibration: photos that set the activation ranges; None for methods that need none.

    Returns:
        The content of the .tflite file.

    Raises:
        StageError: the converter failed.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    # Weights become float16 with this optimization and a supported type of float16, int8 with the optimization alone.
    if method.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if method.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if method.calibrated:
        assert calibration is not None
        converter.representative_dataset = lambda: iterate_photos(calibration)
    if method.activations == "int8":
        # With TFLITE_BUILTINS, the converter silently leaves operators in float for which it has no integer version.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    if method.activations == "int16":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    try:
        return bytes(converter.convert())
    except CONVERTER_ERRORS as error:
        raise StageError(
            f"the TFLite converter could not make {method.name}: {describe_cause(error)}", where=(saved_model,)
        ) from error


def describe_cause(error: Exception) -> str:
    """Describe the cause of an error of the converter in one line."""
    missing = _MISSING_OPERATORS.search(str(error))
    return f"TFLite has no operator {missing['names']}" if missing else first_line(error)


def iterate_photos(photos: Pixels, advance: Callable[[int], None] = lambda _: None) -> Iterator[list[np.ndarray]]:
    """Yield photos as a representative dataset: one float32 [1, side, side, 3] of 0..255 at a time.

    Args:
        photos: uint8 [photos, height, width, 3].
        advance: called with 1 after the converter has used a photo.
    """
    for index in range(len(photos)):
        yield [photos.rows([index]).astype(np.float32)]
        advance(1)


def make_smallest_model() -> bytes:
    """Make a .tflite file with one dense layer, for a check that the kernels start."""
    weights = tf.constant(np.ones((8, 8), np.float32))
    multiply = tf.function(lambda x: tf.matmul(x, weights)).get_concrete_function(tf.TensorSpec((1, 8), tf.float32))
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([multiply]).convert())
