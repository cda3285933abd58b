#!/usr/bin/env python3
"""Convert every base by every method of both formats: accuracy contract, file size and duration of each file.

    python tools/measure_bases.py --results bases.jsonl                  # all files that are not in it yet; hours
    python tools/measure_bases.py --results bases.jsonl --base vgg16     # one base; may be repeated
    python tools/measure_bases.py --write                                # the same for tools/results/bases.jsonl
    python tools/measure_bases.py --write --table                        # measure nothing, print the tables

Each base starts from random weights at its smallest side and learns the embedded digits for four epochs (--epochs), the
first of them with a frozen base. Then it is converted by its methods one by one, and every file is judged on the test
digits against the Keras model. This shows whether each graph can be converted by each method, not how well a base
classifies: pretrained weights give far better models. Every base is measured in a process of its own. A file that the
results contain is not made again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.errors import EdgetlError
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.network import base_table, bases
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import Recipe, Tables
from edgetl.core.run import run_folder
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import Order
from edgetl.pipeline.pipeline import Pipeline
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, read_results, write_rows
from tools.results_tables import TABLES
from tools.tables.bases import METHODS

# Learning rate of the whole network, as a fraction of the head's. At higher rates these bases learn next to nothing
# from random weights in few epochs: VGG has no normalization, and the others have a hundred layers and more.
_LEARNING_RATE_RATIOS = {
    "vgg16": 0.05,
    "vgg19": 0.05,
    "resnet101": 0.2,
    "resnet101_v2": 0.2,
    "resnet152": 0.2,
    "resnet152_v2": 0.2,
}
_KEY = ("base", "format", "method")
# The command line of a child process would name one base only.
_COMMAND = "python tools/measure_bases.py --write"


def main() -> None:
    """Measure the files that the results do not contain, then print the tables."""
    options = _parse_options()
    if options.child_folder:
        _measure_base(options.base[0], options, Path(options.child_folder))
        return
    if not options.table:
        check_machine(options.results)
    failed = False
    for name in [] if options.table else options.base or list(base_table.BASES):
        if _list_missing(name, options.results):
            # A process for each base, so that its memory is returned to the system.
            with TemporaryDirectory() as folder:
                command = [sys.executable, __file__, "--results", str(options.results), "--base", name]
                command += ["--epochs", str(options.epochs), "--child-folder", folder]
                code = subprocess.run(command, check=False).returncode
            if code:
                print(f"{name}: exit code {code}", file=sys.stderr)
                failed = True
    if options.results.is_file():
        for table in ("bases_tflite", "bases_onnx"):
            print(TABLES[table].render(read_results(options.results)))
    sys.exit(failed)


def _measure_base(name: str, options: argparse.Namespace, folder: Path) -> None:
    """Train one base, make its missing files, and write a row for each."""
    order = Order(photos=None, targets=(targets.find_target("tflite"),), recipe=_make_recipe(name, options.epochs))
    with run_folder.open_run(folder / "run") as run:
        context = Context(order=order, run=run, console=Console(quiet=True))
        pipeline = Pipeline(context)
        for format_name, method in _list_missing(name, options.results):
            identity = {"base": name, "epochs": options.epochs, "format": format_name, "method": method}
            row = {**identity, **_measure_file(pipeline, format_name, method)}
            write_rows(options.results, [row], _KEY, command=_COMMAND)
            print(json.dumps(row), file=sys.stderr)


def _make_recipe(name: str, epochs: int) -> Recipe:
    tables: Tables = {
        "base": {
            "name": name,
            "alpha": 1.0,
            "side_px": bases.find_base(name).smallest_side_px,
            "weights": "none",
        },
        "photos": {"validation": 0.1, "test": 0.2},
        # A mirrored digit is not a digit.
        "augment": {"views": 1, "flip": False},
        # BatchNormalization of random weights has no statistics yet. Patience 0: every base trains all its epochs.
        "training": {"batch_norm": "training", "batch_size": 16, "patience": 0},
        "phase1": {"epochs": 1, "learning_rate": 2e-3},
        "phase2": {
            "epochs": epochs - 1,
            "unfreeze": "all",
            "learning_rate_ratio": _LEARNING_RATE_RATIOS.get(name, 1.0),
        },
        # Random weights are trained from the first layer on.
        "retrain": {"epochs": 1, "trained_layers": 1.0},
        "convert": {"calibration_photos": 100},
    }
    return resolve_recipe("default", tables)


def _measure_file(pipeline: Pipeline, format_name: FormatName, method: str) -> Row:
    """Make and judge one file. `seconds` is what it alone took, without training and the scores."""
    trained, clock = pipeline.model.trained, pipeline.context.clock
    # The seconds of training, and of the scores of the file before, are dropped.
    clock.lap()
    training = {"side_px": trained.input.height_px, "training_s": round(pipeline.context.run.seconds["train"], 1)}
    try:
        artifact = pipeline.files.make(format_name, method)
        seconds = clock.lap()
        verdict = pipeline.scores.judge(artifact, "test", FORMATS[format_name].fast_kernels)
    except EdgetlError as error:
        return {**training, "failed": error.message}
    return {
        **training,
        "photos": verdict.photos,
        "keras_accuracy": round(verdict.reference_accuracy, 4),
        "drop": round(verdict.drop, 4),
        "drop_low": round(verdict.drop_low, 4),
        "drop_high": round(verdict.drop_high, 4),
        "agreement": round(verdict.agreement, 4),
        "outcome": verdict.outcome,
        "size_bytes": artifact.bytes,
        "seconds": round(seconds, 1),
    }


def _list_missing(name: str, path: Path) -> list[tuple[FormatName, str]]:
    """List format and method of the base's files that the results do not contain."""
    rows = read_results(path).rows if path.is_file() else []
    finished = {(row["format"], row["method"]) for row in rows if row["base"] == name}
    files = [(format_name, method) for format_name, methods in METHODS.items() for method in methods]
    return [file for file in files if file not in finished]


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Convert every base by every method of both formats.")
    parser.add_argument("--results", type=Path, default=Path("bases.jsonl"), help="results file (%(default)s)")
    parser.add_argument("--base", action="append", default=[], choices=list(base_table.BASES), help="may be repeated")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of training (%(default)s)")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the tables")
    parser.add_argument("--child-folder", default="", help=argparse.SUPPRESS)
    add_write_option(parser)
    options = parser.parse_args()
    if options.write:
        options.results = options.write / "bases.jsonl"
    return options


if __name__ == "__main__":
    with report_errors():
        main()
