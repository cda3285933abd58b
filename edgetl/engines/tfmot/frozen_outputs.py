"""Inputs of the layers that a retraining changes: scaled photos, or outputs of the frozen layers. Child process only.

Frozen layers output the same for the same photo after every epoch. So their outputs are computed once and kept in a
temporary file beside the cache.
"""

import os
from collections.abc import Callable, Sequence
from math import prod
from tempfile import TemporaryFile
from typing import Any, Protocol

import numpy as np

from edgetl.core.storage.disk_errors import explain_disk_error
from edgetl.core.storage.feature_store import Rows, locate_feature_store

ReadPixels = Callable[[], np.ndarray]


class ModelInputs(Protocol):
    """Makes what the first trained layer gets."""

    def make(self, keys: Sequence[str], read_pixels: ReadPixels) -> Any:
        """Make the inputs for some photos.

        Args:
            keys: one for each photo. Equal keys are equal photos.
            read_pixels: returns the photos, uint8 [photos, height, width, 3].

        Returns:
            float32 [photos, …].
        """


class ScaledPhotos:
    """Inputs of a whole network.

    Args:
        scale: uint8 [photos, height, width, 3] → float32 of the same shape.
    """

    def __init__(self, scale: Callable[[np.ndarray], Any]) -> None:
        self._scale = scale

    def make(self, keys: Sequence[str], read_pixels: ReadPixels) -> Any:  # noqa: ARG002
        """Scale the photos."""
        return self._scale(read_pixels())


class FrozenOutputs:
    """Outputs of frozen layers. Those of some photos are kept after they have been computed.

    Args:
        compute: uint8 [photos, height, width, 3] → float32 [photos, *shape].
        shape: shape of the output for one photo.
        keys: photos whose outputs are needed more than once, the most often needed first.
        budget_bytes: size of the outputs that are kept, at most. Those beyond it are computed each time.

    Raises:
        ConfigError: the disk is full or cannot be written.
    """

    def __init__(
        self, compute: Callable[[np.ndarray], Rows], shape: tuple[int, ...], keys: Sequence[str], budget_bytes: int
    ) -> None:
        self._compute = compute
        kept = list(dict.fromkeys(keys))[: budget_bytes // (np.dtype(np.float32).itemsize * prod(shape))]
        self._places = {key: place for place, key in enumerate(kept)}
        self._is_computed = np.zeros(len(kept), bool)
        self._outputs = _map_temporary_file((len(kept), *shape))

    @property
    def kept_bytes(self) -> int:
        """Size of the temporary file."""
        return self._outputs.nbytes

    def make(self, keys: Sequence[str], read_pixels: ReadPixels) -> Rows:
        """Return outputs that are kept, or compute those of all these photos if any is not kept yet."""
        places = np.array([self._places.get(key, -1) for key in keys], np.int64)
        is_kept = places >= 0
        if is_kept.all() and self._is_computed[places].all():
            return np.array(self._outputs[places])
        outputs = self._compute(read_pixels())
        self._outputs[places[is_kept]] = outputs[is_kept]
        self._is_computed[places[is_kept]] = True
        return outputs


def _map_temporary_file(shape: tuple[int, ...]) -> Rows:
    """Map a temporary file of float32 values. It has no name, so nothing of it is left when this process is killed.

    It is on the disk of the cache, because temporary folders are in memory on many machines.

    Raises:
        ConfigError: the disk is full or cannot be written.
    """
    if not prod(shape):
        # An empty file cannot be mapped.
        return np.empty(shape, np.float32)
    folder = locate_feature_store()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            # On a full disk, this call raises an error. A write into the map would end the process by SIGBUS.
            os.posix_fallocate(file.fileno(), 0, np.dtype(np.float32).itemsize * prod(shape))
            return np.memmap(file, np.float32, mode="r+", shape=shape)
    except OSError as error:
        raise explain_disk_error(error, [folder]) from error
