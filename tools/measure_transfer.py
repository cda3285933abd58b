#!/usr/bin/env python3
"""What a base's weights are worth on photos: random, drawn by formula, ImageNet's, at an equal budget.

    python tools/measure_transfer.py --photos flowers5 --photos glass_or_metal --formula base.npz --imagenet FILE.h5

The network is MobileNetV2 alpha 0.35 at 64 px. For each set of photos (scikit-learn's digits are always one), each seed
and each start: phase 1, a head on the frozen base; then, from the start again, the whole network fine-tuned with Adam
1e-3 along a cosine, judged after the first epoch and after the last. Photos are split once, by their content; a seed
draws the head, random weights, and the order of photos. The digits have 900 training photos and 15 epochs, other sets
four fifths of their photos and 12 epochs.

Each finished run is a line in --results; what stands there is not run again, so that it can be stopped at any time, or
sent off in portions with --runs. The table tells means over the seeds and the standard deviation.
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
from edgetl.engines.keras import half_weights
from edgetl.engines.keras import model as keras_model

# The engines come first: they set the environment that keras reads.
import keras  # isort: skip

BATCH, LEARNING_RATE = 32, 1e-3
DIGITS, DIGITS_TRAINING_PHOTOS = "digits", 900
JUDGED = ("phase1", "first_epoch", "last_epoch")


@dataclass(frozen=True, slots=True)
class Part:
    """Photos to train on or to judge by."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sha256s: list[str]


@dataclass(frozen=True, slots=True)
class Photos:
    """A set of photos, split."""

    name: str
    classes: int
    epochs: int
    train: Part
    judge: Part


