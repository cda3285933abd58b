"""How slim the weights of a file are: how many are zero, how few different ones a channel holds, how far it shrinks."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightStatistics:
    """`sparsity` is the part of all kernel weights that is zero, `distinct` the values in the richest channel."""

    sparsity: float
    distinct: int


def measure_weights(kernels: Iterable[NDArray[np.generic]]) -> WeightStatistics:
    """What the kernels of a file amount to.

    Args:
        kernels: each [output channels, weights], in the numbers of the file.
    """
    weights = zeros = most = 0
    for kernel in kernels:
        if not kernel.size:
            continue
        weights += kernel.size
        zeros += kernel.size - int(np.count_nonzero(kernel))
        ordered = np.sort(kernel, axis=1)
        most = max(most, int((ordered[:, 1:] != ordered[:, :-1]).sum(axis=1).max()) + 1)
    return WeightStatistics(sparsity=zeros / weights if weights else 0.0, distinct=most)


def measure_gzip_bytes(content: bytes) -> int:
    """How many bytes gzip makes of a file: what it takes to send it, and what zeros and repetitions are worth."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))
