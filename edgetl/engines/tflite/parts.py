"""Runs parts of a .tflite file on photos."""

from collections.abc import Callable

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.network.quantization import quantize_pixels
from edgetl.core.parallel import predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels


def compute_part(content: bytes, photos: Pixels, gather: Callable[[int, list[np.ndarray]], np.ndarray]) -> np.ndarray:
    """Run a file on XNNPACK, and gather values of its outputs: [photos, ...].

    Args:
        content: of the file.
        photos: uint8 [photos, height, width, 3].
        gather: from the position of a photo and the outputs for it, with their batch axis.
    """

    def compute_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        (image,) = interpreter.get_input_details()
        indices = [output["index"] for output in interpreter.get_output_details()]
        results = []
        for rows in chunks:
            values = []
            for row, photo in zip(rows, photos.rows(rows), strict=True):
                pixels = quantize_pixels(photo[None], image["quantization"], image["dtype"])
                interpreter.set_tensor(image["index"], pixels)
                interpreter.invoke()
                values.append(gather(int(row), [interpreter.get_tensor(index) for index in indices]))
            results.append(np.stack(values))
        return results

    return predict_in_parallel(len(photos), compute_chunks)
