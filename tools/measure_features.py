#!/usr/bin/env python3
"""How well the frozen half of a network uses the cores, and whether its cost stays linear in the photos.

    python tools/measure_features.py PHOTOS --weights FILE.h5 --side 160

In each round, one after the other: the frozen half of MobileNetV2 up to its pooling on one thread of LiteRT, the same
through the feature store on all cores, and on a tenth of the photos. The program is converted once, outside the clock.
Printed are the medians, with the machine they were taken on.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edgetl.core.machine import count_cores, read_processor_name
from edgetl.core.photos import pixel_store
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec
from edgetl.engines.keras import frozen_features, split_points
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView

ONE_THREAD_PHOTOS = 256


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        print(json.dumps(_measured(options), indent=None if options.json else 1))


def _measured(options: argparse.Namespace) -> dict[str, object]:
    recipe = resolve_recipe("classic", {"base": {"weights": str(options.weights), "side_px": options.side}})
    shape = InputSpec(side_px=options.side, fit="crop")
    tree = scan_photos(options.photos)
    glimpses = pixel_store.fill_pixel_store(tree.root, tree.paths, shape, progress=lambda _: None)
    sha256s = sorted({glimpse.sha256 for glimpse in glimpses if not glimpse.problem})
    photos = pixel_store.open_pixels(sha256s, shape)
    model = build.assemble_model(recipe.base, recipe.head, len(tree.classes))
    found = [cut for cut in split_points.find_split_points(model) if cut.name == build.POOLING]
    frozen = FrozenPart(model, found, shape)
    program = frozen_features._LiteRtProgram(frozen._half)
    frozen._program = lambda _: program  # type: ignore[method-assign]  # converted once, outside the clock
    rounds = [_round(frozen, program, photos, sha256s, str(number)) for number in range(options.rounds)]
    for figures in rounds:
        print(json.dumps(figures), file=sys.stderr)
    median = {key: round(statistics.median(figures[key] for figures in rounds), 3) for key in rounds[0]}
    return {"machine": {"cores": count_cores(), "processor": read_processor_name()}, "photos": len(photos), **median}


def _round(
    frozen: FrozenPart,
    program: frozen_features._LiteRtProgram,
    photos: pixel_store.Pixels,
    sha256s: list[str],
    key: str,
) -> dict[str, float]:
    few = np.arange(min(ONE_THREAD_PHOTOS, len(photos)))
    start = time.perf_counter()
    for first in range(0, len(few), frozen_features._BATCH):
        program._invoked(photos.rows(np.resize(few[first : first + frozen_features._BATCH], frozen_features._BATCH)))
    one_thread = len(few) / (time.perf_counter() - start)
    every = _rate(frozen, PhotoView(key=f"all {key}", sha256s=sha256s, pixels=photos.rows))
    tenth = _rate(frozen, PhotoView(key=f"tenth {key}", sha256s=sha256s[: len(sha256s) // 10], pixels=photos.rows))
    return {
        "one_thread_photos_s": one_thread,
        "store_photos_s": every,
        "of_cores_times_one_thread": every / (count_cores() * one_thread),
        "cost_ratio_all_to_tenth": tenth / every,
    }


def _rate(frozen: FrozenPart, view: PhotoView) -> float:
    start = time.perf_counter()
    frozen.fill([view], lambda _: None)
    return len(view.sha256s) / (time.perf_counter() - start)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well the frozen half of a network uses the cores.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="MobileNetV2's weights without top, alpha 1.0")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line")
    return parser.parse_args()


if __name__ == "__main__":
    main()
