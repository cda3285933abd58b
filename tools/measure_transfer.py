#!/usr/bin/env python3
"""Measure the accuracy on photos from different initial weights: random, formula, ImageNet, with the same budget.

    python tools/measure_transfer.py --photos flowers5 --photos glass_or_metal --formula base.npz --imagenet FILE.h5

The network is MobileNetV2 with alpha 0.35 at 64 px. For each data set (scikit-learn's digits are always one of them),
each seed and each start two trainings are measured: a head on the frozen base, and, from the same start again, the
whole network, fine-tuned with Adam at 1e-3 with a cosine decay and evaluated after the first and the last epoch. Photos
are divided once, by their content. The seed sets the weights of the head, random weights and the order of photos. The
digits have 900 training photos and 15 epochs, other data sets four fifths of their photos and 12 epochs.

Each finished run is a line in --results and is not repeated, so the measurement can be interrupted, or divided over
machines with --runs. The table contains means and standard deviations over the seeds.
"""

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl.core.photos import augment, pixel_store
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.recipe.tables import AugmentRecipe, BaseRecipe, HeadRecipe, TrainingRecipe
from edgetl.core.records import InputSpec
from edgetl.core.storage import cache
from edgetl.engines import digits
from edgetl.engines.keras import build
from edgetl.engines.keras import model as keras_model
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, write_rows

# edgetl.engines must be imported first: it sets environment variables that keras reads.
import keras  # isort: skip

_BATCH_SIZE, _LEARNING_RATE = 32, 1e-3
_DIGITS, _DIGITS_TRAINING_PHOTOS = "digits", 900
_ACCURACIES = ("head_accuracy", "first_epoch_accuracy", "accuracy")


@dataclass(frozen=True, slots=True)
class Part:
    """Photos to train on, or to evaluate on: uint8 [photos, side, side, 3], int64 [photos], sha256 of each."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sha256s: list[str]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set in two parts, and the number of epochs for it."""

    name: str
    classes: int
    epochs: int
    training: Part
    test: Part


@dataclass(frozen=True, slots=True)
class Start:
    """Initial weights of the base; random ones without a file."""

    name: str
    file: Path | None = None

    @property
    def sha256(self) -> str:
        """Hash of the file, "" without one."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest() if self.file else ""


def main() -> None:
    """Run what the results do not contain, and print the table."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "transfer.jsonl")
    starts = [Start("random"), *(Start("formula", file) for file in options.formula)]
    starts += [Start("imagenet", options.imagenet)] if options.imagenet else []
    folder = cache.locate_cache() / "digits"
    digits.write_digits(folder)
    folders = {_DIGITS: folder, **{path.name: path for path in options.photos}}
    keys = [
        {"photos": name, "start": start.name, "sha256": start.sha256, "seed": seed, **_get_settings(options)}
        for seed in range(1, options.seeds + 1)
        for name in folders
        for start in starts
    ]
    finished = _read_runs(options.results)
    missing = [key for key in keys if not any(key.items() <= run.items() for run in finished)]
    for key in missing[: options.runs]:
        start = next(start for start in starts if start.sha256 == key["sha256"])
        data_set = _load_data_set(key["photos"], folders[key["photos"]], options)
        run = {**key, **_measure_run(data_set, start, key["seed"], options)}
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps(run) + "\n")
        print(json.dumps(run), file=sys.stderr)
    runs = [run for run in _read_runs(options.results) if any(key.items() <= run.items() for key in keys)]
    rows = _summarize_runs(runs, options)
    if options.write:
        write_rows(options.write / "transfer.jsonl", rows, ("photos", "epochs", "start"))
    if options.json:
        print(json.dumps(rows))
    else:
        _print_table(rows)


def _measure_run(data_set: DataSet, start: Start, seed: int, options: argparse.Namespace) -> Row:
    begin_s = time.perf_counter()
    keras_model.reset_keras(seed)
    # "none" and a file: a recipe with "formula" would accept only the weights inside the package.
    base = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=options.side, weights="none")
    model = build.assemble_model(base, HeadRecipe(), data_set.classes, start.file)
    head = _train_head(model, data_set)
    first_epoch, last_epoch = _fine_tune(model, data_set, seed, options)
    accuracies = zip(_ACCURACIES, (head, first_epoch, last_epoch), strict=True)
    return {name: round(value, 4) for name, value in accuracies} | {"seconds": round(time.perf_counter() - begin_s, 1)}


def _train_head(model: Any, data_set: DataSet) -> float:
    """Return the accuracy of a new head on the frozen base. The head of the model stays untrained."""
    # The frozen base gives the same features in every epoch, so they are computed once.
    base = keras.Model(model.input, model.get_layer(build.POOLING).output)
    training, test = (
        base.predict(part.pixels, batch_size=_BATCH_SIZE, verbose=0) for part in (data_set.training, data_set.test)
    )
    features = keras.Input(training.shape[1:])
    dropped = keras.layers.Dropout(HeadRecipe().dropout)(features)
    head = keras.Model(features, keras.layers.Dense(data_set.classes, activation="softmax")(dropped))
    _compile(head, data_set)
    head.fit(training, data_set.training.labels, batch_size=_BATCH_SIZE, epochs=data_set.epochs, verbose=0)
    return float(head.evaluate(test, data_set.test.labels, verbose=0)[1])


