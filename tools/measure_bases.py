#!/usr/bin/env python3
"""Every base through every method of both formats: is the contract kept, how large is the file, how long does it take?

    python tools/measure_bases.py --results bases.jsonl                  # all that is not in the file yet; hours
    python tools/measure_bases.py --results bases.jsonl --base vgg16     # one base; may be repeated
    python tools/measure_bases.py --results bases.jsonl --table          # only print what is there

Each base starts from random weights at its smallest side, learns the embedded digits for four epochs (--epochs), all
but the first of them whole, and goes through its methods one by one; every file is judged on the test digits against
Keras. That tells whether each graph survives each method, not how well a base classifies: from its real weights it does
far better.
Each file is a line in --results; what stands there is not made again. A base has a process of its own.
"""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.errors import EdgetlError
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.machine import read_processor_name
from edgetl.core.network import base_table, bases
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.run import run_folder
from edgetl.pipeline.order import Order
from edgetl.pipeline.scores import Chain

WAYS: dict[FormatName, tuple[str, ...]] = {
    "tflite": ("float32", "float16", "dynamic", "int8", "int16x8", "qat8"),
    "onnx": ("float32", "float16", "dynamic", "int8", "qat8"),
}
# The part of the head's rate that the whole network bears: VGG has no normalization inside, and a hundred layers and
# more learn next to nothing from random weights in so few epochs at a higher one.
RATES = {"vgg16": 0.05, "vgg19": 0.05, "resnet101": 0.2, "resnet101_v2": 0.2, "resnet152": 0.2, "resnet152_v2": 0.2}


def main() -> None:
    """Make what is missing, then print the table."""
    options = _options()
    if options.within:
        _measure(options, Path(options.within))
        return
    ended = 0
    for name in [] if options.table else options.base or list(base_table.BASES):
        if _missing(name, options.results):
            with TemporaryDirectory() as folder:
                command = [sys.executable, __file__, "--results", str(options.results), "--base", name]
                command += ["--epochs", str(options.epochs)]
                done = subprocess.run([*command, "--within", folder], check=False)
            if done.returncode:
                print(f"{name}: ended with {done.returncode}", file=sys.stderr)
                ended = 1
    _print(_told(options.results))
    sys.exit(ended)


def _measure(options: argparse.Namespace, folder: Path) -> None:
    """Train one base and make its missing files, a line for each."""
    name, results = options.base[0], options.results
    row = bases.find_base(name)
    flags: recipe.Tables = {
        "base": {
            "name": name,
            "alpha": 1.0,
            "side_px": row.smallest_side_px,
            "weights": "none",
        },
        "photos": {"validation": 0.1, "test": 0.2},
        "augment": {"views": 1, "flip": False},
        "training": {"batch_norm": "training", "batch_size": 16, "patience": 0},
        "phase1": {"epochs": 1, "learning_rate": 2e-3},
        "phase2": {
            "epochs": options.epochs - 1,
            "unfreeze": "all",
            "learning_rate_ratio": RATES.get(name, 1.0),
        },
        "retrain": {"epochs": 1},
        "convert": {"calibration_photos": 100},
    }
    order = Order(photos=None, targets=(targets.find_target("tflite"),), recipe=recipe.resolve_recipe("default", flags))
    with run_folder.open_run(folder / "run") as run:
        chain = Chain(order, run, Console(quiet=True))
        for form, method in _missing(name, results):
            made = {"base": name, "epochs": options.epochs, "format": form, "method": method}
            told = {**made, **_figures(chain, form, method)}
            with results.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({**told, "processor": read_processor_name()}) + "\n")
            print(json.dumps(told), file=sys.stderr)


