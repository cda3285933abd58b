"""Builds a classifier from a base and a head, loads the base's weights, and selects the layers that are trained.

The classifier is one flat functional model: the base is not nested in it. So it can be split at any layer, copied to
Keras 2 layer by layer, and quantized. Its input is raw uint8 RGB, and the scaling is its first layer.
"""

import os
from pathlib import Path
from typing import Any

import keras

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.interrupt import raise_at_once
from edgetl.core.network import bases, unfreezing, weights_download
from edgetl.core.network.input_scaling import AFFINES
from edgetl.core.network.unfreezing import LayerFacts
from edgetl.core.recipe.tables import BaseRecipe, HeadRecipe, TrainingRecipe
from edgetl.core.storage.files import hash_file
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, check_regular, read_regular
from edgetl.core.tasks.one_class import OneClass
from edgetl.core.tasks.task import PhotoTask
from edgetl.engines.keras import half_weights, rescaling
from edgetl.engines.keras.external.file_bounds import check_h5
from edgetl.engines.keras.model import check_channels_last

# Of random weights: see `spread_activations`. Found by trying, for MobileNet and MobileNetV2.
_RANDOM_VARIANCE = 0.02

SCALING, POOLING, SCORES = rescaling.LAYER_NAME, "pooling", "scores"


def assemble_model(
    base: BaseRecipe, head: HeadRecipe, classes: int, weights: Path | None, task: PhotoTask | None = None
) -> keras.Model:
    """Build a base with a new head. Every layer of the base is frozen.

    Args:
        base: network, width, side, weights and pooling.
        head: hidden units, dropout, activation.
        classes: number of classes; one sigmoid unit predicts two.
        weights: the file with the base's weights, from `fetch_weights`; None for random ones.
        task: what the model decides about a photo; None for one class.

    Returns:
        A model from uint8 [photos, side_px, side_px, 3] to float32 [photos, classes], or [photos, 1] with a sigmoid
        for one of two classes.

    Raises:
        ConfigError: a sigmoid with other than two classes, weights that do not fit, or a Keras that is set to
            channels_first.
    """
    check_channels_last()
    if task is None:
        head.check_classes(classes)
    row = bases.find_base(base.name)
    shape = (base.side_px, base.side_px, 3)
    image = keras.Input(shape, dtype="uint8", name="image")
    scaled = rescaling.make_rescaling(AFFINES[row.scaling])(image)
    builder = getattr(keras.applications, row.builder)
    options: dict[str, Any] = {"alpha": base.alpha} if row.has_widths else {}
    # MobileNetV3 and EfficientNetV2 would scale their input once more.
    if row.scaled_inside:
        options["include_preprocessing"] = False
    network = builder(input_tensor=scaled, input_shape=shape, include_top=False, weights=None, **options)
    if weights is not None:
        _load_weights(network, weights, base)
    # A frozen BatchNormalization also computes in inference mode during training.
    network.trainable = False
    pool = keras.layers.GlobalAveragePooling2D if base.pooling == "avg" else keras.layers.GlobalMaxPooling2D
    features = pool(name=POOLING)(network.output)
    if head.hidden_units:
        features = keras.layers.Dense(head.hidden_units, activation="relu", name="hidden")(features)
    if head.dropout:
        features = keras.layers.Dropout(head.dropout, name="dropout")(features)
    units = (task or OneClass()).count_units(head.activation, classes)
    # float32 in every precision, for the loss and for probabilities whose sum is 1.
    scores = keras.layers.Dense(units, activation=head.activation, name=SCORES, dtype="float32")(features)
    return keras.Model(image, scores, name="classifier")


def list_base_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """List the layers of the base: those between the scaling and the pooling."""
    names = [layer.name for layer in model.layers]
    return model.layers[names.index(SCALING) + 1 : names.index(POOLING)]


