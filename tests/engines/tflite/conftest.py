"""The quantization errors of the small model's layers."""

import numpy as np
import pytest

from edgetl.core.records import LayerError


@pytest.fixture(scope="session")
def layers(calibrated_tflite: bytes, photo_array: np.ndarray, as_pixels) -> tuple[LayerError, ...]:
    """Return the errors of all layers, largest first, on every third photo."""
    from edgetl.engines.tflite import layer_errors

    return layer_errors.measure_layer_errors(calibrated_tflite, as_pixels(photo_array[::3]))
