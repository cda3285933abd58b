"""Keras 3: put a head on a base, freeze it, save, load, predict.

In: recipe tables, uint8 photos. Out: one flat functional model (the base is not nested inside), so that it can be cut
at any layer, copied layer by layer into Keras 2, and quantized. It eats raw uint8 RGB; the scaling is its first layer.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgetl.core import bases
from edgetl.core.errors import ConfigError, StageError, first_line
from edgetl.core.input_scaling import AFFINES
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe import BaseRecipe, HeadRecipe, TrainingRecipe
from edgetl.core.records import Precision
from edgetl.engines.keras import half_weights, rescaling

SCALING, POOLING, SCORES = rescaling.LAYER_NAME, "pooling", "scores"

# Photos that are asked about at once. On a processor 8 to 256 were measured alike; a GPU wants many.
BATCH_SIZE, GPU_BATCH_SIZE = 64, 256


def reset_keras(seed: int) -> None:
    """Start from a clean slate: layer names and random numbers repeat from run to run."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


@contextmanager
def use_precision(precision: Precision) -> Iterator[None]:
    """Layers made inside compute in this dtype; their weights are float32 all the same.

    Raises:
        ConfigError: bfloat16 without a GPU.
    """
    if precision == "bfloat16" and get_device().startswith("cpu"):
        raise ConfigError(
            f"bfloat16 is for GPUs, and {get_backend()} computes on {get_device()} here", hint="leave --precision out"
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def assemble_model(base: BaseRecipe, head: HeadRecipe, classes: int) -> keras.Model:
    """A base with a new head, every layer of the base frozen.

    Args:
        base: network, width, side, weights and pooling.
        head: hidden units, dropout, activation.
        classes: how many; one sigmoid unit stands for two.

    Returns:
        A model from uint8 [photos, side_px, side_px, 3] to float32 [photos, classes], or [photos, 1] with a sigmoid.

    Raises:
        ConfigError: a sigmoid with other than two classes, weights that are absent or do not fit, or a Keras that is
            told to put the channels first.
    """
    check_channels_last()
    if head.activation == "sigmoid" and classes != 2:
        raise ConfigError(
            f"one sigmoid unit can tell two classes apart, the photos have {classes}",
            hint="use --activation softmax",
        )
    row = bases.find_base(base.name)
    weights = fetch_weights(base)
    shape = (base.side_px, base.side_px, 3)
    image = keras.Input(shape, dtype="uint8", name="image")
    scaled = rescaling.make_rescaling(AFFINES[row.scaling])(image)
    builder = getattr(keras.applications, row.builder)
    own: dict[str, Any] = {"alpha": base.alpha} if row.has_widths else {}
    if row.scaled_inside:
        own["include_preprocessing"] = False
    network = builder(input_tensor=scaled, input_shape=shape, include_top=False, weights=None, **own)
    if weights is not None:
        _load_weights(network, weights, base)
    network.trainable = False
    pool = keras.layers.GlobalAveragePooling2D if base.pooling == "avg" else keras.layers.GlobalMaxPooling2D
    features = pool(name=POOLING)(network.output)
    if head.hidden_units:
        features = keras.layers.Dense(head.hidden_units, activation="relu", name="hidden")(features)
    if head.dropout:
        features = keras.layers.Dropout(head.dropout, name="dropout")(features)
    units = 1 if head.activation == "sigmoid" else classes
    scores = keras.layers.Dense(units, activation=head.activation, name=SCORES, dtype="float32")(features)
    return keras.Model(image, scores, name="classifier")


def check_channels_last() -> None:
    """Refuse a Keras that puts the channels first: photos, files and devices here have them last.

    Raises:
        ConfigError: Keras's image_data_format is another.
    """
    found = keras.config.image_data_format()
    if found != "channels_last":
        raise ConfigError(
            f"Keras is set to image_data_format {found!r}, and edgetl builds networks for channels_last only",
            hint="set it to channels_last in keras.json (~/.keras, or $KERAS_HOME)",
        )


def convert_to_float32(model: keras.Model) -> keras.Model:
    """The same layers with the same weights, computing in float32: what a converter should be given."""

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = "float32"
        return layer.__class__.from_config(config)

    twin = keras.models.clone_model(model, clone_function=plain)
    twin.set_weights(model.get_weights())
    return twin


def list_base_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of the base: what lies between the scaling and the pooling."""
    names = [layer.name for layer in model.layers]
    return model.layers[names.index(SCALING) + 1 : names.index(POOLING)]


def select_trainable_layers(model: keras.Model, spec: str, training: TrainingRecipe) -> list[str]:
    """The names of the base's layers that phase 2 trains, from the input up.

    BatchNormalization stays frozen, and so in inference mode, unless the recipe trains it.

    Args:
        model: made by `assembled`.
        spec: "all", a layer's name (that layer and all above it), a negative count of layers such as "-3",
            or a fraction of them such as "0.3".
        training: says what BatchNormalization does.

    Raises:
        ConfigError: no such layer, more layers than there are, a fraction outside 0..1, or nothing to train up there.
    """
    layers = list_base_layers(model)
    first = _first_unfrozen([layer.name for layer in layers], spec)
    frozen_kind = keras.layers.BatchNormalization if training.batch_norm == "inference" else ()
    chosen = [layer.name for layer in layers[first:] if layer.weights and not isinstance(layer, frozen_kind)]
    if not chosen:
        raise ConfigError(
            f"unfreeze {spec!r} reaches no layer with weights to train",
            hint="unfreeze more of the base, or skip phase 2 with --fine-tune-epochs 0",
        )
    return chosen


def unfreeze(model: keras.Model, names: list[str], training: TrainingRecipe) -> None:
    """Make these layers of the base trainable and leave the rest frozen.

    BatchNormalization that is trained forgets faster than Keras's 0.999, at which a short training leaves the moving
    statistics where they began.
    """
    for layer in list_base_layers(model):
        layer.trainable = layer.name in names
        if layer.trainable and isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = training.batch_norm_momentum


def fetch_weights(base: BaseRecipe) -> Path | None:
    """The file with the base's weights, None for random ones; published ones are fetched once into Keras's own cache.

    The weights for 224 px serve every side: convolutions do not know it, and one file gives one answer.

    Raises:
        ConfigError: a file that is absent, or published weights that are neither in the cache nor to be had.
    """
    path = bases.resolve_weights_path(base.name, base.alpha, base.weights)
    if path is None or path.is_file():
        return path
    if base.weights != "imagenet":
        hint = 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'
        raise ConfigError("no such weights file", where=(path,), hint=hint)
    name, url = bases.find_published_weights(base.name, base.alpha)
    folder = path.parent
    try:
        return Path(keras.utils.get_file(name, url, cache_dir=str(folder.parent), cache_subdir="models"))
    # Keras wraps every failure of the download, whatever it was, into a bare Exception.
    except Exception as error:
        raise ConfigError(
            f"the ImageNet weights {name} are not here and could not be downloaded: {error}",
            where=(f"looked in {folder}", f"published at {url}"),
            hint=f"1. fetch the file where there is a network and put it into {folder} "
            "(or set KERAS_HOME to a folder that holds models/)  "
            "2. give a file with --weights FILE  3. train from random weights with --weights none",
        ) from error


def predict_scores(model: keras.Model, photos: Pixels, advance: Callable[[int], None]) -> np.ndarray:
    """The model's scores in photo order, in batches of one size so that the graph is compiled once.

    Args:
        model: from uint8 [photos, side, side, 3].
        photos: the pixels.
        advance: told how many more photos are done.

    Returns:
        float32 [photos, classes]; a sigmoid's one column becomes two, as `two_columns` says.
    """
    size = BATCH_SIZE if get_device().startswith("cpu") else GPU_BATCH_SIZE
    answers = []
    for start in range(0, len(photos), size):
        # The last photo fills the last batch up.
        rows = np.minimum(np.arange(start, start + size), len(photos) - 1)
        asked = min(size, len(photos) - start)
        answers.append(np.asarray(model.predict_on_batch(photos.rows(rows)))[:asked])
        advance(asked)
    return expand_sigmoid(np.concatenate(answers))


def expand_sigmoid(scores: np.ndarray) -> np.ndarray:
    """Scores with a column a class: one sigmoid column p becomes (1 - p, p); others stay as they are."""
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores


def load_model(path: Path) -> keras.Model:
    """A model from a .keras file, uncompiled, with safe mode on: a file from a stranger runs no code of its own.

    Raises:
        ConfigError: not a Keras model, or one that needs code to load.
    """
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        if "lambda" in str(error).lower():
            raise ConfigError(
                "the model holds a Lambda layer, which is Python code of whoever made the file and would run here",
                where=(path,),
                hint="build it with a layer of Keras in that place, such as Rescaling, and save it again",
            ) from error
        raise ConfigError(f"not a Keras model that can be loaded safely: {first_line(error)}", where=(path,)) from error


def save_model(model: keras.Model, path: Path) -> None:
    """Write the model as .keras.

    Raises:
        StageError: the file could not be written.
    """
    try:
        model.save(path)
    except (OSError, ValueError) as error:
        raise StageError(f"the model could not be saved: {first_line(error)}", where=(path,)) from error


def read_input_side(model: keras.Model) -> int:
    """The side of the square photos that the model takes.

    Raises:
        ConfigError: the model does not take one square RGB photo.
    """
    shape = tuple(model.inputs[0].shape)
    if len(model.inputs) != 1 or len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise ConfigError(f"the model must take one square RGB photo, not {[tuple(i.shape) for i in model.inputs]}")
    return int(shape[1])


def get_backend() -> str:
    """The backend's name, as in "tensorflow"."""
    return str(keras.backend.backend())


def get_device() -> str:
    """Where the backend computes, as in "gpu:0" or "cpu:0"."""
    if get_backend() == "torch":
        # Keras lists no devices for torch; a tensor knows where it is.
        name = str(keras.ops.zeros(()).device)
        return "cpu:0" if name == "cpu" else name.replace("cuda", "gpu")
    devices = [str(name) for name in keras.distribution.list_devices()]
    return next((name for name in devices if not name.startswith("cpu")), "cpu:0")


def _load_weights(network: keras.Model, path: Path, base: BaseRecipe) -> None:
    if base.weights == "formula":
        _check_shipped(path, base)
    try:
        if path.suffix == ".npz":
            half_weights.fill_layers(network.layers, path.read_bytes())
        else:
            network.load_weights(os.fspath(path))
            # Files of Keras's layout hold what Keras trained; those of half floats were learned here, on RGB.
            if bases.find_base(base.name).scaling == "caffe":
                rescaling.convert_bgr_to_rgb(network)
    except (ConfigError, ValueError, OSError, KeyError, TypeError) as error:
        raise ConfigError(
            f"the weights do not fit {base.name} with alpha {base.alpha}: {first_line(error)}",
            where=(path,),
            hint="they must be of the same network and alpha, without the top (…_no_top.h5)",
        ) from error


def _check_shipped(path: Path, base: BaseRecipe) -> None:
    told = bases.find_shipped_weights(base.name, base.alpha).sha256
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != told:
        raise ConfigError(
            f"the formula weights have sha256 {found}, the package says {told}",
            where=(path,),
            hint="the file was changed or cut short: install edgetl anew",
        )


def _first_unfrozen(names: list[str], spec: str) -> int:
    if spec == "all":
        return 0
    if spec in names:
        return names.index(spec)
    try:
        number = float(spec)
    except ValueError:
        close = get_close_matches(spec, names, n=3, cutoff=0.7)
        hint = f"did you mean {', '.join(close)}?" if close else f"layers run from {names[0]} to {names[-1]}"
        raise ConfigError(f"the base has no layer {spec!r} to unfreeze from", hint=hint) from None
    if number < 0 and number.is_integer():
        if -number > len(names):
            raise ConfigError(f"cannot unfreeze {int(-number)} layers of {len(names)}", hint='"all" unfreezes them all')
        return len(names) + int(number)
    if 0 < number <= 1:
        return round(len(names) * (1 - number))
    raise ConfigError(f"unfreeze {spec!r} is neither a layer, a negative count such as -3, nor a fraction such as 0.3")
