#!/usr/bin/env python3
"""Measure how fast photos are decoded into the pixel store, relative to Pillow on one core.

    python tools/measure_decoding.py PHOTOS --side 160 --photos 1000 --rounds 5

Both are measured in turn in each round, so that another program on the machine slows both down, and medians over the
rounds are printed. The store is filled anew in each round, in a temporary cache, which includes reading, hashing, the
thumbnails for near duplicates, and writing. The rate of one core is that of `pixels.decode_photo` on bytes in memory.
`efficiency` is the rate of the store divided by the number of cores times the rate of one core.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edgetl.core.machine import count_cores
from edgetl.core.photos import pixel_store, pixels
from edgetl.core.records import InputSpec
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "decoding.jsonl")
    row = measure(options.photos_folder, options.paths, _make_spec(options), options.rounds)
    if options.write:
        write_rows(options.write / "decoding.jsonl", [row], ())
    print(json.dumps({"machine": describe_machine(), **row}, indent=None if options.json else 1))


def measure(root: Path, paths: list[Path], input_spec: InputSpec, rounds: int) -> Row:
    """Return the medians over the rounds.

    Args:
        root: folder of the photos.
        paths: the photos.
        input_spec: side and fit of the decoded photos.
        rounds: how often both are measured.
    """
    # Read before the clock starts: the rate of one core is that of decoding alone.
    names = [path.relative_to(root).as_posix() for path in paths]
    contents = [path.read_bytes() for path in paths]

    def decode() -> None:
        for content in contents:
            pixels.decode_photo(content, input_spec.height_px, input_spec.width_px, input_spec.fit)

    def fill_store() -> None:
        pixel_store.fill_pixel_store(root, names, input_spec, progress=lambda _: None)

    one_core, store, second_fill = [], [], []
    for _ in range(rounds):
        one_core.append(len(paths) / _measure_seconds(decode))
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            store.append(len(paths) / _measure_seconds(fill_store))
            # Everything is in the store now: this is the cost of finding that out.
            second_fill.append(len(paths) / _measure_seconds(fill_store))
    cores = count_cores()
    return {
        "cores": cores,
        "rounds": rounds,
        "photos": len(paths),
        "side_px": input_spec.height_px,
        "one_core_photos_s": round(statistics.median(one_core), 1),
        "store_photos_s": round(statistics.median(store), 1),
        "second_fill_photos_s": round(statistics.median(second_fill), 1),
        "efficiency": round(statistics.median(s / (cores * o) for s, o in zip(store, one_core, strict=True)), 3),
    }


def _measure_seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _make_spec(options: argparse.Namespace) -> InputSpec:
    return InputSpec(height_px=options.side, width_px=options.side, fit=options.fit)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how fast photos are decoded into the pixel store.")
    parser.add_argument("photos_folder", type=Path, metavar="PHOTOS")
    parser.add_argument("--side", type=int, default=160, help="side in pixels (%(default)s)")
    parser.add_argument("--fit", choices=pixels.FITS, default="crop")
    parser.add_argument("--photos", type=int, default=1000, help="largest number of photos, evenly drawn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one line")
    add_write_option(parser)
    options = parser.parse_args()
    paths = sorted(path for path in options.photos_folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    # Rounded up, so that no more than --photos are left.
    options.paths = paths[:: max(1, -(-len(paths) // options.photos))]
    if not options.paths:
        parser.error(f"no photos in {options.photos_folder}")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
