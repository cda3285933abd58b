"""SavedModel and photos → a calibrated .tflite, and from it int8 files.

The calibrated file is a float model that contains the range of every activation. Quantizing it takes half a second, so
that many variants with different float layers can be made from it.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize

from edgetl.core.errors import StageError, first_line
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.tflite.activation_ranges import has_loops, measure_ranges
from edgetl.engines.tflite.convert import CONVERTER_ERRORS, describe_cause, iterate_photos
from edgetl.engines.tflite.splits import replace_splits


def calibrate_model(saved_model: os.PathLike[str], photos: Pixels, advance: Callable[[int], None]) -> bytes:
    """Convert a SavedModel to a float .tflite with the activation ranges of the photos.

    Args:
        saved_model: exported with the input "ranged": see `keras.saved_model`.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos since the last call.

    TFLite's calibrator sees the first photo only: it marks the tensors that need a range. A network with loops has
    several graphs, and the values of a tensor change within a photo. Its ranges are those of the calibrator. Splits
    that the quantizer would quantize or not, by chance, become slices: see `splits`.

    Raises:
        StageError: the converter failed, or a layer has outputs that are not finite.
    """
    marked = run_calibrator(saved_model, islice(iterate_photos(photos), 1))
    if has_loops(marked):
        return replace_splits(run_calibrator(saved_model, iterate_photos(photos, advance)))
    return measure_ranges(replace_splits(marked), photos, advance)


def run_calibrator(saved_model: os.PathLike[str], photos: Iterable[list[np.ndarray]]) -> bytes:
    """Convert a SavedModel to a float .tflite with the ranges that TFLite's calibrator records.

    Args:
        saved_model: see `calibrate_model`.
        photos: from `convert.iterate_photos`.

    Raises:
        StageError: the converter failed.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    # The options are those of a full conversion to int8: the converter calibrates the graph that it would quantize.
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: photos
    # There is no public option to stop after the calibration. TensorFlow's quantization debugger uses this one.
    converter._experimental_calibrate_only = True
    try:
        return bytes(converter.convert())
    except CONVERTER_ERRORS as error:
        raise StageError(
            f"the TFLite converter could not calibrate: {describe_cause(error)}", where=(str(saved_model),)
        ) from error


def quantize_model(calibrated: bytes, float_layers: Sequence[str] = (), *, verify: bool = False) -> bytes:
    """Quantize a calibrated model to int8 with uint8 input and output.

    Args:
        calibrated: from `calibrate_model`.
        float_layers: names of layers that stay in float, from `layer_errors`.
        verify: add a float copy of every layer, and a NumericVerify operator that compares both outputs.

    Raises:
        StageError: the quantizer failed.
    """
    try:
        return bytes(
            mlir_quantize(
                calibrated,
                input_data_type=tf.uint8,
                output_data_type=tf.uint8,
                enable_numeric_verify=verify,
                denylisted_nodes=list(float_layers) or None,
            )
        )
    except CONVERTER_ERRORS as error:
        raise StageError(f"the TFLite quantizer failed: {first_line(error)}") from error
