"""Loads a classifier that was made elsewhere, from a .keras file or a .h5 file of Keras 2, in safe mode."""

from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from edgetl.core.errors import ConfigError
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external import config_bounds, legacy_h5, rgb_input
from edgetl.engines.keras.external.file_bounds import H5_SUFFIXES, check_model_file


def load_external(path: Path) -> keras.Model:
    """Load a model file as one functional model.

    Args:
        path: a .keras, .h5 or .hdf5 file.

    Returns:
        A model from [photos, height, width, 3] to [photos, units] that computes in float32.

    Raises:
        ConfigError: no such file, one that exceeds a bound or needs code to load, an input that is not one photo of
            at most 1024 px in RGB or grey, an output that is not one row of scores, or another compute dtype.
    """
    check_model_file(path)
    keras_model.check_channels_last()
    if path.suffix in H5_SUFFIXES:
        with TemporaryDirectory(prefix="edgetl-keras2-") as folder:
            model = keras_model.load_model(legacy_h5.translate_h5(path, Path(folder)))
    else:
        model = keras_model.load_model(path)
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
    dtypes = sorted({str(layer.compute_dtype) for layer in model.layers if layer.weights} - {"float32"})
    if dtypes:
        raise ConfigError(f"the model computes in {dtypes[0]}, float32 is needed", where=(path,))
    # A Sequential model becomes a functional one, as the functions for external models need it.
    return keras.Model(model.inputs[0], model.outputs[0])


def _check_output(model: keras.Model, path: Path) -> None:
    scores = tuple(model.outputs[0].shape)
    if len(scores) != 2 or scores[1] is None:
        raise ConfigError(
            f"the model's output must be one row of scores for each photo, not {list(scores)}", where=(path,)
        )