def select_trainable_layers(model: keras.Model, spec: str, training: TrainingRecipe) -> list[str]:
    """Select the layers of the base that phase 2 trains, from the input up.

    BatchNormalization stays frozen, and so in inference mode, unless the recipe trains it.

    Args:
        model: from `assemble_model`.
        spec: "all", a layer's name (that layer and all above it), a negative number of layers such as "-3", or a
            fraction of them such as "0.3".
        training: decides whether BatchNormalization is trained.

    Returns:
        Names of layers with weights; none for a count that reaches none.

    Raises:
        ConfigError: no such layer, more layers than the base has, a fraction outside 0..1, or no layer with weights.
    """
    return unfreezing.select_layers(describe_base_layers(model, training), spec)


def describe_base_layers(model: keras.Model, training: TrainingRecipe) -> list[LayerFacts]:
    """Return what `core.network.unfreezing` needs to know of the layers of the base, from the input up."""
    frozen_types = keras.layers.BatchNormalization if training.batch_norm == "inference" else ()
    return [
        LayerFacts(
            layer.name,
            trainable=bool(layer.weights) and not isinstance(layer, frozen_types),
            inputs=len(keras.tree.flatten(layer.input)),
        )
        for layer in list_base_layers(model)
    ]


def unfreeze(model: keras.Model, names: list[str], training: TrainingRecipe) -> None:
    """Make the layers of the base with these names trainable, and freeze all further ones.

    Trained BatchNormalization gets the momentum of the recipe.
    """
    for layer in list_base_layers(model):
        layer.trainable = layer.name in names
        if layer.trainable and isinstance(layer, keras.layers.BatchNormalization):
            # The momentum of keras.applications, 0.99 or 0.999, would hardly move the statistics in a short training.
            layer.momentum = training.batch_norm_momentum


def fetch_weights(base: BaseRecipe) -> Path | None:
    """Return the file with the base's weights, None for random ones; published weights are downloaded once.

    The weights published for 224 px are used for every side: those of a convolution do not depend on it.

    Raises:
        ConfigError: no such file, or published weights that are not in Keras's cache and cannot be downloaded.
    """
    path = bases.resolve_weights_path(base.name, base.alpha, base.weights)
    if path is None or path.is_file():
        return path
    if base.weights != "imagenet":
        bases.check_weights(base.name, base.alpha, base.weights)
        hint = 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'
        check_regular(path, "weights file", hint=hint)
    name, url = bases.find_published_weights(base.name, base.alpha)
    folder = path.parent
    try:
        with raise_at_once():
            return Path(keras.utils.get_file(name, url, cache_dir=str(folder.parent), cache_subdir="models"))
    # Keras wraps every failure of a download in a bare Exception.
    except Exception as error:
        raise weights_download.make_download_error(base.name, base.alpha, str(error)) from error


def _load_weights(network: keras.Model, path: Path, base: BaseRecipe) -> None:
    if base.weights == "formula":
        _check_shipped_weights(path, base)
    try:
        check_regular(path, "weights file")
        if path.suffix == ".npz":
            half_weights.fill_layers(network.layers, read_regular(path, LARGEST_MODEL_BYTES))
        else:
            check_h5(path)
            network.load_weights(os.fspath(path))
            # Keras's published weights of these networks are for BGR. Half-float files are made by edgetl, for RGB.
            if bases.find_base(base.name).scaling == "caffe":
                rescaling.convert_bgr_to_rgb(network)
    # A damaged file raises any of these in Keras or h5py.
    except (ConfigError, ValueError, OSError, KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        raise ConfigError(
            f"the weights do not fit {base.name} with alpha {base.alpha}: {first_line(error)}",
            where=(path,),
            hint="use weights of the same network and alpha, without the top (…_no_top.h5)",
        ) from error


def _check_shipped_weights(path: Path, base: BaseRecipe) -> None:
    expected = bases.find_shipped_weights(base.name, base.alpha).sha256
    actual = hash_file(path)
    if actual != expected:
        raise ConfigError(
            f"the formula weights have sha256 {actual}, expected {expected}",
            where=(path,),
            hint="the file was changed or truncated: install edgetl again",
        )


def spread_activations(model: keras.Model) -> None:
    """Make the activations of random weights about as large as those of trained weights.

    With a moving variance of 1, they shrink layer by layer, to a scale that the softmax of TensorFlow Lite Micro does
    not accept.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(layer.moving_variance * _RANDOM_VARIANCE)
