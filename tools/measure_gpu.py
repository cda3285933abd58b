#!/usr/bin/env python3
"""Measure training on a GPU: `model.fit`, edgetl without and with its feature cache, and with bfloat16.

    KERAS_BACKEND=jax python tools/measure_gpu.py PHOTOS --weights FILE.h5 --side 160 --unfreeze=-3

Each round runs the contestants in turn, each in a process of its own with an empty feature cache. Photos are decoded
once, before the clock starts:

- textbook: the same network and recipe under `model.fit`, all photos in memory as arrays;
- uncached: edgetl with --no-feature-cache;
- edgetl: edgetl with its defaults;
- bfloat16: edgetl with --precision bfloat16.

The duration includes compilation but no imports. One line per run and the medians are printed.
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

from edgetl.core.console import Console
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import Recipe, Tables, TrainingTables
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage import cache
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_CONTESTANTS: dict[str, Tables] = {
    "textbook": {},
    "uncached": {"training": {"feature_cache": False}},
    "edgetl": {},
    "bfloat16": {"training": {"precision": "bfloat16"}},
}


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    if options.child:
        print(json.dumps(_train(options)))
        return
    machine = describe_machine(_read_gpu_name())
    results = (options.write or Path()) / f"gpu_{options.base}.jsonl"
    if options.write:
        check_machine(results, machine)
    rounds: dict[str, list[Row]] = {name: [] for name in options.contestant or _CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        start = time.perf_counter()
        photos = _ingest_photos(options)
        count = len(photos.train) + len(photos.validation) + len(photos.test)
        print(json.dumps({"photos": count, "decoded_s": round(time.perf_counter() - start, 2)}), flush=True)
        for _ in range(options.rounds):
            for name, runs in rounds.items():
                # Decoded photos are kept, features are not: they belong to the measured duration.
                shutil.rmtree(cache.locate_cache() / "features", ignore_errors=True)
                command = [sys.executable, __file__, *sys.argv[1:], "--child", name]
                child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                runs.append(json.loads(child.stdout.splitlines()[-1]))
                print(json.dumps({"contestant": name, **runs[-1]}), flush=True)
    rows = [{"contestant": name, "rounds": options.rounds, **_compute_medians(runs)} for name, runs in rounds.items()]
    if options.write:
        write_rows(results, rows, ("contestant",), machine=machine)
    print(json.dumps({"machine": machine, "medians": rows}, indent=1))


def _compute_medians(runs: list[Row]) -> Row:
    names = [name for name, value in runs[0].items() if isinstance(value, float)]
    return {name: statistics.median(run[name] for run in runs) for name in names}


def _train(options: argparse.Namespace) -> Row:
    """Train one contestant in this process."""
    tables: Tables = {
        "base": {"name": options.base, "alpha": options.alpha, "side_px": options.side, "weights": options.weights},
        "phase1": {"epochs": options.epochs},
        "phase2": {"epochs": options.fine_tune_epochs, "unfreeze": options.unfreeze},
        **_CONTESTANTS[options.child],
    }
    recipe = resolve_recipe("classic", tables)
    photos = _ingest_photos(options)
    return (_train_textbook if options.child == "textbook" else _train_edgetl)(photos, recipe)


def _train_edgetl(photos: Dataset, recipe: Recipe) -> Row:
    """Train with edgetl; `frozen_s` is the duration of the frozen layers."""
    from edgetl.engines.keras import build, frozen_features
    from edgetl.stages import train

    frozen_s = 0.0
    compute_missing = frozen_features.FrozenPart.compute_missing

    def compute_and_time(*arguments: Any) -> None:
        nonlocal frozen_s
        start = time.perf_counter()
        compute_missing(*arguments)
        frozen_s += time.perf_counter() - start

    # The record of a training has no duration of the frozen layers.
    frozen_features.FrozenPart.compute_missing = compute_and_time  # type: ignore[method-assign,assignment]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        work = Workspace(Path(folder), Console(quiet=True))
        weights = build.fetch_weights(recipe.base)
        trained = train.train_model(work, photos, _make_spec(recipe), recipe.select(TrainingTables), weights)
        seconds = time.perf_counter() - start
    return {
        "seconds": round(seconds, 2),
        "frozen_s": round(frozen_s, 2),
        **{f"{phase.name}_s": round(phase.seconds, 2) for phase in trained.phases},
        "accuracy": round(trained.phases[-1].validation_accuracy, 4),
        "device": trained.device,
    }


def _train_textbook(photos: Dataset, recipe: Recipe) -> Row:
    """Train with two calls of `model.fit`; every epoch computes the whole network."""
    import keras

    from edgetl.core.photos.labelled import LabelledPhotos
    from edgetl.engines.keras import build
    from edgetl.engines.keras import model as keras_model

    start = time.perf_counter()
    keras_model.reset_keras(recipe.training.seed)
    parts = []
    for part in (photos.train, photos.validation):
        labelled = LabelledPhotos.open(part, _make_spec(recipe))
        # All in memory: `model.fit` then waits for no disk.
        parts.append((labelled.pixels.rows(range(len(part))), labelled.labels))
    model = build.assemble_model(recipe.base, recipe.head, len(photos.classes), build.fetch_weights(recipe.base))
    unfrozen = build.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training)
    figures: Row = {}
    learning_rate = recipe.phase1.learning_rate
    for name, epochs in (("head", recipe.phase1.epochs), ("fine_tune", recipe.phase2.epochs)):
        phase_start = time.perf_counter()
        if name == "fine_tune":
            build.unfreeze(model, unfrozen, recipe.training)
            learning_rate *= recipe.phase2.learning_rate_ratio
        optimizer = keras.optimizers.Adam(learning_rate)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        size = recipe.training.batch_size
        history = model.fit(*parts[0], batch_size=size, epochs=epochs, validation_data=parts[1], verbose=0)
        figures[f"{name}_s"] = round(time.perf_counter() - phase_start, 2)
    return {
        "seconds": round(time.perf_counter() - start, 2),
        **figures,
        "accuracy": round(history.history["val_accuracy"][-1], 4),
        "device": keras_model.get_device(),
    }


def _ingest_photos(options: argparse.Namespace) -> Dataset:
    from edgetl.stages import ingest

    # "stretch" is the fit of the recipe classic.
    input_spec = InputSpec(height_px=options.side, width_px=options.side, fit="stretch")
    # No test photos are needed, but a part must not be empty.
    split = SplitFractions(test=0.001, validation=0.2)
    return ingest.ingest_photos(scan_photos(options.photos), input_spec, split, console=Console(quiet=True))


def _make_spec(recipe: Recipe) -> InputSpec:
    return InputSpec(height_px=recipe.base.side_px, width_px=recipe.base.side_px, fit=recipe.photos.fit)


def _read_gpu_name() -> str:
    """Return the name of the first NVIDIA GPU, "" if there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    return (output.strip().splitlines() or [""])[0]


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure training on a GPU.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--base", default="mobilenet_v2")
    parser.add_argument("--weights", default="none", help="weights of the base without top, or none (%(default)s)")
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--unfreeze", default="-3", help="as in edgetl train")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--fine-tune-epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contestant", action="append", choices=_CONTESTANTS, help="only these; may be repeated")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
