#!/usr/bin/env python3
"""Measure how much faster training is than the textbook recipe, on the same photos for the same number of epochs.

    python tools/measure_training.py PHOTOS --weights FILE.h5 --textbook naive_recipe.py --side 160 --unfreeze=-3

Each round runs the contestants in turn, each in a process of its own with an empty cache:

- textbook: a script of the textbook recipe, if --textbook names one. It must accept the options of `_run_textbook`, and
  its last line must be a JSON object with seconds and accuracy;
- tfdata: the same network under `model.fit`, photos decoded once by a tf.data pipeline with `.cache()`;
- uncached: `edgetl train --recipe classic --no-feature-cache`;
- edgetl: `edgetl train --recipe classic`.

All train on the same four fifths of the photos, chosen by Keras; the accuracy is that on the last fifth after the last
epoch. Imports, and copying the two parts into folders for edgetl, are not measured. The medians over the rounds and the
medians of the rounds' ratios are printed. With --results each finished run is kept in that file and not repeated, so a
long measurement can be interrupted, and continue when the machine is idle.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_EPOCHS, _FINE_TUNE_EPOCHS = 12, 10
# There is no folder test/, so edgetl takes a test part from the training photos: the fraction keeps it at a few photos.
_RECIPE = """preset = "classic"

[photos]
test = 0.001
"""

Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "training.jsonl")
    names = options.contestant
    rounds: list[dict[str, Figures]] = []
    for number in range(1, options.rounds + 1):
        rounds.append({name: _measure(name, number, options) for name in names})
    medians = {
        name: {key: statistics.median(figures[name][key] for figures in rounds) for key in rounds[0][name]}
        for name in names
    }
    # Ratios within a round, because the pace of a shared machine changes from round to round.
    ratios = {
        name: round(statistics.median(figures[name]["seconds"] / figures["edgetl"]["seconds"] for figures in rounds), 2)
        for name in names
        if name != "edgetl" and "edgetl" in names
    }
    if options.write:
        write_rows(
            options.write / "training.jsonl", [_make_row(medians, ratios, options)], ("alpha", "side_px", "unfreeze")
        )
    machine = {"machine": describe_machine(), "python": platform.python_version()}
    summary = {**machine, "rounds": len(rounds), "medians": medians, "seconds_relative_to_edgetl": ratios}
    print(json.dumps(summary, indent=None if options.json else 1))


def _make_row(medians: dict[str, Figures], ratios: dict[str, float], options: argparse.Namespace) -> Row:
    """Make the row of the results file. `gain` is the duration of the textbook recipe relative to edgetl's."""
    row: Row = {"alpha": options.alpha, "side_px": options.side, "unfreeze": options.unfreeze, "rounds": options.rounds}
    for name, figures in medians.items():
        row |= {f"{name}_s": figures["seconds"], f"{name}_accuracy": figures["accuracy"]}
    return row | {"gain": ratios["textbook"]}


def _measure(name: str, number: int, options: argparse.Namespace) -> Figures:
    """Return seconds and accuracy of one run, measured now or read from --results."""
    run = {"side": options.side, "alpha": options.alpha, "unfreeze": options.unfreeze, "round": number, "name": name}
    if options.results and options.results.is_file():
        for line in options.results.read_text(encoding="utf-8").splitlines():
            finished = json.loads(line)
            if all(finished[key] == value for key, value in run.items()):
                return {key: finished[key] for key in finished if key not in run}
    figures = _CONTESTANTS[name](options)
    print(f"round {number}  {name:<10} {json.dumps(figures)}", file=sys.stderr)
    if options.results:
        with options.results.open("a", encoding="utf-8") as results:
            results.write(json.dumps({**run, **figures}) + "\n")
    return figures


def _run_textbook(options: argparse.Namespace) -> Figures:
    """Run the textbook script as it is."""
    command = [sys.executable, str(options.textbook), str(options.photos), "--side", str(options.side)]
    command += ["--alpha", str(options.alpha), "--weights", str(options.weights)]
    command += ["--epochs", str(_EPOCHS), "--fine-tune-epochs", str(_FINE_TUNE_EPOCHS)]
    command += ["--unfreeze", str(options.textbook_unfreeze or options.unfreeze.lstrip("-"))]
    return _run(command, dict(os.environ))