@dataclass(frozen=True, slots=True)
class Start:
    """What a network starts from: random weights where there is no file."""

    name: str
    file: Path | None = None

    @property
    def sha256(self) -> str:
        """The file's, "" where there is none."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest() if self.file else ""


def main() -> None:
    """Run what is missing and print the table."""
    options = _options()
    starts = [Start("random"), *(Start("formula", file) for file in options.formula)]
    starts += [Start("imagenet", options.imagenet)] if options.imagenet else []
    folder = cache.locate_cache() / "digits"
    digits.write_digits(folder)
    folders = {DIGITS: folder, **{path.name: path for path in options.photos}}
    keys = [
        {"photos": name, "start": start.name, "sha256": start.sha256, "seed": seed, **_terms(options)}
        for seed in range(1, options.seeds + 1)
        for name in folders
        for start in starts
    ]
    done = _told(options.results)
    missing = [key for key in keys if not any(key.items() <= run.items() for run in done)]
    for key in missing[: options.runs]:
        start = next(start for start in starts if start.sha256 == key["sha256"])
        figures = _run(_photos(key["photos"], folders[key["photos"]], options), start, key["seed"], options)
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps({**key, **figures}) + "\n")
        print(json.dumps({**key, **figures}), file=sys.stderr)
    done = _told(options.results)
    _print([run for run in done if any(key.items() <= run.items() for key in keys)], options.json)


def _run(photos: Photos, start: Start, seed: int, options: argparse.Namespace) -> dict[str, float]:
    began = time.perf_counter()
    keras_model.reset_keras(seed)
    weights = str(start.file) if start.name == "imagenet" else "none"
    base = BaseRecipe(name="mobilenet_v2", alpha=0.35, side_px=options.side, weights=weights)
    model = build.assemble_model(base, HeadRecipe(), photos.classes)
    if start.name == "formula":
        assert start.file is not None
        half_weights.fill_layers(build.list_base_layers(model), start.file.read_bytes())
    phase1 = _phase1(model, photos)
    first, last = _fine_tuned(model, photos, seed, options)
    figures = dict(zip(JUDGED, (phase1, first, last), strict=True))
    return {key: round(value, 4) for key, value in figures.items()} | {"seconds": round(time.perf_counter() - began, 1)}


def _phase1(model: Any, photos: Photos) -> float:
    """The accuracy of a head on the frozen base. The model keeps a head that has seen nothing."""
    base = keras.Model(model.input, model.get_layer(build.POOLING).output)
    train, judge = (base.predict(part.pixels, batch_size=BATCH, verbose=0) for part in (photos.train, photos.judge))
    features = keras.Input(train.shape[1:])
    head = keras.layers.Dense(photos.classes, activation="softmax")(
        keras.layers.Dropout(HeadRecipe().dropout)(features)
    )
    head = keras.Model(features, head)
    _compile(head, photos)
    head.fit(train, photos.train.labels, batch_size=BATCH, epochs=photos.epochs, verbose=0)
    return float(head.evaluate(judge, photos.judge.labels, verbose=0)[1])


def _fine_tuned(model: Any, photos: Photos, seed: int, options: argparse.Namespace) -> tuple[float, float]:
    """The accuracy of the whole network after the first epoch and after the last."""
    training = TrainingRecipe(batch_norm="training", batch_norm_momentum=options.momentum)
    build.unfreeze(model, build.select_trainable_layers(model, "all", training), training)
    _compile(model, photos)
    how = AugmentRecipe() if options.augment else AugmentRecipe(flip=False, shift=0, zoom=0, brightness=0)
    accuracies = []
    for epoch in range(photos.epochs):
        pixels = augment.augment_photos(photos.train.pixels, photos.train.sha256s, epoch, seed, how)
        model.fit(pixels, photos.train.labels, BATCH, initial_epoch=epoch, epochs=epoch + 1, verbose=0)
        if epoch in (0, photos.epochs - 1):
            accuracies.append(float(model.evaluate(photos.judge.pixels, photos.judge.labels, verbose=0)[1]))
    return accuracies[0], accuracies[-1]


def _compile(model: Any, photos: Photos) -> None:
    steps = photos.epochs * -(-len(photos.train.labels) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])


def _photos(name: str, folder: Path, options: argparse.Namespace) -> Photos:
    """The pixels of a set, every content once, in the order of the sha256: as good as shuffled, and always the same."""
    tree = scan_photos(folder)
    shape = InputSpec(side_px=options.side, fit="crop")
    glimpses = pixel_store.fill_pixel_store(tree.root, tree.paths, shape, progress=lambda _: None)
    pairs = zip(glimpses, tree.files, strict=True)
    label = {glimpse.sha256: file.label for glimpse, file in pairs if not glimpse.problem}
    sha256s = sorted(label)
    pixels = pixel_store.open_pixels(sha256s, shape).rows(range(len(sha256s)))
    labels = np.array([label[sha256] for sha256 in sha256s], np.int64)
    cut = DIGITS_TRAINING_PHOTOS if name == DIGITS else round(0.8 * len(sha256s))
    train, judge = (Part(pixels[part], labels[part], sha256s[part]) for part in (slice(cut), slice(cut, None)))
    epochs = options.digits_epochs if name == DIGITS else options.epochs
    return Photos(name, len(tree.classes), epochs, train, judge)


def _terms(options: argparse.Namespace) -> dict[str, Any]:
    """What must be equal for runs to be compared."""
    names = ("side", "epochs", "digits_epochs", "momentum", "augment")
    return {name: getattr(options, name) for name in names}


def _told(results: Path) -> list[dict[str, Any]]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
    return [json.loads(line) for line in lines]


def _print(runs: list[dict[str, Any]], as_json: bool) -> None:
    groups: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        groups[run["photos"], f"{run['start']} {run['sha256'][:8]}".strip()].append(run)
    rows = []
    for (photos, start), group in sorted(groups.items()):
        row: dict[str, Any] = {"photos": photos, "start": start, "runs": len(group)}
        for name in JUDGED:
            values = [run[name] for run in group]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            row[name], row[f"{name}_spread"] = round(statistics.mean(values), 4), round(spread, 4)
        rows.append(row)
    if as_json:
        print(json.dumps(rows))
        return
    print(f"{'photos':<16} {'start':<18} {'runs':>4}  " + "  ".join(f"{name:<14}" for name in JUDGED))
    for row in rows:
        figures = "  ".join(f"{row[name]:.3f} ± {row[name + '_spread']:.3f} " for name in JUDGED)
        print(f"{row['photos']:<16} {row['start']:<18} {row['runs']:>4}  {figures}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a base's weights are worth on photos, at an equal budget.")
    parser.add_argument("--photos", type=Path, action="append", default=[], help="a folder of photos; may be repeated")
    parser.add_argument("--formula", type=Path, action="append", default=[], help="half-float weights; may be repeated")
    parser.add_argument("--imagenet", type=Path, help="Keras's ImageNet weights of alpha 0.35, without top")
    parser.add_argument("--results", type=Path, default=Path("transfer.jsonl"), help="%(default)s")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=int, help="how many of the missing runs to do now; all of them without it")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--digits-epochs", type=int, default=15)
    parser.add_argument("--momentum", type=float, default=0.9, help="of the batch normalisation")
    parser.add_argument("--augment", action="store_true", help="light augmentation, edgetl's default")
    parser.add_argument("--json", action="store_true", help="one line")
    return parser.parse_args()


if __name__ == "__main__":
    main()
