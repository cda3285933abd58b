#!/usr/bin/env python3
"""How much faster training is than the textbook recipe, on the same photos for the same epochs.

    python tools/measure_training.py PHOTOS --weights FILE.h5 --naive naive_recipe.py --side 160 --unfreeze=-3

Each round runs the contestants one after the other, each in a process of its own with an empty cache:

- naive: the textbook script, if one is given (it must take the flags of `_naive` and end with a JSON line of seconds
  and accuracy);
- tfdata: the same network under `model.fit`, photos decoded once by a tf.data pipeline with `.cache()`;
- plain: `edgetl train --recipe classic --no-feature-cache`;
- cached: `edgetl train --recipe classic`.

All train on the same four fifths of the photos, chosen by Keras, and end with the accuracy on the last fifth after the
last epoch. Imports, and laying these parts out as folders for edgetl, are left out. Printed are the medians over the
rounds and the medians of their ratios, with the machine they were taken on. With --results every finished run is kept
in that file, and what stands there is not run again: a long measurement can be stopped, and go on when the machine is
quiet.
"""

import argparse
import csv
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgetl.core.machine import count_cores, read_processor_name

EPOCHS, FINE_TUNE_EPOCHS = 12, 10
RECIPE = """preset = "classic"

[photos]
test = 0.001
"""

Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    options = _options()
    wanted = options.contestant or [name for name in CONTESTANTS if name != "naive" or options.naive]
    rounds: list[dict[str, Figures]] = []
    for number in range(1, options.rounds + 1):
        rounds.append({name: _measured(name, number, options) for name in wanted})
    print(json.dumps(_summary(rounds), indent=None if options.json else 1))


def _measured(name: str, number: int, options: argparse.Namespace) -> Figures:
    """One run, or what the results file says of it."""
    what = {"side": options.side, "alpha": options.alpha, "unfreeze": options.unfreeze, "round": number, "name": name}
    if options.results and options.results.is_file():
        for line in options.results.read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            if all(kept[key] == value for key, value in what.items()):
                return {key: kept[key] for key in kept if key not in what}
    figures = CONTESTANTS[name](options)
    print(f"round {number}  {name:<10} {json.dumps(figures)}", file=sys.stderr)
    if options.results:
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps({**what, **figures}) + "\n")
    return figures


def _summary(rounds: list[dict[str, Figures]]) -> dict[str, object]:
    medians = {
        name: {key: statistics.median(measured[name][key] for measured in rounds) for key in rounds[0][name]}
        for name in rounds[0]
    }
    ratios = {
        f"{name} / cached": round(statistics.median(m[name]["seconds"] / m["cached"]["seconds"] for m in rounds), 2)
        for name in medians
        if name != "cached" and "cached" in medians
    }
    machine = {"cores": count_cores(), "processor": read_processor_name(), "python": platform.python_version()}
    return {"machine": machine, "rounds": len(rounds), "medians": medians, "ratios": ratios}


def _naive(options: argparse.Namespace) -> Figures:
    """The textbook script, in its own words."""
    command = [sys.executable, str(options.naive), str(options.photos), "--side", str(options.side)]
    command += ["--alpha", str(options.alpha), "--weights", str(options.weights)]
    command += ["--epochs", str(EPOCHS), "--fine-tune-epochs", str(FINE_TUNE_EPOCHS)]
    command += ["--unfreeze", str(options.naive_unfreeze or options.unfreeze.lstrip("-"))]
    return _told(command, dict(os.environ))


def _ours(options: argparse.Namespace, *flags: str) -> Figures:
    """`edgetl train` from the folder of photos to the saved model, in a cache of its own."""
    return _in_child(options, "edgetl", *flags)


def _in_child(options: argparse.Namespace, what: str, *flags: str) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.toml"
        recipe.write_text(RECIPE, encoding="utf-8")
        command = [sys.executable, __file__, "--child", what, folder, str(options.photos), "--recipe", str(recipe)]
        command += ["--side", str(options.side), "--alpha", str(options.alpha), "--weights", str(options.weights)]
        command += [f"--unfreeze={options.unfreeze}", *flags]
        return _told(command, {**os.environ, "XDG_CACHE_HOME": folder})


def _told(command: list[str], environment: dict[str, str]) -> Figures:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return {"seconds": round(told["seconds"], 2), "accuracy": round(told["accuracy"], 4)}


