"""A base's weights as half floats in one file. In: layers. Out: bytes that fill the same layers in Keras 3 or Keras 2.

The file is a .npz without pickles, written the same on every machine: entry "Conv1/0" is the first weight of the layer
Conv1. Layers are told by their order, as names differ between the Keras versions; names and shapes are there to check
by. Half floats keep eleven bits, and the network computes in float32 as before.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import ConfigError, StageError

# Half floats of the largest base, VGG19, are a third of this: a file from a stranger cannot fill the memory.
_MOST_BYTES = 1_000_000_000

Arrays = list[NDArray[Any]]


class WeightedLayer(Protocol):
    """What is asked of a layer, in either Keras."""

    name: str

    def get_weights(self) -> Arrays:
        """All its weights, those that train first."""
        ...

    def set_weights(self, weights: Arrays) -> None:
        """Set all its weights, in the same order."""
        ...


def pack_weights(layers: Iterable[WeightedLayer]) -> bytes:
    """The weights of these layers as a file's content.

    Raises:
        StageError: a weight is not finite, or too large for a half float.
    """
    entries = {}
    for layer in layers:
        for number, weight in enumerate(layer.get_weights()):
            with np.errstate(over="ignore"):
                half = np.asarray(weight).astype("<f2")
            if not np.isfinite(half).all():
                raise StageError(f"weight {number} of layer {layer.name} is not finite as a half float")
            entries[f"{layer.name}/{number}"] = half
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **entries)
    return content.getvalue()


def unpack_weights(content: bytes) -> dict[str, Arrays]:
    """Layer name → its weights as float32, in the order of the layers.

    Raises:
        ConfigError: not such a file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
        if unpacked_bytes > _MOST_BYTES:
            raise ConfigError(f"the weights unpack to {unpacked_bytes} bytes, at most {_MOST_BYTES} are taken")
        with np.load(io.BytesIO(content), allow_pickle=False) as entries:
            named = [(entry.rpartition("/")[0], entries[entry].astype(np.float32)) for entry in entries.files]
    except (ValueError, OSError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ConfigError(f"not a file of half-float weights: {error}") from error
    return {name: [weight for _, weight in group] for name, group in groupby(named, key=lambda pair: pair[0])}


def fill_layers(layers: Sequence[WeightedLayer], content: bytes) -> None:
    """Set the weights of a base's layers, or of none of them.

    Args:
        layers: from the input up; those without weights are passed over.
        content: made by `packed`.

    Raises:
        ConfigError: not such a file, or made from another network.
    """
    stored = unpack_weights(content)
    weighted = [(layer, shapes) for layer in layers if (shapes := [w.shape for w in layer.get_weights()])]
    if len(stored) != len(weighted):
        raise ConfigError(f"the weights are of {len(stored)} layers, the network has {len(weighted)}")
    for (layer, shapes), (name, weights) in zip(weighted, stored.items(), strict=True):
        found = [weight.shape for weight in weights]
        if found != shapes:
            raise ConfigError(f"the weights of {name} have shapes {found}, layer {layer.name} takes {shapes}")
    for (layer, _), weights in zip(weighted, stored.values(), strict=True):
        layer.set_weights(weights)
