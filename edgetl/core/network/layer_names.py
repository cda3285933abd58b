"""The configuration of a Keras model → its layers, and the layer that an operator of a converted file belongs to."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

# Layers and activations of the networks in the table of bases. Every converter has operators for them.
_COMMON_KINDS = frozenset(
    """
    InputLayer Rescaling Normalization Dropout SpatialDropout2D GaussianNoise Conv2D DepthwiseConv2D SeparableConv2D
    Dense BatchNormalization ReLU Activation Softmax Add Multiply Concatenate Flatten Reshape ZeroPadding2D Cropping2D
    MaxPooling2D AveragePooling2D GlobalAveragePooling2D GlobalMaxPooling2D PixelScaling
    """.split()  # noqa: SIM905  (a literal would be 25 lines)
)
_COMMON_ACTIVATIONS = frozenset({"", "linear", "relu", "relu6", "softmax", "sigmoid"})
# TensorFlow numbers the scope of a layer: its operators are named LAYER_1/OPERATOR.
_NUMBER = re.compile(r"_\d+$")
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class NamedLayer:
    """A layer of a Keras model.

    Attributes:
        name: name of the layer.
        kind: its class; with the class of the layer that it wraps, as in "Bidirectional(LSTM)", or with an activation
            that no base has, as in "Dense(gelu)".
        common: whether networks in the table of bases have such layers.
    """

    name: str
    kind: str
    common: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


def read_layers(path: Path) -> tuple[NamedLayer, ...]:
    """Read the layers of a .keras file that edgetl has written.

    Raises:
        OSError: the file cannot be read.
    """
    with ZipFile(path) as archive:
        return tuple(list_layers(json.loads(archive.read("config.json"))))


def list_layers(config: Mapping[str, Any]) -> Iterator[NamedLayer]:
    """Yield the layers of a configuration, those of models inside models included, and no model itself."""
    inner = config.get("config")
    content: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    nested = content.get("layers")
    if isinstance(nested, list):
        for layer in nested:
            yield from list_layers(layer)
        return
    kind, wrapped = _name_class(config), content.get("layer")
    activation = _name_activation(content.get("activation"))
    common = kind in _COMMON_KINDS and activation in _COMMON_ACTIVATIONS
    if isinstance(wrapped, Mapping):
        kind, common = f"{kind}({_name_class(wrapped)})", False
    # The activations of recurrent layers are part of what such a layer is.
    elif kind in _COMMON_KINDS and activation not in _COMMON_ACTIVATIONS:
        kind = f"{kind}({activation})"
    yield NamedLayer(name=str(content.get("name", config.get("name", ""))), kind=kind, common=common)


def find_layer(tensor: str, layers: Sequence[NamedLayer]) -> NamedLayer | None:
    """Find the layer that a tensor or an operator of a converted file belongs to, by its name.

    Args:
        tensor: as in "classifier_1/body_1/encoder_1/norm_1/add;classifier_1/body_1/dense_1/BiasAdd": for operators that
            were fused, several names.
        layers: from `list_layers`.

    Returns:
        The layer of the first name that has one, None if there is none.
    """
    by_name = {layer.name: layer for layer in layers}
    for name in tensor.split(";"):
        for scope in name.split("/"):
            # Without its number first: the scope of a layer "dense" can have the name of the layer "dense_1".
            layer = by_name.get(_NUMBER.sub("", scope)) or by_name.get(scope)
            if layer is not None:
                return layer
    return None


def describe_names(names: Iterable[object]) -> str:
    """List names in words: the first three different ones, and the number of the others."""
    different = list(dict.fromkeys(map(str, names)))
    rest = len(different) - _MOST_NAMED
    return ", ".join(different[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _name_class(config: Mapping[str, Any]) -> str:
    # The registered name of a class from elsewhere has the name of its package in front.
    return str(config.get("class_name", "")).rpartition(">")[2]


def _name_activation(activation: object) -> str:
    """Return the name of an activation, which is a string or a configuration; "" if there is none."""
    if not isinstance(activation, Mapping):
        return str(activation or "")
    name = activation.get("config")
    return str(name if isinstance(name, str) else activation.get("class_name", ""))