def _figures(chain: Chain, form: FormatName, method: str) -> dict[str, Any]:
    """One file made and judged; `seconds` is what it alone took, training and the float32 reference left out."""
    trained, before = chain.trained, set(chain.run.took)
    reference = {"side_px": trained.input.side_px, "training_s": round(chain.run.took["train"], 1)}
    try:
        artifact = chain.artifact(form, method)
        seconds = sum(spent for stage, spent in chain.run.took.items() if stage not in before)
        verdict = chain.verdict(artifact, "test", FORMATS[form].fast_kernels)
    except EdgetlError as error:
        return {**reference, "failed": error.message}
    return {
        **reference,
        "photos": verdict.photos,
        "keras": round(verdict.reference_accuracy, 4),
        "drop": round(verdict.drop, 4),
        "drop_low": round(verdict.drop_low, 4),
        "drop_high": round(verdict.drop_high, 4),
        "agreement": round(verdict.agreement, 4),
        "outcome": verdict.outcome,
        "bytes": artifact.bytes,
        "seconds": round(seconds, 1),
    }


def _missing(name: str, results: Path) -> list[tuple[FormatName, str]]:
    there = {(one["format"], one["method"]) for one in _told(results) if one["base"] == name}
    return [(form, method) for form, methods in WAYS.items() for method in methods if (form, method) not in there]


def _told(results: Path) -> list[dict[str, Any]]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
    return [json.loads(line) for line in lines]


def _print(told: list[dict[str, Any]]) -> None:
    """A table of Markdown for each format: a row a base, a cell a method, and below it why files were not made."""
    files: defaultdict[str, dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    for one in told:
        files[one["base"]][one["format"], one["method"]] = one
    for form, methods in WAYS.items():
        notes: list[str] = []
        print(f"| {FORMATS[form].title} | training, Keras | {' | '.join(methods)} |")
        print("|---|---|" + "---|" * len(methods))
        for name in filter(files.get, base_table.BASES):
            made = {method: files[name].get((form, method)) for method in methods}
            epochs = _trained(files[name])[0]
            cells = [_cell(file, notes, epochs) for file in made.values()]
            print(
                f"| {name}, {bases.find_base(name).smallest_side_px} px | {_told_of(files[name])} | {' | '.join(cells)} |"
            )
        print("".join(f"\n{place}. {note}" for place, note in enumerate(notes, 1)) + "\n")


def _trained(made: dict[tuple[str, str], dict[str, Any]]) -> tuple[int, float, float]:
    """Epochs, seconds and accuracy of the training that most of a base's files come from; zeros where there is none."""
    trainings = [(_epochs(one), one["training_s"], one["keras"]) for one in made.values() if "keras" in one]
    return max(set(trainings), key=trainings.count) if trainings else (0, 0.0, 0.0)


def _told_of(made: dict[tuple[str, str], dict[str, Any]]) -> str:
    epochs, seconds, accuracy = _trained(made)
    return f"{epochs} epochs, {seconds:.0f} s, {accuracy:.3f}" if epochs else ""


def _epochs(file: dict[str, Any]) -> int:
    return int(file.get("epochs", 4))


def _cell(file: dict[str, Any] | None, notes: list[str], epochs: int) -> str:
    if file is None:
        return ""
    other = f", {_epochs(file)} epochs" if _epochs(file) != epochs else ""
    if "failed" in file:
        note = file["failed"].splitlines()[0].partition(": what was learned")[0]
        if note not in notes:
            notes.append(note)
        return f"✗ ({notes.index(note) + 1}{other})"
    mark = {"PASS": "✓", "UNDECIDED": "~", "FAIL": "✗"}[file["outcome"]]
    return f"{mark} {100 * file['drop']:+.2f}, {file['bytes'] / 1e6:.2f} MB, {file['seconds']:.0f} s{other}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Every base through every method of both formats.")
    parser.add_argument("--results", type=Path, default=Path("bases.jsonl"), help="%(default)s")
    parser.add_argument("--base", action="append", default=[], choices=list(base_table.BASES), help="may be repeated")
    parser.add_argument("--epochs", type=int, default=4, help="of training (%(default)s)")
    parser.add_argument("--table", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("--within", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
