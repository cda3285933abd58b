"""Weights as indices into look-up tables: which weights are stored so, and what the file needs then.

TensorFlow Lite Micro decodes such weights before each layer into the arena. Nothing is lost: the integers are the same.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.record import PathInside, Record

# Source: tflite-micro, tensorflow/lite/micro/compression/lut.py: an index has 1 to 7 bits.
_MOST_BITS = 7
# A decoded tensor has a header, an operator, and scale and zero point of each channel once more.
_TENSOR_BYTES, _CHANNEL_BYTES = 256, 12


class CompressedFile(Record):
    """A file whose weights are indices into look-up tables.

    Attributes:
        path: the compressed file.
        sha256: of the compressed file.
        bytes: of the compressed file.
        artifact_sha256: of the plain file.
        artifact_bytes: of the plain file.
        tensors: number of compressed weights.
        tested_bytes: size of an arena in which the compressed file has predicted a photo here.
        photos: test photos for which it gave the scores of the plain file: all of them.
    """

    path: PathInside
    sha256: str
    bytes: int
    artifact_sha256: str
    artifact_bytes: int
    tensors: int
    tested_bytes: int
    photos: int

    def contents(self) -> dict[Path, str]:
        """Map the compressed file to its sha256."""
        return {self.path: self.sha256}


def choose_index_bits(weights: np.ndarray) -> int:
    """Return the bits of an index into a table for each channel; 0 where the tables save nothing.

    Args:
        weights: int8 [channels, ...].
    """
    channels = weights.reshape(len(weights), -1)
    largest = max(len(np.unique(channel)) for channel in channels)
    bits = max(1, math.ceil(math.log2(largest)))
    compressed = weights.size * bits / 8 + len(channels) * (largest + _CHANNEL_BYTES) + _TENSOR_BYTES
    return bits if bits <= _MOST_BITS and compressed < weights.size else 0


def describe_compression(file: CompressedFile) -> str:
    """Describe a compressed file in a sentence."""
    return (
        f"look-up tables: {file.bytes:,} bytes instead of {file.artifact_bytes:,}, the weights of "
        f"{file.tensors} layers compressed; an arena of {file.tested_bytes:,} bytes is enough here; the scores of all "
        f"{file.photos} test photos are the same"
    )


def summarize_compression(file: CompressedFile) -> dict[str, Any]:
    """Return the figures for JSON."""
    return file.model_dump(mode="json", include={"bytes", "tensors", "tested_bytes", "photos"})


def write_compressed_files(file: CompressedFile, content: bytes) -> dict[str, bytes]:
    """Write the files of a bundle, by their path in it.

    Args:
        file: what is known of the compressed file.
        content: of the compressed file.
    """
    page = f"""# The model with look-up tables

- {describe_compression(file)}

To use it, replace the bytes in `src/model.c` and their number in `src/model.h` by those of `model.tflite` in this
folder, register one operator more in `src/op_resolver.h` with `AddDecode()`, and set `EDGETL_ARENA_BYTES` of
`src/arena.h` to the size above and the scratch memory there.
"""
    return {"look-up-tables/model.tflite": content, "look-up-tables/README.md": page.encode()}
