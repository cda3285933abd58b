#!/usr/bin/env python3
"""Measure how long the checksums of the pixel store take, beside a CRC-32 and a sha256 of the same bytes.

    python tools/measure_checksums.py --photos 10000 --side 96 --rounds 5

The files contain random bytes and have the sizes of segments. They have just been written, so they are in memory: a
disk adds the time that it takes to read them. All are measured in turn in each round, and the fastest round counts. The
figures are processor time: other programs on the machine add little to it.
"""

import argparse
import hashlib
import json
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgetl.core.storage.checksums import compute_checksum
from tools.errors import report_errors
from tools.results_files import describe_machine

_SEGMENT_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=10_000, help="number of photos")
    parser.add_argument("--side", type=int, default=96, help="side of a photo, pixels")
    parser.add_argument("--rounds", type=int, default=5, help="how often each checksum is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_segments(Path(folder), options.photos * options.side**2 * 3)
        row = measure(paths, options.rounds)
    sizes = {"photos": options.photos, "side_px": options.side, "bytes": options.photos * options.side**2 * 3}
    print(json.dumps({"machine": describe_machine(), **sizes, **row}, indent=1))


def write_segments(folder: Path, total_bytes: int) -> list[Path]:
    """Write files with random bytes, each of the size of a segment; the last one is smaller."""
    paths = []
    generator = np.random.default_rng(0)
    for number, start in enumerate(range(0, total_bytes, _SEGMENT_BYTES)):
        path = folder / str(number)
        generator.integers(0, 256, min(_SEGMENT_BYTES, total_bytes - start), dtype=np.uint8).tofile(path)
        paths.append(path)
    return paths


def measure(paths: list[Path], rounds: int) -> dict[str, float]:
    """Return the processor seconds that each kind of checksum takes for all files, in the fastest round."""
    kinds: dict[str, Callable[[Path], object]] = {
        "store_s": compute_checksum,
        "crc32_s": _compute_crc32,
        "sha256_s": _compute_sha256,
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, compute in kinds.items():
            start = time.process_time()
            for path in paths:
                compute(path)
            seconds[name].append(time.process_time() - start)
    return {name: round(min(values), 4) for name, values in seconds.items()}


def _compute_crc32(path: Path) -> int:
    value, buffer = 0, memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while length := file.readinto(buffer):
            value = zlib.crc32(buffer[:length], value)
    return value


def _compute_sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


if __name__ == "__main__":
    with report_errors():
        main()
