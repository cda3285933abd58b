"""A float32 file on LiteRT, with interpreters of one thread each. It imports no TensorFlow: a worker starts at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.storage.feature_store import Rows

# Photos in one invocation. Measured on MobileNetV2: 1 to 4 are equally fast, 8 and more are slower.
BATCH_SIZE = 4


class LiteRtPool:
    """Interpreters of one file, whose batch size is `BATCH_SIZE`.

    Args:
        content: the file.
        threads: how many of them run at once.
    """

    def __init__(self, content: bytes, threads: int) -> None:
        self.content = content
        self._threads = threads
        self._idle = [self._open() for _ in range(threads)]
        self._lock = threading.Lock()

    def run(
        self,
        rows: np.ndarray,
        pixels: Callable[[np.ndarray], np.ndarray],
        outputs: list[Rows],
        advance: Callable[[int], None],
    ) -> None:
        """Compute the outputs of some photos.

        Args:
            rows: int64 [photos].
            pixels: function from rows to uint8 [rows, height, width, 3].
            outputs: float32 [photos, …] for each output of the file, written in place.
            advance: called with the number of photos in each finished batch.
        """

        def compute_batch(start: int) -> None:
            chunk = rows[start : start + BATCH_SIZE]
            # The last batch is filled up with repeated photos, whose features are dropped.
            batch = self._invoke(pixels(np.resize(chunk, BATCH_SIZE)))
            for output, features in zip(outputs, batch, strict=True):
                output[start : start + len(chunk)] = features[: len(chunk)]
            advance(len(chunk))

        with ThreadPoolExecutor(self._threads) as pool:
            # Reading the results raises the errors of the threads.
            for _ in pool.map(compute_batch, range(0, len(rows), BATCH_SIZE)):
                pass

    def list_shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of each output for one photo."""
        with self._lock:
            details = _sort_outputs(self._idle[0])
        return [tuple(int(length) for length in output["shape"][1:]) for output in details]

    def _invoke(self, photos: np.ndarray) -> list[np.ndarray]:
        # An interpreter must not be used by two threads. There are as many as threads, so one is always idle.
        with self._lock:
            interpreter = self._idle.pop()
        try:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photos)
            interpreter.invoke()
            return [interpreter.get_tensor(output["index"]) for output in _sort_outputs(interpreter)]
        finally:
            with self._lock:
                self._idle.append(interpreter)

    def _open(self) -> Interpreter:
        interpreter = Interpreter(model_content=self.content, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


def _sort_outputs(interpreter: Interpreter) -> list[dict]:
    # The names are in the order of the outputs, Identity before Identity_1. The list may be in another order.
    return sorted(interpreter.get_output_details(), key=lambda output: output["name"])
