"""Layers of a network that cannot be used, found in its configuration before a library makes a layer of it.

Layers whose code is not in Keras, Lambda layers, and what tfmot wraps around layers to quantize or to prune them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgetl.core.errors import ConfigError

_STRIP_PRUNING = "model = tfmot.sparsity.keras.strip_pruning(model)"
_STRIP_CLUSTERING = "model = tfmot.clustering.keras.strip_clustering(model)"
_SAVE_BEFORE_QAT = "save the model as it is before {call}: edgetl quantizes it for the device"
# Classes of tfmot → the call that added them, and what to do.
_TFMOT = {
    "PruneLowMagnitude": ("prune_low_magnitude", f"remove it with {_STRIP_PRUNING}, and save the model again"),
    "ClusterWeights": ("cluster_weights", f"remove it with {_STRIP_CLUSTERING}, and save the model again"),
    "ClusterWeightsMHA": ("cluster_weights", f"remove it with {_STRIP_CLUSTERING}, and save the model again"),
    "QuantizeAnnotate": ("quantize_annotate_layer", _SAVE_BEFORE_QAT.format(call="quantize_annotate_layer")),
    "QuantizeLayer": ("quantize_model", _SAVE_BEFORE_QAT.format(call="quantize_model")),
    "QuantizeWrapper": ("quantize_model", _SAVE_BEFORE_QAT.format(call="quantize_model")),
    "QuantizeWrapperV2": ("quantize_model", _SAVE_BEFORE_QAT.format(call="quantize_model")),
}


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A layer in a configuration: its class, its name, and its arguments (an empty dict if they are a list)."""

    class_name: str
    name: str
    config: dict[str, Any]
    module: str

    def __str__(self) -> str:
        return f"layer {self.name!r} of class {self.class_name}" if self.name else f"a layer of class {self.class_name}"


def read_layer(value: dict[str, Any]) -> LayerEntry:
    """Read an object with the keys class_name and config."""
    config = value.get("config")
    arguments = config if isinstance(config, dict) else {}
    name = arguments.get("name", value.get("name", ""))
    return LayerEntry(str(value.get("class_name")), str(name), arguments, str(value.get("module") or ""))


def check_class(layer: LayerEntry) -> None:
    """Refuse classes that hold code, and wrappers that have to be stripped.

    Raises:
        ConfigError: names the layer and the next step.
    """
    if layer.class_name in ("Lambda", "__lambda__"):
        raise ConfigError(
            f"the model contains a Lambda layer: {layer} is Python code, which edgetl does not run from a file",
            hint="replace it with another layer of Keras, such as Rescaling, and save the model again",
        )
    if layer.class_name in _TFMOT:
        call, hint = _TFMOT[layer.class_name]
        raise ConfigError(f"the model is wrapped by tfmot's {call}: {layer}", hint=hint)


def check_functions(layer: LayerEntry) -> None:
    """Refuse activations, initializers, regularizers and constraints whose code is not in Keras.

    Raises:
        ConfigError: names the layer, its argument and the function.
    """
    for argument, value in layer.config.items():
        function = _name_custom_function(value)
        if function:
            raise ConfigError(
                f"{layer} has a custom {argument}: {function}, whose code is not in the file",
                hint=f"build the same model with functions and layers of Keras in place of this {argument}, "
                "load its weights with load_weights, and save it",
            )


def make_custom_error(layer: LayerEntry) -> ConfigError:
    """Make the error for a layer whose class is not in Keras."""
    return ConfigError(
        f"the model contains a custom layer: {layer}, whose code is not in the file",
        hint="build the model again with layers of Keras alone, load its weights with load_weights, and save it",
    )


def iterate_entries(config: object) -> Iterator[LayerEntry]:
    """Yield every object of a configuration that has a class: layers, but initializers and the like as well."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and "config" in config:
            yield read_layer(config)
        for value in config.values():
            yield from iterate_entries(value)
    elif isinstance(config, list):
        for value in config:
            yield from iterate_entries(value)


def _name_custom_function(value: object) -> str:
    """Return the name of a function, or of a registered object, whose code is not in Keras; "" for others."""
    if not isinstance(value, dict):
        return ""
    if value.get("class_name") in ("function", "__lambda__"):
        name = value.get("config")
        return f"function {name!r}" if isinstance(name, str) else "a lambda"
    # Keras writes the bytes of a lambda without a class. A network that edgetl reads does not run them.
    if set(value) == {"value"} and isinstance(value["value"], list):
        return "a lambda"
    # Objects of Keras have a module. Those that the author registered have none, or one of their own.
    module = str(value.get("module") or "")
    registered = value.get("registered_name")
    if isinstance(registered, str) and ">" in registered and not module.startswith("keras") and "config" in value:
        return f"{value.get('class_name')!r}"
    return ""
