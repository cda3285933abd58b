"""A calibrated .tflite file and photos → the quantization error of every layer."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.network.quantization import LayerErrorSum, quantize_pixels
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import LayerError
from edgetl.engines.tflite import runtime
from edgetl.engines.tflite.calibrate import quantize_model


def measure_layer_errors(calibrated: bytes, photos: Pixels) -> tuple[LayerError, ...]:
    """Measure the quantization error of every layer, largest first.

    Each quantized layer is compared with a float copy that has the same input: the dequantized output of the quantized
    layers before it. So errors of earlier layers do not count.

    Args:
        calibrated: from `calibrate.calibrate_model`.
        photos: uint8 [photos, height, width, 3]; not the photos that set the ranges.

    Raises:
        StageError: the quantizer failed.

    Source: TensorFlow's quantization debugger.
    """
    # All outputs must be readable afterwards. A delegate would hide the tensors between its operators, and by default
    # LiteRT reuses the memory of a tensor after its last consumer.
    interpreter = Interpreter(
        model_content=quantize_model(calibrated, verify=True),
        experimental_op_resolver_type=runtime.WITHOUT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    nodes = interpreter._get_ops_details()
    operators = {int(output): node["op_name"] for node in nodes for output in node["outputs"]}
    # Each NumericVerify reads the integer output of a layer and the output of its float version.
    pairs = [tuple(map(int, node["inputs"])) for node in nodes if node["op_name"] == "NumericVerify"]
    errors = LayerErrorSum(len(pairs))
    for row in range(len(photos)):
        _predict_photo(interpreter, photos.rows([row]))
        errors.add([_read_outputs(interpreter, tensors, integers, floats) for integers, floats in pairs])
    # `quantize_model` identifies layers by the names of the float model, which the float copies have.
    return errors.finish(
        [
            (str(tensors[floats]["name"]), str(operators[integers]), float(tensors[integers]["quantization"][0]))
            for integers, floats in pairs
        ]
    )


def _predict_photo(interpreter: Interpreter, photo: np.ndarray) -> None:
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], quantize_pixels(photo, image["quantization"], image["dtype"]))
    interpreter.invoke()


def _read_outputs(
    interpreter: Interpreter, tensors: dict[int, Any], integers: int, floats: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read the float output of a layer in quantization steps, and its integer output."""
    scale, zero_point = tensors[integers]["quantization"]
    return interpreter.get_tensor(floats) / scale + zero_point, interpreter.get_tensor(integers)
