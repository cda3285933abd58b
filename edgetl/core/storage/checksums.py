"""Checksums of the files of a folder in the cache, which are verified before the files are used.

A checksum is the CRC-32 of the sums of the 64-bit words of every page of 4096 bytes. A damaged file matches its
checksum by chance in one of 2**32 cases. Changes that keep the sum of a page, such as words that changed places in it,
are not found: disks and power cuts zero or replace whole pages, or flip single bits.
It takes less than half the time of a CRC-32 of the bytes (tools/measure_checksums.py).
"""

import json
import os
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgetl.core.storage.files import parse_json

# Version of the files that the stores write. Files of other versions are not read. Version 1 had no checksums.
FORMAT = 2

_NAME = "checksums.json"
_PAGE_BYTES = 4096
_CHUNK_BYTES = 256 * _PAGE_BYTES

# What was verified in this process: path, inode, size and time of change. A changed file is verified again.
_verified: set[tuple[str, int, int, int]] = set()
# A file that changed more recently may change again without a new time stamp, whose resolution is limited.
_SETTLED_NS = 100_000_000


def compute_checksum(path: Path) -> int:
    """Compute the checksum of a file, 32 bits.

    Raises:
        OSError: the file cannot be read.
    """
    chunk = bytearray(_CHUNK_BYTES)
    words = np.frombuffer(chunk, np.uint64).reshape(-1, _PAGE_BYTES // 8)
    with path.open("rb", buffering=0) as file:
        # Zeros at the end of a page do not change its sum.
        checksum = zlib.crc32(os.fstat(file.fileno()).st_size.to_bytes(8, "little"))
        while length := _fill(file.readinto, memoryview(chunk)):
            pages = -(-length // _PAGE_BYTES)
            chunk[length : pages * _PAGE_BYTES] = bytes(pages * _PAGE_BYTES - length)
            checksum = zlib.crc32(words[:pages].sum(axis=1, dtype=np.uint64).astype("<u8").tobytes(), checksum)
    return checksum


def write_checksums(folder: Path, names: Sequence[str]) -> None:
    """Write the checksums of files into their folder.

    Raises:
        OSError: a file cannot be read or written.
    """
    checksums = {name: compute_checksum(folder / name) for name in names}
    (folder / _NAME).write_text(json.dumps(checksums), encoding="utf-8")


def match_checksums(folder: Path, names: Sequence[str]) -> bool:
    """Return whether all files match the checksums in their folder. What did not change is read once per process."""
    start_ns = time.time_ns()
    try:
        states = [(folder / name, (folder / name).stat()) for name in (*names, _NAME)]
        keys = {(str(path), state.st_ino, state.st_size, state.st_mtime_ns) for path, state in states}
        if keys <= _verified:
            return True
        checksums = parse_json((folder / _NAME).read_bytes())
        matches = bool(checksums == {name: compute_checksum(folder / name) for name in names})
    # A file is missing, or the checksums are damaged.
    except (OSError, ValueError):
        return False
    if matches and max(state.st_mtime_ns for _, state in states) < start_ns - _SETTLED_NS:
        _verified.update(keys)
    return matches


def _fill(read: Callable[[memoryview], int | None], chunk: memoryview) -> int:
    """Read until a chunk is full or the file ends: one call may read less. Return the number of bytes."""
    length = 0
    while length < len(chunk) and (count := read(chunk[length:])):
        length += count
    return length
