"""Loads a classifier that was made elsewhere: .keras, .h5, .onnx or a SavedModel, in safe mode."""

from pathlib import Path

import keras

from edgetl.core.errors import ConfigError
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external import config_bounds, half_precision, original, rgb_input
from edgetl.engines.keras.external.file_bounds import check_container, check_model_file
from edgetl.engines.keras.external.foreign_keras3 import check_keras3_layers
from edgetl.engines.keras.external.inspection import inspect_model
from edgetl.engines.keras.external.keras2_child import carry_over, is_keras2
from edgetl.engines.keras.external.model_kinds import is_graph
from edgetl.engines.keras.from_onnx.load import load_graph_model


def load_external(path: Path) -> keras.Model:
    """Load a model file as one functional model.

    Args:
        path: a .keras, .h5, .hdf5 or .onnx file, or a SavedModel folder.

    Returns:
        A model from [photos, height, width, 3] to [photos, units] that computes in float32. Of a model in half
        precision it is a copy: `original.check_against_original` compares the two.

    Raises:
        ConfigError: no such file, one that exceeds a bound or needs code to load, a layer of Keras 2 that cannot be
            carried over, an input that is not one photo of at most 1024 px in RGB or grey, or an output that is not one
            row of scores.
    """
    keras_model.check_channels_last()
    if is_graph(path):
        check_container(path)
        model = load_graph_model(path)
    else:
        check_model_file(path)
        model = _load_keras2(path) if is_keras2(path) else _load_keras3(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConfigError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, one of each is needed",
            where=(path,),
            hint="save the part that maps one photo to one row of scores: keras.Model(image, scores).save(FILE)",
        )
    _check_output(model, path)
    model = rgb_input.take_rgb_photos(model, path)
    try:
        config_bounds.check_side(max(keras_model.read_input_size(model)))
    except ConfigError as error:
        raise ConfigError(error.message, where=(path,), hint=error.hint) from error
    # A Sequential model becomes a functional one, as the functions for external models need it.
    return keras.Model(model.inputs[0], model.outputs[0])


def load_saved_model(path: Path) -> keras.Model:
    """Load a model with the outputs and the precision that it has. A file of Keras 2 or a graph is carried over.

    Returns:
        The model in a file of Keras 3 as it is, if it takes RGB photos; else a model from [photos, height, width, 3].

    Raises:
        ConfigError: no such file, one that exceeds a bound or needs code to load, or a layer or an operator that cannot
            be carried over.
    """
    if not is_graph(path):
        check_model_file(path)
        if is_keras2(path):
            return rgb_input.take_rgb_photos(_load_keras2(path), path)
        check_keras3_layers(path)
        model = keras_model.load_model(path)
        if len(model.inputs) == 1 and len(model.inputs[0].shape) == 4 and model.inputs[0].shape[3] == 3:
            return model
    # A file from elsewhere is loaded in a process with limits first.
    inspect_model(path)
    return load_external(path)


def _load_keras2(path: Path) -> keras.Model:
    carried = carry_over(path)
    original.check_probe(carried, path)
    return carried.model


def _load_keras3(path: Path) -> keras.Model:
    check_keras3_layers(path)
    model = keras_model.load_model(path)
    if half_precision.has_half_precision(half_precision.list_compute_dtypes(model)):
        return half_precision.copy_in_float32(model)
    return model


def _check_output(model: keras.Model, path: Path) -> None:
    scores = tuple(model.outputs[0].shape)
    if len(scores) != 2 or scores[1] is None:
        raise ConfigError(
            f"the model's output must be one row of scores for each photo, not {list(scores)}",
            where=(path,),
            hint="give a classifier: a model that ends in a Dense layer with a unit for each class",
        )
