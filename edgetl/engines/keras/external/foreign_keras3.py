"""Layers in a file of Keras 3 that edgetl does not load: code of the author, and layers that Keras has quantized."""

import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from edgetl.core.errors import ConfigError
from edgetl.core.network.foreign_layers import (
    LayerEntry,
    check_class,
    check_functions,
    iterate_entries,
    make_custom_error,
)
from edgetl.core.storage.files import parse_json

_MODELS = {"Functional", "Model", "Sequential"}


def check_keras3_layers(path: Path) -> None:
    """Check the layers in the configuration of a model file.

    Args:
        path: a .keras, .h5 or .hdf5 file of Keras 3, that `file_bounds` has checked.

    Raises:
        ConfigError: a Lambda, custom code, a wrapper of tfmot, or a layer that Keras quantized; names it.
    """
    try:
        for layer in iterate_entries(_read_config(path)):
            check_class(layer)
            _check_quantization(layer)
            if _is_custom(layer):
                raise make_custom_error(layer)
            check_functions(layer)
    except ConfigError as error:
        error.where = error.where or (str(path),)
        raise


def _read_config(path: Path) -> Any:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config = parse_json(archive.read("config.json"))
        # Losses and metrics may be code of the author: the model is loaded without them.
        return {key: value for key, value in config.items() if key != "compile_config"}
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
    if text is None:
        raise ConfigError("the file contains weights only, and no network", hint="save the whole model with model.save")
    return parse_json(text)


def _check_quantization(layer: LayerEntry) -> None:
    """Refuse layers with integer weights, and layers with low-rank adapters."""
    policy = layer.config.get("dtype")
    if isinstance(policy, dict) and isinstance(policy.get("config"), dict):
        # The policies of int8, float8, int4, GPTQ and AWQ have a mode. Others have a name.
        mode = policy["config"].get("mode") or ("quantized" if "Quantized" in str(policy.get("class_name")) else "")
        if mode:
            raise _make_quantized_error(layer, str(mode))
    elif "_from_" in str(policy):
        raise _make_quantized_error(layer, str(policy).partition("_from_")[0])
    if layer.config.get("lora_rank"):
        raise ConfigError(
            f"{layer} has low-rank adapters, which Keras's enable_lora added",
            hint="the file contains the merged weights: build the same model without enable_lora, copy them with "
            "set_weights layer by layer, and save it",
        )


def _make_quantized_error(layer: LayerEntry, mode: str) -> ConfigError:
    return ConfigError(
        f"the model was quantized by Keras: {layer} has the policy {mode}",
        hint="save the model before model.quantize(...), and give edgetl that file: edgetl quantizes it for the device",
    )


def _is_custom(layer: LayerEntry) -> bool:
    """Return whether an object of a configuration is a layer that Keras does not have."""
    if layer.class_name in _MODELS or hasattr(keras.layers, layer.class_name):
        return False
    # Initializers, policies and operations are of Keras. A registered class of the author is not.
    return not layer.module.startswith(("keras", "builtins")) and bool(layer.name)
