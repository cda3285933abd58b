#!/usr/bin/env python3
"""How fast training is on a GPU: the textbook's `model.fit`, edgetl without and with its feature cache, and bfloat16.

    KERAS_BACKEND=jax python tools/measure_gpu.py PHOTOS --weights FILE.h5 --side 160 --unfreeze=-3

Each round runs the contestants one after the other, each in a process of its own with an empty feature cache; photos
are decoded once, before the clock starts:

- textbook: the same network and recipe under `model.fit`, all photos in memory as arrays;
- plain: edgetl with --no-feature-cache;
- cached: edgetl as it comes;
- bfloat16: edgetl with --precision bfloat16.

Compiling counts, imports do not. Printed are a line a run and the medians, with the machine they were taken on.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.console import Console
from edgetl.core.machine import count_cores, read_processor_name
from edgetl.core.photos import dataset
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import Recipe, Tables
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.storage import cache

CONTESTANTS: dict[str, Tables] = {
    "textbook": {},
    "plain": {"training": {"feature_cache": False}},
    "cached": {},
    "bfloat16": {"training": {"precision": "bfloat16"}},
}


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.child:
        print(json.dumps(_child(options)))
        return
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in options.contestant or CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        start = time.perf_counter()
        found = _ingested(options)
        count = len(found.train) + len(found.validation) + len(found.test)
        print(json.dumps({"photos": count, "decoded_s": round(time.perf_counter() - start, 2)}), flush=True)
        for _ in range(options.rounds):
            for name, runs in rounds.items():
                shutil.rmtree(cache.locate_cache() / "features", ignore_errors=True)
                command = [sys.executable, __file__, *sys.argv[1:], "--child", name]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
                print(json.dumps({"contestant": name, **runs[-1]}), flush=True)
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0] if isinstance(runs[0][key], float)}
        for name, runs in rounds.items()
    }
    print(
        json.dumps(
            {"machine": {"cores": count_cores(), "processor": read_processor_name()}, "medians": medians}, indent=1
        )
    )


def _child(options: argparse.Namespace) -> dict[str, Any]:
    flags: Tables = {
        "base": {"name": options.base, "alpha": options.alpha, "side_px": options.side, "weights": options.weights},
        "phase1": {"epochs": options.epochs},
        "phase2": {"epochs": options.fine_tune_epochs, "unfreeze": options.unfreeze},
        **CONTESTANTS[options.child],
    }
    recipe = resolve_recipe("classic", flags)
    found = _ingested(options)
    return (_textbook if options.child == "textbook" else _edgetl)(found, recipe)


def _edgetl(found: Dataset, recipe: Recipe) -> dict[str, Any]:
    from edgetl.engines.keras import frozen_features
    from edgetl.stages import train

    frozen = 0.0
    fill = frozen_features.FrozenPart.fill

    def timed(self: frozen_features.FrozenPart, *arguments: Any) -> None:
        nonlocal frozen
        start = time.perf_counter()
        fill(self, *arguments)
        frozen += time.perf_counter() - start

    frozen_features.FrozenPart.fill = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        trained = train.train(found, recipe, Path(folder), console=Console(quiet=True))
        seconds = time.perf_counter() - start
    last = trained.phases[-1]
    return {
        "seconds": round(seconds, 2),
        "frozen_s": round(frozen, 2),
        **{f"{phase.name}_s": round(phase.seconds, 2) for phase in trained.phases},
        "accuracy": round(last.validation_accuracy, 4),
        "device": trained.device,
    }


def _textbook(found: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Two calls of `model.fit`, every epoch through the whole network."""
    import keras

    from edgetl.core.photos import pixel_store
    from edgetl.engines.keras import model as keras_model

    shape = InputSpec(side_px=recipe.base.side_px, fit=recipe.photos.fit)
    start = time.perf_counter()
    keras_model.reset_keras(recipe.training.seed)
    parts = []
    for photos in (found.train, found.validation):
        pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], shape)
        parts.append((pixels.rows(range(len(photos))), np.array([photo.label for photo in photos])))
    model = build.assemble_model(recipe.base, recipe.head, len(found.classes))
    tuned = build.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training)
    told: dict[str, Any] = {}
    rate = recipe.phase1.learning_rate
    for name, epochs in (("head", recipe.phase1.epochs), ("fine_tune", recipe.phase2.epochs)):
        began = time.perf_counter()
        if name == "fine_tune":
            build.unfreeze(model, tuned, recipe.training)
            rate *= recipe.phase2.learning_rate_ratio
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        size = recipe.training.batch_size
        history = model.fit(*parts[0], batch_size=size, epochs=epochs, validation_data=parts[1], verbose=0)
        told[f"{name}_s"] = round(time.perf_counter() - began, 2)
    accuracy = round(history.history["val_accuracy"][-1], 4)
    return {
        "seconds": round(time.perf_counter() - start, 2),
        **told,
        "accuracy": accuracy,
        "device": keras_model.get_device(),
    }


def _ingested(options: argparse.Namespace) -> Dataset:
    from edgetl.stages import ingest

    tree = scan_photos(options.photos)
    shape = InputSpec(side_px=options.side, fit="stretch")  # what the recipe classic says
    split = dataset.SplitFractions(test=0.001, validation=0.2)
    return ingest.ingest(tree, shape, split, progress=lambda _: None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast training is on a GPU.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--base", default="mobilenet_v2")
    parser.add_argument("--weights", default="none", help="the base's weights without top; none: random ones")
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--unfreeze", default="-3", help="as edgetl takes it")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--fine-tune-epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contestant", action="append", choices=CONTESTANTS, help="these only; can be given often")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
