"""A calibrated .tflite file and photos → the quantization error of every layer."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.network.quantization import compare_outputs, quantize_pixels, summarize_layer_errors
from edgetl.core.parallel import predict_in_parallel, predict_one_by_one
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
    content = quantize_model(calibrated, verify=True)
    tensors, pairs, operators = _list_pairs(_open(content))

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = _open(content)

        def predict_photo(photo: np.ndarray) -> np.ndarray:
            _predict_photo(interpreter, photo)
            return compare_outputs([_read_outputs(interpreter, tensors, *pair) for pair in pairs])

        return predict_one_by_one(photos, chunks, predict_photo, lambda _: None)

    # `quantize_model` identifies layers by the names of the float model, which the float copies have.
    names = [
        (str(tensors[floats]["name"]), operators[integers], float(tensors[integers]["quantization"][0]))
        for integers, floats in pairs
    ]
    return summarize_layer_errors(predict_in_parallel(len(photos), predict_chunks), names)


def _open(content: bytes) -> Interpreter:
    # All outputs must be readable afterwards. A delegate would hide the tensors between its operators, and by default
    # LiteRT reuses the memory of a tensor after its last consumer.
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=runtime.WITHOUT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


def _list_pairs(interpreter: Interpreter) -> tuple[dict[int, Any], list[tuple[int, int]], dict[int, str]]:
    """List the tensors, the integer and the float output of each layer, and the operator that makes each tensor."""
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    nodes = interpreter._get_ops_details()
    operators = {int(output): str(node["op_name"]) for node in nodes for output in node["outputs"]}
    # Each NumericVerify reads the integer output of a layer and the output of its float version.
    verified = [node["inputs"] for node in nodes if node["op_name"] == "NumericVerify"]
    return tensors, [(int(integers), int(floats)) for integers, floats in verified], operators


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
