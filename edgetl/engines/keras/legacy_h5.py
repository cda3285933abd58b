"""A .h5 file of Keras 2 → a copy that Keras 3 can read: the same network and weights, told in Keras 3's words.

Keras 3 reads these files but for what Keras 2 wrote that it no longer knows: arguments of depthwise layers that say
nothing, slashes in layers' names, and calls of nested models counted from 1. The weights are read in the order of the
layers and stay as they are.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py

from edgetl.core.errors import ConfigError

# What says nothing in Keras 2: these layers have no groups, and no kernel beside their depthwise and pointwise ones.
_DROPPED = {
    "DepthwiseConv2D": ("groups",),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
_MODELS = {"Functional", "Model", "Sequential"}
# Keras 2 wrote calls such as x + 3 as these; Keras 3 has no such layers.
_CALLS = {"TFOpLambda", "SlicingOpLambda"}


def translate_h5(path: Path, folder: Path) -> Path:
    """A copy of the file in `folder`, with its network told anew.

    Raises:
        ConfigError: not a whole model, or one with calls that are no layers.
    """
    copy = folder / "model.h5"
    shutil.copyfile(path, copy)
    try:
        with h5py.File(copy, "r+") as file:
            told = file.attrs.get("model_config")
            if told is None:
                raise ConfigError(
                    "the file holds weights only, and no model",
                    where=(path,),
                    hint="save the whole model with model.save",
                )
            config = json.loads(told)
            names = {name: name.replace("/", "_") for name in _names(config) if "/" in name}
            file.attrs["model_config"] = json.dumps(_retold(config, names, _nested(config), path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"not a .h5 file that can be read: {error}", where=(path,)) from error
    return copy


def _names(config: Any) -> list[str]:
    """The names of all layers."""
    inner = config.values() if isinstance(config, dict) else config if isinstance(config, list) else ()
    found = [name for value in inner for name in _names(value)]
    if isinstance(config, dict) and "class_name" in config and isinstance(config.get("config"), dict):
        own = config["config"].get("name")
        return [*found, own] if isinstance(own, str) else found
    return found


def _nested(config: Any) -> set[str]:
    """The names of models that stand in others as layers; Keras 2 counts their making as their first call."""
    found: set[str] = set()
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        found |= _nested(value)
    if isinstance(config, dict) and config.get("class_name") in _MODELS and isinstance(config.get("config"), dict):
        found.add(str(config["config"].get("name")))
    return found


def _retold(config: Any, names: dict[str, str], nested: set[str], path: Path) -> Any:
    if isinstance(config, str):
        return names.get(config, config)
    if isinstance(config, list):
        if (
            len(config) >= 3
            and isinstance(config[0], str)
            and config[0] in nested
            and isinstance(config[1], int)
            and config[1] > 0
        ):
            config = [config[0], config[1] - 1, *config[2:]]
        return [_retold(value, names, nested, path) for value in config]
    if not isinstance(config, dict):
        return config
    kind = config.get("class_name")
    if kind in _CALLS:
        raise ConfigError(
            f"the model calls {config.get('name', 'something')} as {kind}, which Keras 3 does not know",
            where=(path,),
            hint="use a layer such as Rescaling, Add or Activation in that place, or save it as .keras from Keras 3",
        )
    told = {key: _retold(value, names, nested, path) for key, value in config.items()}
    for key in _DROPPED.get(str(kind), ()):
        told["config"].pop(key, None)
    return told
