#!/usr/bin/env python3
"""Measure how well the frozen layers of a network use all cores, and whether their cost is linear in the photos.

    python tools/measure_features.py PHOTOS --weights FILE.h5 --side 160

Each round measures three things in turn: the frozen layers of MobileNetV2 up to the pooling on one LiteRT thread, the
same into the feature store on all cores, and the same on a tenth of the photos. The conversion of the layers is not
measured. Medians over the rounds are printed. `efficiency` is the rate of the store divided by the number of cores
times the rate of one thread.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.machine import count_cores
from edgetl.core.photos import pixel_store
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec
from edgetl.engines import litert_pool
from edgetl.engines.keras import build, frozen_features, split_points
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from edgetl.engines.keras.litert_features import LiteRtProgram
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_ONE_THREAD_PHOTOS = 256


class _PreparedFrozenPart(FrozenPart):
    """Frozen layers whose program is converted once, before the clock starts."""

    def __init__(self, model: Any, input_spec: InputSpec) -> None:
        pooling = [point for point in split_points.find_split_points(model) if point.name == build.POOLING]
        super().__init__(model, pooling, input_spec)
        # Without the comparison with Keras, which training makes once.
        self.program = LiteRtProgram(self._network)

    def _make_program(self, view: PhotoView) -> frozen_features.Program:  # noqa: ARG002  (the checked photos)
        return self.program


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "features.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        row = _measure(options)
    if options.write:
        write_rows(options.write / "features.jsonl", [row], ())
    print(json.dumps({"machine": describe_machine(), **row}, indent=None if options.json else 1))


def _measure(options: argparse.Namespace) -> Row:
    recipe = resolve_recipe("classic", {"base": {"weights": str(options.weights), "side_px": options.side}})
    input_spec = InputSpec(height_px=options.side, width_px=options.side, fit="crop")
    folder = scan_photos(options.photos)
    facts = pixel_store.fill_pixel_store(folder.root, folder.paths, input_spec, progress=lambda _: None)
    sha256s = sorted({photo.sha256 for photo in facts if not photo.problem})
    photos = pixel_store.open_pixels(sha256s, input_spec)
    model = build.assemble_model(recipe.base, recipe.head, len(folder.classes), options.weights)
    frozen = _PreparedFrozenPart(model, input_spec)
    rounds = []
    for number in range(options.rounds):
        rounds.append(_measure_round(frozen, photos, sha256s, number))
        print(json.dumps(rounds[-1]), file=sys.stderr)
    medians = {key: round(statistics.median(figures[key] for figures in rounds), 3) for key in rounds[0]}
    return {"cores": count_cores(), "rounds": options.rounds, "photos": len(photos), **medians}


def _measure_round(frozen: _PreparedFrozenPart, photos: Pixels, sha256s: list[str], number: int) -> dict[str, float]:
    one_thread = _measure_one_thread(frozen.program, photos)
    # A new key in each round, so that the store has no features of these photos yet.
    all_photos = PhotoView(key=f"all {number}", sha256s=sha256s, pixels=photos.rows)
    tenth = PhotoView(key=f"tenth {number}", sha256s=sha256s[: len(sha256s) // 10], pixels=photos.rows)
    store, store_of_tenth = _measure_store(frozen, all_photos), _measure_store(frozen, tenth)
    return {
        "one_thread_photos_s": one_thread,
        "store_photos_s": store,
        "efficiency": store / (count_cores() * one_thread),
        "cost_ratio_all_to_tenth": store_of_tenth / store,
    }


def _measure_one_thread(program: LiteRtProgram, photos: Pixels) -> float:
    """Return photos per second of one interpreter, which `LiteRtProgram.run` would use one of for each core."""
    rows = np.arange(min(_ONE_THREAD_PHOTOS, len(photos)))
    size = litert_pool.BATCH_SIZE
    start = time.perf_counter()
    for first in range(0, len(rows), size):
        # The last batch is filled up with repeated photos: the program has a fixed batch size.
        program._invoke(photos.rows(np.resize(rows[first : first + size], size)))
    return len(rows) / (time.perf_counter() - start)


def _measure_store(frozen: FrozenPart, view: PhotoView) -> float:
    """Return photos per second into the feature store."""
    start = time.perf_counter()
    frozen.compute_missing([view], lambda _: None)
    return len(view.sha256s) / (time.perf_counter() - start)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how well the frozen layers of a network use all cores.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="weights of MobileNetV2 without top, alpha 1.0")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one line")
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
