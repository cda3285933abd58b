"""The weights of a base as half-precision floats in one file, which Keras 3 and Keras 2 can load.

The file is a .npz without pickles. Entry "Conv1/0" is the first weight of layer Conv1. Layers are matched by their
order, because the two Keras versions name them differently; the shapes are checked. A half-precision float has 11
significant bits. The network computes in float32.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import ConfigError, StageError, first_line

# A small archive can unpack to any size and fill the memory. The largest base, VGG19, needs a third of this.
_MAX_UNPACKED_BYTES = 1_000_000_000

# RuntimeError: an encrypted entry. MemoryError and ArithmeticError: an array that declares more than it contains.
_DAMAGES = (
    *(ValueError, OSError, EOFError, KeyError, TypeError, AttributeError),
    *(RuntimeError, MemoryError, ArithmeticError, SyntaxError, zipfile.BadZipFile),
)

Arrays = list[NDArray[Any]]


class WeightedLayer(Protocol):
    """A layer of Keras 3 or Keras 2, as far as its weights are concerned."""

    name: str

    def get_weights(self) -> Arrays:
        """Return all weights, the trainable ones first."""
        ...

    def set_weights(self, weights: Arrays) -> None:
        """Set all weights, in the same order."""
        ...


def pack_weights(layers: Iterable[WeightedLayer]) -> bytes:
    """Pack the weights of layers into the content of a .npz file.

    Raises:
        StageError: a weight is not finite, or too large for a half-precision float.
    """
    entries = {}
    for layer in layers:
        for number, weight in enumerate(layer.get_weights()):
            # Little-endian on every machine. A weight above 65504 becomes inf, which the check below reports.
            with np.errstate(over="ignore"):
                half = np.asarray(weight).astype("<f2")
            if not np.isfinite(half).all():
                raise StageError(f"weight {number} of layer {layer.name} is not finite as a half-precision float")
            entries[f"{layer.name}/{number}"] = half
    content = io.BytesIO()
    # np.savez writes no time stamps, so the same weights always give the same bytes.
    np.savez(content, allow_pickle=False, **entries)
    return content.getvalue()


def unpack_weights(content: bytes) -> dict[str, Arrays]:
    """Unpack the content of a file from `pack_weights`.

    Returns:
        Layer name → its weights, float32. The layers are in the order of the file.

    Raises:
        ConfigError: not such a file, or one that would fill the memory.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
        if unpacked_bytes > _MAX_UNPACKED_BYTES:
            raise ConfigError(
                f"the weights unpack to {unpacked_bytes} bytes, at most {_MAX_UNPACKED_BYTES} are allowed"
            )
        # A pickle could run code, so none is loaded.
        with np.load(io.BytesIO(content), allow_pickle=False) as entries:
            named = [(entry.rpartition("/")[0], entries[entry].astype(np.float32)) for entry in entries.files]
    # A damaged archive raises any of these in zipfile or numpy.
    except _DAMAGES as error:
        raise ConfigError(f"not a file of half-float weights: {first_line(error)}") from error
    return {name: [weight for _, weight in group] for name, group in groupby(named, key=lambda pair: pair[0])}


def fill_layers(layers: Sequence[WeightedLayer], content: bytes) -> None:
    """Set the weights of a base's layers.

    Args:
        layers: from the input up; layers without weights are skipped.
        content: from `pack_weights`.

    Raises:
        ConfigError: not such a file, or weights of another network. No layer is changed.
    """
    stored = unpack_weights(content)
    weighted = [(layer, shapes) for layer in layers if (shapes := [w.shape for w in layer.get_weights()])]
    if len(stored) != len(weighted):
        raise ConfigError(f"the weights are of {len(stored)} layers, the network has {len(weighted)}")
    # All shapes are checked before the first weight is set, so that an error leaves the network unchanged.
    for (layer, shapes), (name, weights) in zip(weighted, stored.items(), strict=True):
        stored_shapes = [weight.shape for weight in weights]
        if stored_shapes != shapes:
            raise ConfigError(f"the weights of {name} have shapes {stored_shapes}, layer {layer.name} needs {shapes}")
    for (layer, _), weights in zip(weighted, stored.values(), strict=True):
        layer.set_weights(weights)
