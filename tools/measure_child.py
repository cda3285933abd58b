#!/usr/bin/env python3
"""Measure what the child process for converters costs: builds with it, and builds that convert in their own process.

    python tools/measure_child.py --rounds 3
    python tools/measure_child.py PHOTOS --rounds 3 --options "--side 96 --alpha 0.35 --epochs 3"

Each round runs both builds, in fresh processes, run folders and caches, in turn. The first number is the time on the
wall, the second the processor time of the build and its child processes. The files of both must be equal.
"""

import argparse
import hashlib
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.errors import report_errors
from tools.results_files import describe_machine

# In place of the child process: the same tasks in the process of the build.
_IN_PROCESS = """
import sys
from edgetl.engines.conversion.worker import WORKER, read_message

def run(task, advance=lambda _: None):
    from edgetl.engines.conversion.__main__ import report_task
    from edgetl.engines.conversion.tasks import ConversionTask
    return read_message(*report_task(ConversionTask.model_validate(task), advance))

WORKER.start, WORKER.run = lambda: None, run
"""
_RUN = """
import sys
from edgetl.cli import main
sys.exit(main())
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="?", type=Path, help="folder of photos; the embedded digits without it")
    parser.add_argument("--options", default="", help="further options of edgetl build, in one string")
    parser.add_argument("--rounds", type=int, default=3, help="how often each build is run")
    arguments = parser.parse_args()
    order = [*([str(arguments.photos)] if arguments.photos else []), *shlex.split(arguments.options)]
    programs = {"in_process": _IN_PROCESS + _RUN, "child": _RUN}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    files: dict[str, dict[str, str]] = {}
    for _ in range(arguments.rounds):
        for name, program in programs.items():
            seconds, files[name] = measure_build(program, order)
            rounds[name].append(seconds)
            # The rounds take minutes, and a run that is ended before its last has measured those.
            print(f"{name}: {seconds[0]:.1f} s on the wall, {seconds[1]:.1f} s of processors", file=sys.stderr)
    wall_s, processor_s = (
        {name: round(statistics.median(pair[place] for pair in pairs), 1) for name, pairs in rounds.items()}
        for place in (0, 1)
    )
    result = {
        "build": shlex.join(order),
        "rounds": arguments.rounds,
        "wall_s": wall_s,
        "processor_s": processor_s,
        "wall_ratio": round(wall_s["child"] / wall_s["in_process"], 3),
        "processor_ratio": round(processor_s["child"] / processor_s["in_process"], 3),
        "files_are_equal": files["child"] == files["in_process"],
        "files": {name: digest[:16] for name, digest in files["child"].items()},
    }
    print(json.dumps({"machine": describe_machine(), **result}, indent=1))


def measure_build(program: str, order: list[str]) -> tuple[tuple[float, float], dict[str, str]]:
    """Run a build; return its seconds on the wall and of processors, and the sha256 of its model files."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        environment = {**os.environ, "XDG_CACHE_HOME": str(Path(folder) / "cache")}
        command = [sys.executable, "-c", program, "build", *order, "--out", str(run), "--quiet"]
        start_s, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        # 1: the contract is broken, which is a result.
        code = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode
        if code not in (0, 1):
            raise SystemExit(f"the build ended with exit code {code}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall_s = time.monotonic() - start_s
        files = {
            path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(run.glob("convert-*/model.*"))
        }
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (wall_s, processor_s), files


if __name__ == "__main__":
    with report_errors():
        main()
