"""Computes the frozen layers on LiteRT in float32, with one interpreter of one thread for each core."""

import keras
import numpy as np
import tensorflow as tf

from edgetl.core import machine
from edgetl.core.evaluation.agreement import check_close
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.frozen_features import list_outputs
from edgetl.engines.litert_pool import BATCH_SIZE, LiteRtPool

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


class LiteRtProgram(LiteRtPool):
    """The frozen layers on LiteRT: a `frozen_features.Program`."""

    def __init__(self, network: keras.Model) -> None:
        height_px, width_px = keras_model.read_input_size(network)

        def serve(image: tf.Tensor) -> list[tf.Tensor]:
            return list_outputs(network(image, training=False))

        # The batch size is fixed, because LiteRT would allocate its tensors again for another one.
        signature = tf.TensorSpec((BATCH_SIZE, height_px, width_px, 3), tf.uint8, name="image")
        function = tf.function(serve).get_concrete_function(signature)
        content = bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
        # Counted once: the cores of a process may change while it runs.
        super().__init__(content, machine.count_cores())
