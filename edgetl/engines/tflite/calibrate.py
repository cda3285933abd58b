"""A SavedModel and photos → a calibrated file; from it int8 files, and what each layer of them gets wrong.

Calibration takes nearly all the time of a static quantization. The calibrated file is float, with the range of every
activation in it: it quantizes in half a second, as often as needed and with any layers left in float.
"""

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tensorflow.lite.python.convert import mlir_quantize

from edgetl.core.errors import StageError, first_line
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError

_VERIFY = "NumericVerify"
# Half a step over the ends of int8 is rounding, more is saturation.
_LOWEST, _HIGHEST = -128.5, 127.5
_ERRORS = (ValueError, RuntimeError, tf.errors.OpError)


def calibrate_model(saved_model: os.PathLike[str], photos: Pixels, advance: Callable[[int], None]) -> bytes:
    """The model as a float .tflite with the ranges that its activations had on the photos.

    Args:
        saved_model: exported with the kind "ranged": see `savedmodel`.
        photos: uint8 [photos, side, side, 3].
        advance: told how many more photos are done.

    Raises:
        StageError: the converter failed.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: _one_by_one(photos, advance)
    # What TensorFlow's own quantization debugger does; there is no public name for "calibrate and stop".
    converter._experimental_calibrate_only = True
    try:
        return bytes(converter.convert())
    except _ERRORS as error:
        raise StageError(
            f"the TFLite converter could not calibrate: {first_line(error)}", where=(str(saved_model),)
        ) from error


def quantize_model(model: bytes, float_layers: Sequence[str] = ()) -> bytes:
    """An int8 .tflite with uint8 at both ends.

    Args:
        model: what `calibrated` gave.
        float_layers: layers that go on computing in float, by the names that `layer_errors` gives them.

    Raises:
        StageError: the converter failed.
    """
    return _quantized(model, float_layers, verify=False)


def measure_layer_errors(model: bytes, photos: Pixels) -> tuple[LayerError, ...]:
    """What quantization does to every layer, the worst first.

    Each quantized layer is compared with its float twin, both given what the quantized layers below them answered: the
    error is that layer's own.

    Args:
        model: what `calibrated` gave.
        photos: uint8 [photos, side, side, 3], other ones than those that set the ranges.

    Source: TensorFlow's quantization debugger; the error in steps of the output is its RMSE / scale, which for rounding
    alone is 1 / sqrt(12) = 0.29.
    """
    interpreter = Interpreter(
        model_content=_quantized(model, (), verify=True),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    nodes = interpreter._get_ops_details()
    makers = {int(output): node["op_name"] for node in nodes for output in node["outputs"]}
    checks = [node for node in nodes if node["op_name"] == _VERIFY]
    (taken,) = interpreter.get_input_details()
    squares, beyond = np.zeros(len(checks)), np.zeros(len(checks))
    for row in range(len(photos)):
        scale, zero_point = taken["quantization"]
        limits = np.iinfo(taken["dtype"])
        pixels = np.clip(np.rint(photos.rows([row]) / scale) + zero_point, limits.min, limits.max)
        interpreter.set_tensor(taken["index"], pixels.astype(taken["dtype"]))
        interpreter.invoke()
        for place, node in enumerate(checks):
            integers, floats = (int(index) for index in node["inputs"])
            step, zero = tensors[integers]["quantization"]
            steps = interpreter.get_tensor(floats) / step + zero
            squares[place] += np.mean((steps - interpreter.get_tensor(integers)) ** 2)
            beyond[place] += np.mean((steps < _LOWEST) | (steps > _HIGHEST))
    found = [
        LayerError(
            # The float twin has kept the name that the quantizer knows.
            name=str(tensors[int(node["inputs"][1])]["name"]),
            operator=str(makers[int(node["inputs"][0])]),
            scale=float(tensors[int(node["inputs"][0])]["quantization"][0]),
            error_steps=round(float(np.sqrt(squares[place] / len(photos))), 4),
            saturated=round(float(beyond[place] / len(photos)), 6),
        )
        for place, node in enumerate(checks)
    ]
    return tuple(sorted(found, key=lambda layer: (-layer.error_steps, layer.name)))


def _quantized(model: bytes, float_layers: Sequence[str], *, verify: bool) -> bytes:
    try:
        return bytes(
            mlir_quantize(
                model,
                input_data_type=tf.uint8,
                output_data_type=tf.uint8,
                enable_numeric_verify=verify,
                denylisted_nodes=list(float_layers) or None,
            )
        )
    except _ERRORS as error:
        raise StageError(f"the TFLite quantizer failed: {first_line(error)}") from error


def _one_by_one(photos: Pixels, advance: Callable[[int], None]) -> Iterator[list[np.ndarray]]:
    for index in range(len(photos)):
        yield [photos.rows([index]).astype(np.float32)]
        advance(1)
