#!/usr/bin/env python3
"""Measure where the time of a build goes, with several versions of edgetl in turn.

    python tools/measure_build.py PHOTOS --checkout old=DIR --checkout new=. -- --side 224 --fine-tune-epochs 0

Each round builds with every version, each in a process of its own, from its own checkout folder and with its own cache.
What follows `--` are options of `edgetl build`. With --warm, each cache has decoded photos and features from a build
that is not counted; without it, each build begins with an empty cache.

The seconds of each stage are those that the run folder records; "everything" is the whole process. On a machine that
others use, the processor seconds, of all cores, of the process and its children, are the ones to compare.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.run.durations import read_costs
from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, write_rows
from tools.tables.speed import render_build

_RESULTS_FILE = "build.jsonl"
_EVERYTHING = "everything"
# Shorter stages are left out of the table.
_SHORTEST_S = 1.0

# Name of a stage → seconds and processor seconds; 0 processor seconds where the version does not record them.
Costs = dict[str, tuple[float, float]]


def main() -> None:
    """Measure, print a table, and write its rows."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / _RESULTS_FILE)
    rounds: dict[str, list[Costs]] = {name: [] for name in options.checkout}
    with TemporaryDirectory(prefix="edgetl-build-") as work:
        if options.warm:
            for name in options.checkout:
                _build(name, options, Path(work))
        for number in range(1, options.rounds + 1):
            for name in options.checkout:
                costs = _build(name, options, Path(work))
                rounds[name].append(costs)
                seconds, processor_s = costs[_EVERYTHING]
                print(f"round {number}  {name:10} {seconds:.1f} s, processor {processor_s:.1f} s", file=sys.stderr)
    rows = tabulate_costs(rounds)
    print(render_build(rows))
    if options.write:
        write_rows(options.write / _RESULTS_FILE, rows, ("stage",))


def tabulate_costs(rounds: dict[str, list[Costs]]) -> list[Row]:
    """Make a row for each stage, the longest of the first version first, from the medians of the rounds."""
    names = list(rounds)
    medians: dict[str, Costs] = {}
    for name, builds in rounds.items():
        stages = {stage for costs in builds for stage in costs}
        # A stage that a version does not have takes no time.
        medians[name] = {
            stage: (
                statistics.median(costs.get(stage, (0.0, 0.0))[0] for costs in builds),
                statistics.median(costs.get(stage, (0.0, 0.0))[1] for costs in builds),
            )
            for stage in stages
        }
    longest = {
        stage: max(medians[name].get(stage, (0.0, 0.0))[0] for name in names)
        for costs in medians.values()
        for stage in costs
    }
    longest_first = [
        stage for stage in sorted(longest, key=lambda stage: -longest[stage]) if longest[stage] >= _SHORTEST_S
    ]
    rows = []
    for stage in longest_first:
        row: Row = {"stage": stage, "rounds": len(rounds[names[0]])}
        for name in names:
            seconds, processor_s = medians[name].get(stage, (0.0, 0.0))
            row |= {f"{name}_s": round(seconds, 1), f"{name}_processor_s": round(processor_s, 1)}
        rows.append(row)
    return rows


def _build(name: str, options: argparse.Namespace, work: Path) -> Costs:
    """Build with one version in a process of its own; return the costs of its stages."""
    cache = work / f"cache-{name}"
    with TemporaryDirectory(dir=work) as folder:
        run = Path(folder) / "run"
        environment = {
            **os.environ,
            "PYTHONPATH": str(options.checkout[name]),
            "XDG_CACHE_HOME": str(cache if options.warm else Path(folder) / "cache"),
        }
        command = [sys.executable, "-m", "edgetl", "build", str(options.photos), *options.build, "--out", str(run)]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        # Another folder than that of this script: Python would import its edgetl.
        process = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        # 1: the contract is broken, which is a result too.
        if process.returncode not in (0, 1):
            print(process.stderr, file=sys.stderr)
            sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
        processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        stages = {stage: (cost.seconds, cost.processor_s) for stage, cost in read_costs(run).items()}
    return {**stages, _EVERYTHING: (seconds, processor_s)}


def _parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the stages of a build with several versions of edgetl.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--checkout", action="append", metavar="NAME=DIR", help="a version; may be repeated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", action="store_true", help="fill the caches by a build that is not counted")
    add_write_option(parser)
    words = sys.argv[1:] if arguments is None else list(arguments)
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    options.build = words[end + 1 :]
    options.photos = options.photos.resolve()
    options.checkout = {
        name: Path(folder).resolve()
        for name, _, folder in (text.partition("=") for text in options.checkout or ["new=."])
    }
    for name, folder in options.checkout.items():
        if not (folder / "edgetl").is_dir():
            parser.error(f"--checkout {name}: {folder} has no folder edgetl")
    return options


if __name__ == "__main__":
    with report_errors():
        main()
