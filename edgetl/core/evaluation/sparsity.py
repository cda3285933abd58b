"""Statistics of the weights in a model file, and its size after compression."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightStatistics:
    """`sparsity` is the fraction of zero weights, `distinct` the largest number of different values in a channel."""

    sparsity: float
    distinct: int


def measure_weights(layers: Iterable[NDArray[np.generic]]) -> WeightStatistics:
    """Compute the statistics over all layers.

    Args:
        layers: weights of each layer, [output channels, weights], in the file's dtype.
    """
    weights = zeros = distinct = 0
    for layer in layers:
        # The maximum below has no value for an empty array.
        if not layer.size:
            continue
        weights += layer.size
        zeros += layer.size - int(np.count_nonzero(layer))
        # In a sorted channel, every change between neighbours begins a further value.
        ordered = np.sort(layer, axis=1)
        distinct = max(distinct, int((ordered[:, 1:] != ordered[:, :-1]).sum(axis=1).max()) + 1)
    return WeightStatistics(sparsity=zeros / weights if weights else 0.0, distinct=distinct)


def measure_gzip_bytes(content: bytes) -> int:
    """Return the size after gzip -9, which shows what zero and repeated weights save in transfer and storage."""
    # Without a time stamp, so that the same file always has the same size.
    return len(gzip.compress(content, compresslevel=9, mtime=0))
