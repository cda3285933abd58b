"""Predicts photos with a .tflite file on the kernels of TensorFlow Lite Micro, and reads back what it allocates.

The package on PyPI contains the reference kernels. A microcontroller with CMSIS-NN or ESP-NN has faster kernels, which
are meant to give the same integers. Source: https://github.com/ARM-software/CMSIS-NN#readme, "bit-exact".
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro import runtime

from edgetl.core.device.host_latency import measure_host_latency
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.network.quantization import dequantize, quantize_pixels
from edgetl.core.parallel import Predictions, predict_in_parallel, predict_one_by_one
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular

# The package allocates the arena on the heap. Float activations of a large network at a large side take most.
ARENA_BYTES = 256 * 2**20


def predict_on_tflm(path: Path, photos: Pixels, advance: Callable[[int], None]) -> Predictions:
    """Predict photos with a .tflite file.

    Args:
        path: a file with one image input of batch 1. Its first output is that of the classes.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos of each chunk, from several threads.

    Raises:
        ConfigError: the input of the file does not match the photos.
        StageError: TensorFlow Lite Micro lacks an operator or a dtype of the file.
    """
    content = read_regular(path, LARGEST_MODEL_BYTES)
    interpreters: list[runtime.Interpreter] = []

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = open_tflm_interpreter(content, path)
        interpreters.append(interpreter)
        image = interpreter.get_input_details(0)
        expected, shape = (1, *photos.input_spec.shape), tuple(map(int, image["shape"]))
        if shape != expected:
            raise ConfigError(f"the model's input is {shape}, the photos are {expected}", where=(path,))
        scaling = read_quantization(image)

        def predict_photo(photo: np.ndarray) -> np.ndarray:
            interpreter.set_input(quantize_pixels(photo, scaling, image["dtype"]), 0)
            try:
                interpreter.invoke()
            except RuntimeError as error:
                raise StageError(
                    f"TensorFlow Lite Micro cannot predict a photo: {error}",
                    where=(path,),
                    hint="its reason is in log.txt; files of int8 methods run",
                ) from error
            # The array belongs to the interpreter, which overwrites it.
            output: np.ndarray = interpreter.get_output(0)[0].copy()
            return output

        return predict_one_by_one(photos, chunks, predict_photo, advance)

    raw = predict_in_parallel(len(photos), predict_chunks)
    first = interpreters[0]
    return Predictions(
        raw=raw,
        scores=dequantize(raw, *read_quantization(first.get_output_details(0))),
        latency=measure_host_latency(first.invoke),
        accelerated=False,
    )


def open_tflm_interpreter(content: bytes, path: Path, arena_bytes: int = ARENA_BYTES) -> runtime.Interpreter:
    """Open a .tflite file.

    Args:
        content: of the file.
        path: of the file, for errors.
        arena_bytes: size of the arena.

    Raises:
        StageError: TensorFlow Lite Micro lacks an operator or a dtype of the file, or the arena is too small. It
            prints the reason to stderr.
    """
    try:
        return runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
    except RuntimeError as error:
        raise StageError(
            f"TensorFlow Lite Micro cannot run the file: {error}", where=(path,), hint="its reason is in log.txt"
        ) from error


def read_quantization(details: dict[str, dict[str, np.ndarray]]) -> tuple[float, int]:
    """Return scale and zero point of a tensor; 0 and 0 for one that is not quantized."""
    parameters = details["quantization_parameters"]
    if not len(parameters["scales"]):
        return 0.0, 0
    return float(parameters["scales"][0]), int(parameters["zero_points"][0])
