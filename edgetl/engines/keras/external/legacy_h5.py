"""Translates a .h5 file of Keras 2 to a copy that Keras 3 can load: the same network with the same weights.

Keras 3 loads most of these files as they are. It fails on three things that Keras 2 wrote: arguments without effect in
the configuration of depthwise layers, slashes in layer names, and calls of nested models that are counted from 1.
Weights are loaded in the order of the layers and stay unchanged.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.storage.files import parse_json

# Keras 2 wrote these arguments, which have no effect: depthwise layers have no groups, and a separable layer has a
# depthwise and a pointwise kernel instead of a kernel.
_ARGUMENTS_WITHOUT_EFFECT = {
    "DepthwiseConv2D": ("groups",),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
_MODEL_CLASSES = {"Functional", "Model", "Sequential"}
# Keras 2 wrote expressions such as x + 3 as layers of these classes. Keras 3 has no such layers.
_OPERATION_CLASSES = {"TFOpLambda", "SlicingOpLambda"}


def translate_h5(path: Path, folder: Path) -> Path:
    """Write a translated copy of a .h5 file into `folder`, and return its path.

    Raises:
        ConfigError: no HDF5 file, a file of weights only, or a network with operations that are not layers.
    """
    copy = folder / "model.h5"
    shutil.copyfile(path, copy)
    try:
        with h5py.File(copy, "r+") as file:
            text = file.attrs.get("model_config")
            if text is None:
                raise ConfigError(
                    "the file contains weights only, and no network",
                    where=(path,),
                    hint="save the whole model with model.save",
                )
            config = parse_json(text)
            new_names = {name: name.replace("/", "_") for name in _list_layer_names(config) if "/" in name}
            translated = _translate_config(config, new_names, _find_nested_models(config), path)
            file.attrs["model_config"] = json.dumps(translated)
    # A damaged file, or a configuration that is no JSON object, raises any of these.
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"not a .h5 file that can be read: {first_line(error)}", where=(path,)) from error
    return copy


def _iterate_values(config: Any) -> Iterable[Any]:
    if isinstance(config, dict):
        return config.values()
    return config if isinstance(config, list) else ()


def _list_layer_names(config: Any) -> list[str]:
    names = [name for value in _iterate_values(config) for name in _list_layer_names(value)]
    if isinstance(config, dict) and "class_name" in config and isinstance(config.get("config"), dict):
        name = config["config"].get("name")
        return [*names, name] if isinstance(name, str) else names
    return names


def _find_nested_models(config: Any) -> set[str]:
    """Find the names of models that are layers of another model."""
    names: set[str] = set()
    for value in _iterate_values(config):
        names |= _find_nested_models(value)
    if (
        isinstance(config, dict)
        and config.get("class_name") in _MODEL_CLASSES
        and isinstance(config.get("config"), dict)
    ):
        names.add(str(config["config"].get("name")))
    return names


def _translate_config(config: Any, new_names: dict[str, str], nested: set[str], path: Path) -> Any:
    """Translate a part of the network's configuration.

    Args:
        config: any JSON value.
        new_names: name of a layer → name without slashes.
        nested: names of nested models.
        path: the file, for messages.
    """
    if isinstance(config, str):
        return new_names.get(config, config)
    if isinstance(config, list):
        return [_translate_config(value, new_names, nested, path) for value in _renumber_call(config, nested)]
    if not isinstance(config, dict):
        return config
    class_name = config.get("class_name")
    if class_name in _OPERATION_CLASSES:
        raise ConfigError(
            f"the model contains {config.get('name', 'an operation')} of class {class_name}, which Keras 3 lacks",
            where=(path,),
            hint="use a layer such as Rescaling, Add or Activation instead, or save the model as .keras with Keras 3",
        )
    translated = {key: _translate_config(value, new_names, nested, path) for key, value in config.items()}
    for argument in _ARGUMENTS_WITHOUT_EFFECT.get(str(class_name), ()):
        translated["config"].pop(argument, None)
    return translated


def _renumber_call(values: list[Any], nested: set[str]) -> list[Any]:
    """Lower the call number in a reference [layer, call, tensor, …] to the output of a nested model.

    Keras 2 counts the construction of a nested model as its call 0, Keras 3 counts calls only.
    """
    match values:
        case [str(layer), int(call), _, *_] if layer in nested and call > 0:
            return [layer, call - 1, *values[2:]]
    return values