def _fine_tune(model: Any, data_set: DataSet, seed: int, options: argparse.Namespace) -> tuple[float, float]:
    """Train the whole network; return the accuracy after the first epoch and after the last."""
    training = TrainingRecipe(batch_norm="training", batch_norm_momentum=options.momentum)
    build.unfreeze(model, build.select_trainable_layers(model, "all", training), training)
    _compile(model, data_set)
    recipe = AugmentRecipe() if options.augment else AugmentRecipe(flip=False, shift=0, zoom=0, brightness=0)
    part = data_set.training
    accuracies = []
    for epoch in range(data_set.epochs):
        # One epoch per call of fit, because every epoch has other views of the photos.
        pixels = augment.augment_photos(part.pixels, part.sha256s, epoch, seed, recipe)
        model.fit(pixels, part.labels, _BATCH_SIZE, initial_epoch=epoch, epochs=epoch + 1, verbose=0)
        if epoch in (0, data_set.epochs - 1):
            accuracies.append(float(model.evaluate(data_set.test.pixels, data_set.test.labels, verbose=0)[1]))
    return accuracies[0], accuracies[-1]


def _compile(model: Any, data_set: DataSet) -> None:
    # Rounded up: the last batch of an epoch may be smaller.
    steps = data_set.epochs * -(-len(data_set.training.labels) // _BATCH_SIZE)
    learning_rate = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])


def _load_data_set(name: str, folder: Path, options: argparse.Namespace) -> DataSet:
    """Load the pixels of a data set. Photos are in the order of their sha256: shuffled, but always the same."""
    photos = scan_photos(folder)
    input_spec = InputSpec(height_px=options.side, width_px=options.side, fit="crop")
    facts = pixel_store.fill_pixel_store(photos.root, photos.paths, input_spec, progress=lambda _: None)
    pairs = zip(facts, photos.files, strict=True)
    # Each content is used once, however many files have it.
    label_of = {photo.sha256: file.label for photo, file in pairs if not photo.problem}
    sha256s = sorted(label_of)
    pixels = pixel_store.open_pixels(sha256s, input_spec).rows(range(len(sha256s)))
    labels = np.array([label_of[sha256] for sha256 in sha256s], np.int64)
    count = _DIGITS_TRAINING_PHOTOS if name == _DIGITS else round(0.8 * len(sha256s))
    training, test = (Part(pixels[part], labels[part], sha256s[part]) for part in (slice(count), slice(count, None)))
    return DataSet(name, len(photos.classes), _get_epochs(name, options), training, test)


def _get_epochs(name: str, options: argparse.Namespace) -> int:
    return int(options.digits_epochs if name == _DIGITS else options.epochs)


def _get_settings(options: argparse.Namespace) -> Row:
    """Return the settings that must be equal for runs to be compared."""
    names = ("side", "epochs", "digits_epochs", "momentum", "augment")
    return {name: getattr(options, name) for name in names}


def _read_runs(path: Path) -> list[Row]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


def _summarize_runs(runs: list[Row], options: argparse.Namespace) -> list[Row]:
    """Return mean and standard deviation over the seeds, one row for each data set and start."""
    groups: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for run in runs:
        groups[run["photos"], run["start"], run["sha256"]].append(run)
    rows = []
    for (photos, start, sha256), group in sorted(groups.items()):
        row: Row = {"photos": photos, "epochs": _get_epochs(photos, options), "start": start, "sha256": sha256[:8]}
        row["seeds"] = len(group)
        for name in _ACCURACIES:
            values = [run[name] for run in group]
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            row |= {name: round(statistics.mean(values), 4), f"{name}_deviation": round(deviation, 4)}
        rows.append(row)
    return rows


def _print_table(rows: list[Row]) -> None:
    print(f"{'photos':<16} {'start':<18} {'seeds':>5}  " + "  ".join(f"{name:<20}" for name in _ACCURACIES))
    for row in rows:
        cells = "  ".join(f"{row[name]:.3f} ± {row[name + '_deviation']:.3f}       " for name in _ACCURACIES)
        start = f"{row['start']} {row['sha256']}"
        print(f"{row['photos']:<16} {start:<18} {row['seeds']:>5}  {cells}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the accuracy on photos from different initial weights.")
    parser.add_argument("--photos", type=Path, action="append", default=[], help="folder of photos; may be repeated")
    parser.add_argument("--formula", type=Path, action="append", default=[], help="half-float weights; may be repeated")
    parser.add_argument("--imagenet", type=Path, help="Keras's ImageNet weights of alpha 0.35, without top")
    parser.add_argument("--results", type=Path, default=Path("transfer.jsonl"), help="file of runs (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=int, help="number of missing runs to do now (default: all)")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--digits-epochs", type=int, default=15)
    parser.add_argument("--momentum", type=float, default=0.9, help="momentum of batch normalization (%(default)s)")
    parser.add_argument("--augment", action="store_true", help="light augmentation, edgetl's default")
    parser.add_argument("--json", action="store_true", help="print one line")
    add_write_option(parser)
    options = parser.parse_args()
    if options.write and len(options.formula) > 1:
        parser.error("the results file has one row for formula weights: give one --formula with --write")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
