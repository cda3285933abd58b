"""How fast the photos of a folder get into the store, beside what Pillow does on one core.

    python tools/measure_decoding.py PHOTOS --side 160 --photos 1000 --rounds 5

Rounds of both are interleaved and the median is given, so that a busy moment of the machine hits both. The store is
filled anew each round, in a temporary cache: reading, hashing, looks and writing included. The one-core rate is
pixels.decode alone, over bytes already in memory.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edgetl.core.machine import count_cores, read_processor_name
from edgetl.core.photos import pixel_store, pixels
from edgetl.core.records import InputSpec

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos_folder", type=Path, metavar="PHOTOS")
    parser.add_argument("--side", type=int, default=160, help="side in pixels")
    parser.add_argument("--fit", choices=pixels.FITS, default="crop")
    parser.add_argument("--photos", type=int, default=1000, help="at most this many, evenly spread")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    paths = sorted(p for p in asked.photos_folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    paths = paths[:: max(1, -(-len(paths) // asked.photos))]
    if not paths:
        parser.error(f"no photos under {asked.photos_folder}")
    figures = measure(asked.photos_folder, paths, InputSpec(side_px=asked.side, fit=asked.fit), asked.rounds)
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}")


def measure(root: Path, paths: list[Path], input_spec: InputSpec, rounds: int) -> dict[str, float | int | str]:
    """The figures, medians over the rounds."""
    names = [path.relative_to(root).as_posix() for path in paths]
    contents = [path.read_bytes() for path in paths]
    one_core, store, again = [], [], []
    for _ in range(rounds):
        one_core.append(
            len(paths)
            / _seconds(lambda: [pixels.decode_photo(c, input_spec.side_px, input_spec.fit) for c in contents])
        )
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            fill = lambda: pixel_store.fill_pixel_store(root, names, input_spec, progress=lambda _: None)  # noqa: E731
            store.append(len(paths) / _seconds(fill))
            again.append(len(paths) / _seconds(fill))
    return {
        "cpu": read_processor_name(),
        "cores": count_cores(),
        "photos": len(paths),
        "side_px": input_spec.side_px,
        "one_core_per_s": statistics.median(one_core),
        "store_per_s": statistics.median(store),
        "store_again_per_s": statistics.median(again),
        "ratio": statistics.median(s / (count_cores() * o) for s, o in zip(store, one_core, strict=True)),
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
