"""The configuration of a network in a file of Keras 2: checked name by name, and brought into one style.

Every version of Keras 2 wrote another style. Names of modules are dropped, so that Keras 2 looks up classes in its own
tables and imports nothing that the file names. Initializers, regularizers and constraints are dropped: they are for
training, and often code of the author.
"""

from collections.abc import Mapping
from typing import Any

from edgetl.core.errors import ConfigError
from edgetl.core.network.foreign_layers import LayerEntry, check_class, make_custom_error, read_layer
from edgetl.core.network.keras2_names import (
    ACTIVATIONS,
    FUNCTIONS,
    LAYERS,
    MODELS,
    OPERATORS,
    RENAMED_FUNCTIONS,
    RENAMED_LAYERS,
)

_REPLACE_HINT = "replace it with layers of Keras that do the same, load the weights, and save the model again"
_DROPPED = ("_regularizer", "_constraint")
_POLICIES = ("Policy", "PolicyV1", "DTypePolicy", "FloatDTypePolicy")
# Values that Keras 2 wrote as objects: tuples, shapes and constants.
_ITEMS = ("TensorShape", "__tuple__")
_CONSTANTS = ("__numpy__", "__tensor__")


def normalize_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a model in the style of TF 2.0, without names of modules.

    Args:
        config: parsed JSON of a .h5 or .keras file.

    Raises:
        ConfigError: a class, function or activation that is not carried over; names the layer.
    """
    if config.get("class_name") not in MODELS:
        raise ConfigError(
            f"the model is of class {config.get('class_name')}, whose code is not in the file",
            hint="build it with keras.Sequential or keras.Model(inputs, outputs), load its weights, and save it",
        )
    normalized: dict[str, Any] = _normalize(config, read_layer(dict(config)))
    return normalized


def _normalize(value: Any, layer: LayerEntry) -> Any:  # noqa: PLR0911  (one for each kind of value)
    """Normalize a part of a configuration; `layer` is the innermost layer that it belongs to."""
    if isinstance(value, list):
        return [_normalize(entry, layer) for entry in value]
    if not isinstance(value, dict):
        return value
    class_name = value.get("class_name")
    # Old versions wrote numbers of numpy in this form.
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    if class_name in _ITEMS and "items" in value:
        return [_normalize(entry, layer) for entry in value["items"]]
    if class_name in ("__ellipsis__", "TypeSpec", "__typespec__"):
        return Ellipsis if class_name == "__ellipsis__" else None
    if not isinstance(class_name, str) or "config" not in value:
        return {key: _normalize_argument(key, entry, layer) for key, entry in value.items()}
    if class_name in _CONSTANTS:
        return value["config"]["value"]
    if class_name == "function":
        return value["config"]
    return _normalize_layer(value)


def _normalize_layer(value: dict[str, Any]) -> dict[str, Any]:
    layer = read_layer(value)
    class_name = RENAMED_LAYERS.get(layer.class_name, layer.class_name)
    if class_name not in LAYERS | MODELS:
        check_class(layer)
        raise make_custom_error(layer) if _is_custom(layer) else _make_unknown_error(layer)
    # The name of the module and the shapes of `build_config` are left out.
    kept = {key: value[key] for key in ("name", "inbound_nodes", "shared_object_id") if key in value}
    normalized: dict[str, Any] = {key: _normalize(entry, layer) for key, entry in kept.items()}
    config = value["config"]
    arguments = _normalize(config, layer)
    if class_name in ("TFOpLambda", "SlicingOpLambda"):
        _check_function(layer)
    if class_name == "TensorFlowOpLayer":
        _check_operator(layer)
    if class_name == "GRU" and "reset_after" not in layer.config:
        # CuDNNGRU resets after the product; the GRU of Keras 2.0 and 2.1 knew no such argument, and reset before it.
        arguments["reset_after"] = layer.class_name == "CuDNNGRU"
    return {**normalized, "class_name": class_name, "config": arguments}


def _normalize_argument(key: str, value: Any, layer: LayerEntry) -> Any:
    if key.endswith(_DROPPED):
        return None
    if key.endswith("_initializer"):
        return "zeros"
    if key == "dtype" and isinstance(value, dict) and value.get("class_name") in _POLICIES:
        name = value["config"]["name"]
        return None if name == "infer" else name
    normalized = _normalize(value, layer)
    if key in ("activation", "recurrent_activation"):
        _check_activation(normalized, layer)
    return normalized


def _check_activation(value: Any, layer: LayerEntry) -> None:
    """Refuse functions that Keras does not have. Activations that are layers are checked as layers."""
    if isinstance(value, dict) and "class_name" not in value:
        # The bytes of a lambda, without a name.
        name = "a lambda"
    elif isinstance(value, str) and value not in ACTIVATIONS:
        name = repr(value)
    else:
        return
    raise ConfigError(
        f"the model contains a custom activation: {name} of {layer}, whose code is not in the file", hint=_REPLACE_HINT
    )


def _is_custom(layer: LayerEntry) -> bool:
    """Return whether a class is not of Keras: a class of Keras 2 is a name without a package."""
    return ">" in layer.class_name or layer.class_name not in _NOT_CARRIED_OVER


# Layers of Keras 2 for which Keras 3 has no counterpart, or none of use for photos.
_NOT_CARRIED_OVER = frozenset(
    {
        *("CategoryEncoding", "ClassMethod", "DenseFeatures", "Discretization", "HashedCrossing", "Hashing"),
        *("InstanceMethod", "InstanceProperty", "IntegerLookup", "LinearModel", "LocallyConnected1D"),
        *("LocallyConnected2D", "RandomFourierFeatures", "StringLookup", "TextVectorization", "WideDeepModel"),
    }
)


def _make_unknown_error(layer: LayerEntry) -> ConfigError:
    return ConfigError(f"the model contains {layer}, which Keras 3 lacks", hint=_REPLACE_HINT)


def _check_function(layer: LayerEntry) -> None:
    name = str(layer.config.get("function"))
    if RENAMED_FUNCTIONS.get(name, name) not in FUNCTIONS:
        raise ConfigError(
            f"the model contains the function tf.{name} ({layer}), which edgetl does not carry over to Keras 3",
            hint=_REPLACE_HINT,
        )


def _check_operator(layer: LayerEntry) -> None:
    definition = layer.config.get("node_def")
    operator = definition.get("op") if isinstance(definition, dict) else "of an unreadable definition"
    if operator not in OPERATORS:
        raise ConfigError(
            f"the model contains the operator {operator} ({layer}), which edgetl does not carry over to Keras 3",
            hint=_REPLACE_HINT,
        )
