"""Holds a model that edgetl carried over or copied against the original: both must predict the same."""

from pathlib import Path

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external import half_precision, rgb_input
from edgetl.engines.keras.external.keras2_child import CarriedModel, Keras2Predictions, is_keras2, predict_keras2
from edgetl.engines.keras.external.model_kinds import is_graph
from edgetl.engines.keras.external.outputs import predict_raw

# Random photos saturate layers that photos do not, so that rounding errors grow.
_PROBE_FACTOR = 10.0


def check_probe(carried: CarriedModel, path: Path) -> None:
    """Check a model of Keras 2 on the random photos that Keras 2 has predicted.

    Raises:
        ConfigError: Keras 3 predicts something else.
    """
    if len(carried.photos):
        outputs = predict_raw(carried.model, carried.photos)
        _check(outputs, carried.predictions, carried.model, path, _PROBE_FACTOR)


def check_against_original(path: Path, model: keras.Model, photos: np.ndarray, outputs: np.ndarray) -> str:
    """Check that a loaded model predicts what the model in its file predicts.

    Args:
        path: the model file.
        model: from `load_external`.
        photos: [photos, height, width, 3], scaled as the model needs them.
        outputs: what `model` predicts for them, float [photos, units].

    Returns:
        A sentence on the largest difference; empty where the model is the one in the file.

    Raises:
        ConfigError: the difference is above the tolerance of `half_precision.find_tolerance`.
    """
    if is_graph(path):
        # `from_onnx.load` has compared it with its original.
        return ""
    if is_keras2(path):
        name, predictions = "Keras 2", predict_keras2(path, photos)
        # Keras 2 has predicted grey versions of the photos if its input is grey.
        if predictions.grey_photos is not None:
            outputs = predict_raw(model, np.repeat(predictions.grey_photos, 3, axis=3))
    else:
        saved = keras_model.load_model(path)
        dtypes = half_precision.list_compute_dtypes(saved)
        if not half_precision.has_half_precision(dtypes):
            return ""
        expected = predict_raw(rgb_input.take_rgb_photos(saved, path), photos)
        name, predictions = "the file", Keras2Predictions(expected, dtypes)
    difference, tolerance = _check(outputs, predictions, model, path, 1.0)
    half = [dtype for dtype in predictions.compute_dtypes if dtype != "float32"]
    copy = f"a float32 copy of a model that computes in {half[0]}" if half else "the model in Keras 3"
    return (
        f"{copy} predicts what {name} does: the largest difference for {len(photos)} photos is {difference:.1g}, "
        f"{tolerance:.1g} is allowed"
    )


def _check(
    outputs: np.ndarray, predictions: Keras2Predictions, model: keras.Model, path: Path, factor: float
) -> tuple[float, float]:
    """Compare outputs; return the largest difference and the tolerance."""
    finite = np.isfinite(predictions.outputs)
    if not (finite == np.isfinite(outputs)).all():
        raise ConfigError("Keras 3 outputs numbers that are not finite, and the original does not", where=(path,))
    # A model that overflows for some random photos does so in both.
    expected = np.where(finite, predictions.outputs, 0.0)
    layers = sum(bool(layer.weights) for layer in half_precision.iterate_layers_inside(model))
    largest = float(np.abs(expected).max(initial=0.0))
    tolerance = factor * half_precision.find_tolerance(predictions.compute_dtypes, layers, largest)
    difference = float(np.abs(np.where(finite, outputs, 0.0) - expected).max(initial=0.0))
    if not difference <= tolerance:
        raise ConfigError(
            f"the model cannot be carried over: its outputs differ from those of the original by {difference:.2g}, "
            f"{tolerance:.1g} is allowed",
            where=(path,),
            hint="build the model again with Keras 3, load its weights, and save it as .keras",
        )
    return difference, tolerance
