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
# Beginnings of the classes of layers that change photos or features at random in training.
_RANDOM = (
    *("AlphaDropout", "AugMix", "CutMix", "Dropout", "GaussianDropout", "GaussianNoise", "MixUp"),
    *("RandAugment", "Random", "SpatialDropout", "StochasticDepth"),
)


def check_keras3_layers(path: Path) -> None:
    """Check the layers in the configuration of a model file.

    Args:
        path: a .keras, .h5 or .hdf5 file of Keras 3, that `file_bounds` has checked.

    Raises:
        ConfigError: a Lambda, custom code, a wrapper of tfmot, a layer that Keras quantized, or one that is called with
            training=True and then predicts at random or from the other photos of the batch; names it.
    """
    try:
        config = _read_config(path)
        _check_calls(config)
        for layer in iterate_entries(config):
            check_class(layer)
            _check_quantization(layer)
            if _is_custom(layer):
                is_stock = path.suffix != ".keras" and _is_stock(layer.class_name)
                raise _make_h5_error(layer) if is_stock else make_custom_error(layer)
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


def _check_calls(config: Any) -> None:
    """Refuse layers that are called as in training, and nested models that contain some."""
    if isinstance(config, list):
        for entry in config:
            _check_calls(entry)
    if not isinstance(config, dict):
        return
    if isinstance(config.get("class_name"), str) and _is_called_for_training(config.get("inbound_nodes")):
        layer = next((entry for entry in iterate_entries({**config, "inbound_nodes": []}) if _trains(entry)), None)
        if layer is not None:
            raise ConfigError(
                f"{layer} is called with training=True, so that the model predicts at random or by batches",
                hint="build the model again with training=False, load its weights with load_weights, and save it",
            )
    for entry in config.values():
        _check_calls(entry)


def _is_called_for_training(value: object) -> bool:
    """Return whether the calls of a layer have training=True among their arguments, in any style of Keras."""
    if isinstance(value, dict):
        return value.get("training") is True or any(map(_is_called_for_training, value.values()))
    return isinstance(value, list) and any(map(_is_called_for_training, value))


def _trains(layer: LayerEntry) -> bool:
    """Return whether a layer computes something else when it trains."""
    # A frozen normalization uses its own statistics in either case.
    if layer.class_name == "BatchNormalization":
        return layer.config.get("trainable") is not False
    if layer.class_name.startswith(_RANDOM):
        return True
    return any(layer.config.get(key) for key in ("dropout", "recurrent_dropout"))


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


def _is_stock(class_name: str) -> bool:
    """Return whether Keras has a class of this name that is no layer of its public interface, such as an operation."""
    classes: list[type] = [keras.Operation]
    for kind in classes:
        classes += kind.__subclasses__()
    return any(kind.__name__ == class_name and kind.__module__.startswith("keras.") for kind in classes)


def _make_h5_error(layer: LayerEntry) -> ConfigError:
    return ConfigError(
        f"Keras 3 cannot load {layer} from a .h5 file",
        hint="save the same model in the format .keras: model.save('FILE.keras')",
    )


def _is_custom(layer: LayerEntry) -> bool:
    """Return whether an object of a configuration is a layer that Keras does not have."""
    if layer.class_name in _MODELS or hasattr(keras.layers, layer.class_name):
        return False
    # Initializers, policies and operations are of Keras. A registered class of the author is not.
    return not layer.module.startswith(("keras", "builtins")) and bool(layer.name)
