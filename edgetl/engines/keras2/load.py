"""Loads a model file with Keras 2 when its configuration was checked. It runs no code. Child process only."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import tensorflow as tf
import tf_keras
from tf_keras.src.applications.convnext import LayerScale, StochasticDepth
from tf_keras.src.applications.inception_resnet_v2 import CustomScaleLayer
from tf_keras.src.saving import saving_lib
from tf_keras.src.saving.legacy import hdf5_format

from edgetl.core.errors import ConfigError
from edgetl.core.network.keras2_names import LAYERS
from edgetl.engines.keras2.configuration import normalize_config

_WEIGHTS = "model.weights.h5"
# Layers that Keras 2 does not find by their name alone, and functions of TensorFlow that are saved as activations.
_KNOWN_OBJECTS = {
    **{name: getattr(tf_keras.layers, name) for name in sorted(LAYERS) if hasattr(tf_keras.layers, name)},
    "CustomScaleLayer": CustomScaleLayer,
    "LayerScale": LayerScale,
    "StochasticDepth": StochasticDepth,
    "leaky_relu": tf.nn.leaky_relu,
    "relu6": tf.nn.relu6,
    "silu": tf.nn.silu,
    "softmax_v2": tf.nn.softmax,
}


def load_keras2(path: Path) -> tf_keras.Model:
    """Load a model that Keras 2 saved, uncompiled.

    Args:
        path: a .keras, .h5 or .hdf5 file that `file_bounds` has checked.

    Raises:
        ConfigError: weights only, or a class or function that is not carried over; names the layer.
    """
    if path.suffix == ".keras":
        return _load_keras(path)
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise ConfigError(
                "the file contains weights only, and no network", hint="save the whole model with model.save"
            )
        if not isinstance(text, str | bytes):
            raise ConfigError("not a .h5 file that can be read: the configuration of the network is no text")
        model = _build(json.loads(text))
        # Multi-backend Keras wrote no group for the weights in its first versions.
        hdf5_format.load_weights_from_hdf5_group(file.get("model_weights", file), model)
    return model


def _load_keras(path: Path) -> tf_keras.Model:
    with zipfile.ZipFile(path) as archive:
        model = _build(json.loads(archive.read("config.json")))
        store = saving_lib.H5IOStore.__new__(saving_lib.H5IOStore)
        with h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as file:
            store.h5_file = file
            saving_lib._load_state(model, store, assets_store=None, inner_path="", visited_trackables=set())
    return model


def _build(config: dict[str, Any]) -> tf_keras.Model:
    normalized = normalize_config(config)
    with tf_keras.utils.custom_object_scope(_KNOWN_OBJECTS):
        model = tf_keras.models.model_from_config(normalized)
    if not model.inputs:
        # A Sequential model that was built for one shape writes it beside its configuration.
        shape = (config.get("build_config") or {}).get("input_shape")
        if shape is None:
            raise ConfigError(
                "the model has no fixed input shape",
                hint="add keras.Input((side, side, 3)) as first layer, load the weights, and save the model again",
            )
        model.build(tuple(shape))
    return model