def _run_child(options: argparse.Namespace, kind: str, *flags: str) -> Figures:
    """Run a contestant of this script in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.toml"
        recipe.write_text(_RECIPE, encoding="utf-8")
        command = [sys.executable, __file__, "--child", kind, folder, str(options.photos), "--recipe", str(recipe)]
        command += ["--side", str(options.side), "--alpha", str(options.alpha), "--weights", str(options.weights)]
        command += [f"--unfreeze={options.unfreeze}", *flags]
        return _run(command, {**os.environ, "XDG_CACHE_HOME": folder})


def _run(command: list[str], environment: dict[str, str]) -> Figures:
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if process.returncode:
        print(process.stderr, file=sys.stderr)
        sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
    figures = json.loads(process.stdout.strip().splitlines()[-1])
    return {"seconds": round(figures["seconds"], 2), "accuracy": round(figures["accuracy"], 4)}


_CONTESTANTS: dict[str, Callable[[argparse.Namespace], Figures]] = {
    "textbook": _run_textbook,
    "tfdata": lambda options: _run_child(options, "tfdata"),
    "uncached": lambda options: _run_child(options, "edgetl", "--no-feature-cache"),
    "edgetl": lambda options: _run_child(options, "edgetl"),
}


def _train_edgetl(folder: str, arguments: list[str]) -> Figures:
    """Run `edgetl train` in this process; modules are imported before the clock starts."""
    from edgetl import cli
    from edgetl.stages import ingest, train

    # The command line imports stages lazily; these two take seconds.
    assert ingest and train
    photos, *flags = arguments
    parts = _copy_parts(Path(photos), Path(folder) / "photos")
    start = time.perf_counter()
    out = Path(folder) / "run"
    code = cli.run(["train", str(parts), *flags, "--out", str(out), "--quiet"])
    seconds = time.perf_counter() - start
    if code:
        sys.exit(code)
    with (out / "train" / "log.csv").open(encoding="utf-8") as log:
        last_epoch = list(csv.DictReader(log))[-1]
    return {"seconds": seconds, "accuracy": float(last_epoch["validation_accuracy"])}


def _copy_parts(photos: Path, folder: Path) -> Path:
    """Copy the photos into the folders train/ and val/, divided as Keras divides them."""
    import keras

    # The same seed and fraction as in `_train_tfdata` and in the textbook script, so all train on the same photos.
    parts = keras.utils.image_dataset_from_directory(
        photos, validation_split=0.2, subset="both", seed=1, batch_size=None, verbose=False
    )
    for name, part in zip(("train", "val"), parts, strict=True):
        for path in map(Path, part.file_paths):
            copy = folder / name / path.relative_to(photos)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


def _train_tfdata(folder: str, arguments: list[str]) -> Figures:
    """Train the same network by the same recipe under `model.fit`, with every photo decoded once and kept in memory."""
    # edgetl's engines set this to 1, with which tf.data does not decode in parallel.
    os.environ["TF_DETERMINISTIC_OPS"] = "0"
    import keras
    import tensorflow as tf

    from edgetl.core.recipe.resolve import resolve_recipe
    from edgetl.engines.keras import build
    from edgetl.engines.keras import model as keras_model

    options = _parse_child_options(arguments)
    base = {"side_px": options.side, "alpha": options.alpha, "weights": options.weights}
    recipe = resolve_recipe(options.recipe, {"base": base, "phase2": {"unfreeze": options.unfreeze}})
    start = time.perf_counter()
    keras_model.reset_keras(recipe.training.seed)
    size = (options.side, options.side)
    folders = keras.utils.image_dataset_from_directory(
        options.photos, validation_split=0.2, subset="both", seed=1, image_size=size, batch_size=None
    )

    def keep_in_memory(part: Any) -> Any:
        # As uint8, a quarter of the memory of floats.
        return part.map(lambda image, label: (tf.cast(image, tf.uint8), label)).cache()

    training, validation = (keep_in_memory(part) for part in folders)
    training = training.shuffle(int(folders[0].cardinality())).batch(recipe.training.batch_size)
    training = training.prefetch(tf.data.AUTOTUNE)
    validation = validation.batch(recipe.training.batch_size).prefetch(tf.data.AUTOTUNE)
    model = build.assemble_model(recipe.base, recipe.head, len(folders[0].class_names), Path(options.weights))
    unfrozen = build.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training)

    def fit(learning_rate: float, epochs: int) -> None:
        optimizer = keras.optimizers.Adam(learning_rate)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(training, epochs=epochs, validation_data=validation, verbose=0)

    fit(recipe.phase1.learning_rate, _EPOCHS)
    build.unfreeze(model, unfrozen, recipe.training)
    fit(recipe.phase1.learning_rate * recipe.phase2.learning_rate_ratio, _FINE_TUNE_EPOCHS)
    model.save(Path(folder) / "model.keras")
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "accuracy": model.evaluate(validation, verbose=0)[1]}


_CHILDREN = {"edgetl": _train_edgetl, "tfdata": _train_tfdata}


def _parse_child_options(arguments: list[str]) -> argparse.Namespace:
    """Parse the options of `edgetl train` that `_run_child` uses."""
    parser = argparse.ArgumentParser()
    for flag in ("--recipe", "--weights", "--unfreeze"):
        parser.add_argument(flag)
    parser.add_argument("--side", type=int)
    parser.add_argument("--alpha", type=float)
    parser.add_argument("photos")
    return parser.parse_args(arguments)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how much faster training is than the textbook recipe.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--textbook", type=Path, help="script of the textbook recipe; without it, it is left out")
    parser.add_argument("--weights", type=Path, required=True, help="weights of the base without top")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--unfreeze", default="-3", help="as in edgetl train")
    parser.add_argument("--textbook-unfreeze", type=int, help="the same as a count of layers, if --unfreeze is none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contestant", action="append", choices=_CONTESTANTS, help="only these; may be repeated")
    parser.add_argument("--results", type=Path, help="file of finished runs, which are not repeated")
    parser.add_argument("--json", action="store_true", help="print one line")
    add_write_option(parser)
    options = parser.parse_args()
    options.contestant = options.contestant or [name for name in _CONTESTANTS if name != "textbook" or options.textbook]
    if options.write and not {"textbook", "edgetl"} <= set(options.contestant):
        parser.error(
            "the table compares edgetl with the textbook recipe: --write needs --textbook and both contestants"
        )
    return options


if __name__ == "__main__":
    with report_errors():
        if sys.argv[1:2] == ["--child"]:
            print(json.dumps(_CHILDREN[sys.argv[2]](sys.argv[3], sys.argv[4:])))
        else:
            main()
