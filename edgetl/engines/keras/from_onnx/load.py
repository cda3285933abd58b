"""An .onnx file or a SavedModel folder → a Keras model that predicts the same."""

from pathlib import Path

import keras
import numpy as np

from edgetl.core.errors import ConfigError
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external.half_precision import find_tolerance
from edgetl.engines.keras.from_onnx.build import build_model
from edgetl.engines.keras.from_onnx.saved_models import read_saved_model
from edgetl.engines.keras.from_onnx.source import SourceGraph, read_onnx

# Largest difference relative to the largest output: two libraries add float32 numbers in another order.
_TOLERANCE = 1e-3
_CHECKED_PHOTOS = 3


def load_graph_model(path: Path) -> keras.Model:
    """Load an .onnx file or a SavedModel folder as a Keras model.

    Returns:
        A model from [photos, height, width, channels], or from the axes of the file where these are not
        [photos, channels, height, width].

    Raises:
        ConfigError: see `source.read_onnx`, `saved_models.read_saved_model` and `build.build_model`; or the Keras model
            predicts something else than the original.
    """
    # Layer names are part of the written file.
    keras_model.reset_keras(0)
    try:
        source = read_saved_model(path) if path.is_dir() else read_onnx(path)
        model = build_model(source.graph, source.photos)
        _check_predictions(model, source)
    except ConfigError as error:
        error.where = error.where or (str(path),)
        raise
    return model


def _check_predictions(model: keras.Model, source: SourceGraph) -> None:
    """Check the model on random photos, in 0..255 and in -1..1: the scaling outside of the model is not known yet."""
    shape = tuple(model.inputs[0].shape[1:])
    generator = np.random.default_rng(0)
    dtype = keras.backend.standardize_dtype(model.inputs[0].dtype)
    pixels = generator.integers(0, 256, (_CHECKED_PHOTOS, *shape)).astype(np.float32)
    batches = [pixels] if dtype != "float32" else [pixels, pixels / 127.5 - 1]
    for batch in (photos.astype(dtype) for photos in batches):
        (entry,) = [value for value in source.graph.graph.input if value.type.tensor_type.shape.dim]
        lengths = [dimension.dim_value for dimension in entry.type.tensor_type.shape.dim]
        given = batch if list(batch.shape[1:]) == lengths[1:] else np.moveaxis(batch, -1, 1)
        expected = source.predict(given)
        scores = np.asarray(model.predict_on_batch(batch)).reshape(expected.shape)
        largest = max(float(np.abs(expected).max()), 1e-12)
        difference = float(np.abs(scores - expected).max()) / largest
        tolerance = _TOLERANCE
        if source.half_dtypes:
            layers = sum(bool(layer.weights) for layer in model.layers)
            tolerance = max(tolerance, find_tolerance(source.half_dtypes, layers, largest) / largest)
        if not difference <= tolerance:
            raise ConfigError(
                f"the network in Keras differs from the one in the file by {difference:.2g} of the largest output, and "
                f"{tolerance:.2g} is allowed",
                hint="give the network as a .keras file",
            )