CONTESTANTS = {
    "naive": _naive,
    "tfdata": lambda options: _in_child(options, "tfdata"),
    "plain": lambda options: _in_child(options, "edgetl", "--no-feature-cache"),
    "cached": lambda options: _in_child(options, "edgetl"),
}


def _edgetl_child(folder: str, arguments: list[str]) -> Figures:
    """One timed `edgetl train` in this process, its imports done before the clock starts."""
    from edgetl import cli, stages

    _ = stages.train, stages.ingest
    photos, *flags = arguments
    parts = _laid_out(Path(photos), Path(folder) / "photos")
    start = time.perf_counter()
    out = Path(folder) / "run"
    code = cli.run(["train", str(parts), *flags, "--out", str(out), "--quiet"])
    seconds = time.perf_counter() - start
    if code:
        sys.exit(code)
    with (out / "train" / "log.csv").open(encoding="utf-8") as log:
        last = list(csv.DictReader(log))[-1]
    return {"seconds": seconds, "accuracy": float(last["validation_accuracy"])}


def _laid_out(photos: Path, folder: Path) -> Path:
    """Keras's four fifths and fifth as the folders train/ and val/."""
    import keras

    parts = keras.utils.image_dataset_from_directory(
        photos, validation_split=0.2, subset="both", seed=1, batch_size=None, verbose=False
    )
    for name, part in zip(("train", "val"), parts, strict=True):
        for path in map(Path, part.file_paths):
            copy = folder / name / path.relative_to(photos)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


def _tfdata_child(folder: str, arguments: list[str]) -> Figures:
    """The same network and recipe under `model.fit`, with every photo decoded once and kept in memory."""
    # The flag that edgetl's engines set would keep tf.data from decoding in parallel.
    os.environ["TF_DETERMINISTIC_OPS"] = "0"
    import keras
    import tensorflow as tf

    from edgetl.core.recipe.resolve import resolve_recipe
    from edgetl.engines.keras import model as keras_model

    parser = argparse.ArgumentParser()
    for flag in ("--recipe", "--weights", "--unfreeze"):
        parser.add_argument(flag)
    parser.add_argument("--side", type=int)
    parser.add_argument("--alpha", type=float)
    parser.add_argument("photos")
    told = parser.parse_args(arguments)
    base = {"side_px": told.side, "alpha": told.alpha, "weights": told.weights}
    recipe = resolve_recipe(told.recipe, {"base": base, "phase2": {"unfreeze": told.unfreeze}})
    start = time.perf_counter()
    keras_model.reset_keras(recipe.training.seed)
    folders = keras.utils.image_dataset_from_directory(
        told.photos, validation_split=0.2, subset="both", seed=1, image_size=(told.side, told.side), batch_size=None
    )
    classes = len(folders[0].class_names)
    train, held_out = (part.map(lambda image, label: (tf.cast(image, tf.uint8), label)).cache() for part in folders)
    train = train.shuffle(int(folders[0].cardinality())).batch(recipe.training.batch_size).prefetch(tf.data.AUTOTUNE)
    held_out = held_out.batch(recipe.training.batch_size).prefetch(tf.data.AUTOTUNE)
    model = build.assemble_model(recipe.base, recipe.head, classes)
    tuned = build.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training)
    rate = recipe.phase1.learning_rate
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, epochs=EPOCHS, validation_data=held_out, verbose=0)
    build.unfreeze(model, tuned, recipe.training)
    rate *= recipe.phase2.learning_rate_ratio
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, epochs=FINE_TUNE_EPOCHS, validation_data=held_out, verbose=0)
    model.save(Path(folder) / "model.keras")
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "accuracy": model.evaluate(held_out, verbose=0)[1]}


CHILDREN = {"edgetl": _edgetl_child, "tfdata": _tfdata_child}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How much faster training is than the textbook recipe.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--naive", type=Path, help="the textbook script; without it that column is left out")
    parser.add_argument("--weights", type=Path, required=True, help="the base's weights without top")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--unfreeze", default="-3", help="as edgetl takes it")
    parser.add_argument("--naive-unfreeze", type=int, help="the same as a count of layers, where it is no count")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contestant", action="append", choices=CONTESTANTS, help="these only; can be given often")
    parser.add_argument("--results", type=Path, help="keep finished runs here, and go on from them")
    parser.add_argument("--json", action="store_true", help="one line")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(CHILDREN[sys.argv[2]](sys.argv[3], sys.argv[4:])))
    else:
        main()
