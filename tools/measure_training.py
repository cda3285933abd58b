#!/usr/bin/env python3
"""How much faster training is than the textbook recipe, on the same photos for the same epochs.

    python tools/measure_training.py PHOTOS --naive naive_recipe.py --weights FILE.h5 --side 160 --unfreeze=-3

Each round runs, one after the other and each in a process of its own with an empty cache: the textbook script if one is
given (it must take the flags of `_naive` and end with a JSON line of seconds and accuracy), `edgetl train --recipe
classic --no-feature-cache`, and `edgetl train --recipe classic`. Imports are left out of all of them. Printed are the
medians over the rounds and their ratios, with the machine they were taken on.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgetl.core.machine import cores, processor

EPOCHS, FINE_TUNE_EPOCHS = 12, 10


def main() -> None:
    """Measure and print."""
    options = _options()
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(options.rounds):
        measured = {name: run(options) for name, run in CONTESTANTS.items() if name != "naive" or options.naive}
        rounds.append(measured)
        for name, figures in measured.items():
            print(f"round {number + 1}  {name:<10} {json.dumps(figures)}", file=sys.stderr)
    print(json.dumps(_summary(rounds), indent=None if options.json else 1))


def _summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    medians = {
        name: {key: statistics.median(measured[name][key] for measured in rounds) for key in rounds[0][name]}
        for name in rounds[0]
    }
    ratios = {
        f"{name} / cached": round(statistics.median(m[name]["seconds"] / m["cached"]["seconds"] for m in rounds), 2)
        for name in medians
        if name != "cached"
    }
    machine = {"cores": cores(), "processor": processor(), "python": platform.python_version()}
    return {"machine": machine, "rounds": len(rounds), "medians": medians, "ratios": ratios}


def _naive(options: argparse.Namespace) -> dict[str, float]:
    """The textbook script, in its own words."""
    command = [sys.executable, str(options.naive), str(options.photos), "--side", str(options.side)]
    command += ["--alpha", str(options.alpha), "--weights", str(options.weights)]
    command += ["--epochs", str(EPOCHS), "--fine-tune-epochs", str(FINE_TUNE_EPOCHS)]
    command += ["--unfreeze", str(options.naive_unfreeze or options.unfreeze.lstrip("-"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return {"seconds": round(told["seconds"], 2), "accuracy": round(told["accuracy"], 4)}


def _ours(options: argparse.Namespace, *flags: str) -> dict[str, float]:
    """`edgetl train` from the folder of photos to the saved model, in a cache of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--child", folder, str(options.photos), "--recipe", "classic"]
        command += ["--side", str(options.side), "--alpha", str(options.alpha), "--weights", str(options.weights)]
        command += [f"--unfreeze={options.unfreeze}", *flags]
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


CONTESTANTS = {
    "naive": _naive,
    "plain": lambda options: _ours(options, "--no-feature-cache"),
    "cached": _ours,
}


def _child(folder: str, arguments: list[str]) -> None:
    """One timed `edgetl train` in this process, its imports done before the clock starts."""
    from edgetl import cli, stages

    _ = stages.train, stages.ingest
    start = time.perf_counter()
    out = Path(folder) / "run"
    code = cli.run(["train", *arguments, "--out", str(out), "--quiet"])
    seconds = time.perf_counter() - start
    if code:
        sys.exit(code)
    record = json.loads((out / "train" / "train.json").read_text())["record"]
    kept = [phase for phase in record["phases"] if phase["kept"]][-1]
    print(json.dumps({"seconds": round(seconds, 2), "accuracy": round(kept["validation_accuracy"], 4)}))


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
    parser.add_argument("--json", action="store_true", help="one line")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3:])
    else:
        main()
