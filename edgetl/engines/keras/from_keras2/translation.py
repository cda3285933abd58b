"""What a layer of Keras 2 becomes in Keras 3: layers, applied one after the other, and the weights of the first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetl.engines.keras2_graph import SavedLayer

# Arguments that decide nothing when a layer predicts, or that are the same for all layers.
_WITHOUT_EFFECT = {
    *("name", "trainable", "dtype", "batch_input_shape", "seed", "rng_type", "implementation", "input_length"),
    *("sparse", "ragged", "dynamic", "autocast", "momentum", "unroll", "unit_forget_bias", "activity_regularizer"),
    *(
        "fused",
        "virtual_batch_size",
        "renorm",
        "renorm_clipping",
        "renorm_momentum",
        "adjustment",
        "zero_output_for_mask",
    ),
    *("query_shape", "key_shape", "value_shape", "init_values", "projection_dim", "drop_path_rate"),
}


class NoCounterpartError(ValueError):
    """A layer has no counterpart in Keras 3; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Translation:
    """Layers of Keras 3.

    Attributes:
        layers: each is called with the output of the one before. None: the layer outputs its input.
        weights: of the first layer, in the order of Keras 3.
    """

    layers: tuple[Callable[..., Any], ...]
    weights: tuple[np.ndarray, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layers on tensors of a network that is being built."""
        if not self.layers:
            return args[0]
        first, *others = self.layers
        output = first(*args, **kwargs)
        for layer in others:
            output = layer(output)
        return output


def select_arguments(
    layer: SavedLayer, names: Iterable[str], renamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Select the arguments of a layer that decide what it computes.

    Args:
        layer: a layer of Keras 2.
        names: arguments with the same name in Keras 3.
        renamed: name in Keras 2 → name in Keras 3.

    Raises:
        NoCounterpartError: the layer has another argument with an effect.
    """
    renamed = renamed or {}
    allowed = {*names, *renamed, *_WITHOUT_EFFECT}
    for name, value in layer.config.items():
        # Depthwise layers have no groups, and Keras 2 wrote one for them.
        if name not in allowed and value and not (name == "groups" and value == 1):
            raise NoCounterpartError(f"its argument {name}={value!r} has no counterpart")
    if layer.config.get("data_format") == "channels_first" and layer.class_name != "Flatten":
        raise NoCounterpartError("its data_format is channels_first, which processors without a GPU cannot compute")
    arguments = {name: layer.config[name] for name in names if name in layer.config}
    return arguments | {new: layer.config[old] for old, new in renamed.items() if old in layer.config}


def read_sublayer(layer: SavedLayer, key: str, weights: tuple[np.ndarray, ...]) -> SavedLayer:
    """Read a layer among the arguments of another, with its weights."""
    value = layer.config[key]
    return SavedLayer(name=layer.name, class_name=value["class_name"], config=value["config"], weights=weights)
