"""Computes the frozen layers on LiteRT in float32, with one interpreter of one thread for each core."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from edgetl.core import machine
from edgetl.core.evaluation.agreement import check_close
from edgetl.core.storage.feature_store import Rows
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.frozen_features import PixelRows, list_outputs

# Photos in one invocation. Measured on MobileNetV2: 1 to 4 are equally fast, 8 and more are slower.
_BATCH_SIZE = 4
# Largest allowed difference from Keras, relative to the largest value.
_TOLERANCE = 1e-4
_DIFFERENCE_ERROR = (
    "LiteRT's features differ from Keras's, as fractions of the largest value",
    "train with --no-feature-cache, and report the network to the developers of edgetl",
)


def make_checked_program(network: keras.Model, pixels: np.ndarray) -> "LiteRtProgram":
    """Convert the frozen layers, and compare their features with Keras's.

    Args:
        network: the frozen layers.
        pixels: uint8 [photos, height, width, 3], the photos to compare on.

    Raises:
        StageError: the largest difference is more than 1e-4 of the largest value.
    """
    program = LiteRtProgram(network)
    expected = list_outputs(network.predict_on_batch(pixels))
    outputs = [np.empty(features.shape, np.float32) for features in expected]
    program.run(np.arange(len(pixels)), lambda rows: pixels[rows], outputs, lambda _: None)
    for features, reference in zip(outputs, expected, strict=True):
        # The lower bound prevents a division by 0 if all features are 0.
        largest = max(float(np.abs(reference).max()), 1e-12)
        check_close(features / largest, reference / largest, _TOLERANCE, error=_DIFFERENCE_ERROR)
    return program


class LiteRtProgram:
    """The frozen layers on LiteRT: a `frozen_features.Program`."""

    def __init__(self, network: keras.Model) -> None:
        height_px, width_px = keras_model.read_input_size(network)

        def serve(image: tf.Tensor) -> list[tf.Tensor]:
            return list_outputs(network(image, training=False))

        # The batch size is fixed, because LiteRT would allocate its tensors again for another one.
        signature = tf.TensorSpec((_BATCH_SIZE, height_px, width_px, 3), tf.uint8, name="image")
        function = tf.function(serve).get_concrete_function(signature)
        self._content = bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
        # Counted once: the cores of a process may change while it runs.
        self._threads = machine.count_cores()
        self._idle = [self._open() for _ in range(self._threads)]
        self._lock = threading.Lock()

    def run(self, rows: np.ndarray, pixels: PixelRows, outputs: list[Rows], advance: Callable[[int], None]) -> None:
        """Compute the features of some rows of a view: see `frozen_features.Program`."""

        def compute_batch(start: int) -> None:
            chunk = rows[start : start + _BATCH_SIZE]
            # The last batch is filled up with repeated photos, whose features are dropped.
            batch = self._invoke(pixels(np.resize(chunk, _BATCH_SIZE)))
            for output, features in zip(outputs, batch, strict=True):
                output[start : start + len(chunk)] = features[: len(chunk)]
            advance(len(chunk))

        with ThreadPoolExecutor(self._threads) as pool:
            # Reading the results raises the errors of the threads.
            for _ in pool.map(compute_batch, range(0, len(rows), _BATCH_SIZE)):
                pass

    def _invoke(self, photos: np.ndarray) -> list[np.ndarray]:
        # An interpreter must not be used by two threads. There are as many as threads, so one is always idle.
        with self._lock:
            interpreter = self._idle.pop()
        try:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photos)
            interpreter.invoke()
            # The names are in the order of the outputs, Identity before Identity_1. The list may be in another order.
            details = sorted(interpreter.get_output_details(), key=lambda output: output["name"])
            return [interpreter.get_tensor(output["index"]) for output in details]
        finally:
            with self._lock:
                self._idle.append(interpreter)

    def _open(self) -> Interpreter:
        interpreter = Interpreter(model_content=self._content, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter
