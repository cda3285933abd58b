#!/usr/bin/env python3
"""Interrupt builds at random times, and check that they end as they should and that the last one gives the same files.

    python tools/measure_interrupts.py --tries 40 -- --epochs 2 --fine-tune-epochs 1 --method int8

The options behind -- are those of `edgetl build`; without PHOTOS it builds on the embedded digits. The first build is
the reference: its duration is the range of the random times, so that imports and every stage are interrupted. Up to
four tries follow each other in one run folder with its own cache, and then a build without a signal finishes it. The
signals take turns: ^C as from a terminal, to the whole process group, ^C to the process alone, and SIGTERM.

Printed is a line for each try and a table for each signal: exit codes, seconds from the signal to the end, files that
were left unfinished, processes that still ran, outputs with a traceback, and tries in a run folder whose model files
differ from the reference.
The exit code of this script is 1 if a try has failed.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.console import create_terminal, print_rows
from edgetl.core.storage.files import UNFINISHED
from tools.errors import report_errors

_COLUMNS = ("signal", "tries", "exit codes", "median s", "longest s", "unfinished", "processes", "tracebacks", "differ")
_NOISE = ("Traceback", "Exception ignored")
# A build that ignores the signal ends by itself before this time.
_TIMEOUT_S = 1800.0
_TRIES_IN_A_FOLDER = 4
# 1: the contract is broken, which a short training may do.
_FINISHED = (0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an interrupted build ended, and whether the last one in its folder gave the files of the reference.

    Attributes:
        signal: "^C, group", "^C, process" or "SIGTERM".
        at_s: when the signal was sent, seconds from the start.
        exit_code: exit code of the build.
        seconds: from the signal to the end of the process.
        unfinished: unfinished files and folders in the run folder, the cache and the temporary folder.
        processes: processes of the build that still run.
        noise: whether the output has a traceback.
        same: whether the build that finished the run folder gave the same files.
    """

    signal: str
    at_s: float
    exit_code: int
    seconds: float
    unfinished: tuple[str, ...]
    processes: int
    noise: bool
    same: bool

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong. The build may have been finished before the signal."""
        expected = (*_FINISHED, 143 if self.signal == "SIGTERM" else 130)
        clean = not (self.unfinished or self.processes or self.noise)
        return self.exit_code in expected and clean and self.same


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A build in a folder: `options` of the command line; run folder, cache and temporary files are in `folder`."""

    folder: Path
    options: Sequence[str]

    def start(self) -> subprocess.Popen[bytes]:
        """Start the build in a process group of its own. Its output replaces output.txt."""
        (self.folder / "temporary").mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TMPDIR": str(self.folder / "temporary"),
        }
        command = [sys.executable, "-m", "edgetl", "build", *self.options, "--out", str(self.folder / "run")]
        with (self.folder / "output.txt").open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, env=environment, process_group=0)

    def finish(self) -> float:
        """Run the build to its end; return the seconds.

        Raises:
            RuntimeError: the build failed.
        """
        start = time.monotonic()
        with self.start() as child:
            code = child.wait(_TIMEOUT_S)
        if code not in _FINISHED:
            raise RuntimeError(f"the build ended with exit code {code}: {self.read_output()[-2000:]}")
        return time.monotonic() - start

    def read_output(self) -> str:
        """Return what the last build has printed."""
        return (self.folder / "output.txt").read_text(encoding="utf-8", errors="replace")

    def hash_models(self) -> dict[str, str]:
        """Return the sha256 of every model file in the run folder."""
        paths = [path for pattern in ("*.keras", "*.tflite", "*.onnx") for path in (self.folder / "run").rglob(pattern)]
        return {
            path.relative_to(self.folder / "run").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(paths)
        }

    def list_unfinished(self) -> tuple[str, ...]:
        """List the files and folders that an ended build should not have left, and the temporary ones of libraries."""
        places = [*self.folder.rglob(UNFINISHED), *(self.folder / "temporary").iterdir()]
        return tuple(sorted(path.relative_to(self.folder).as_posix() for path in places))


def interrupt_build(build: Build, reference: Build, kind: str, at_s: float) -> Ending:
    """Start a build, and send a signal after a time.

    Args:
        build: the build.
        reference: a finished build. Files that it has left too are those of libraries.
        kind: see `Ending.signal`.
        at_s: seconds from the start to the signal.
    """
    send, number = _SIGNALS[kind]
    with build.start() as child:
        try:
            child.wait(at_s)
        except subprocess.TimeoutExpired:
            send(child.pid, number)
        start = time.monotonic()
        code = child.wait(_TIMEOUT_S)
        seconds = time.monotonic() - start
    output = build.read_output()
    return Ending(
        signal=kind,
        at_s=round(at_s, 2),
        exit_code=code,
        seconds=round(seconds, 2),
        unfinished=tuple(name for name in build.list_unfinished() if name not in reference.list_unfinished()),
        processes=_count_processes(build.folder),
        noise=any(text in output for text in _NOISE),
        same=True,
    )


_SIGNALS: dict[str, tuple[Callable[[int, int], None], int]] = {
    "^C, group": (os.killpg, signal.SIGINT),
    "^C, process": (os.kill, signal.SIGINT),
    "SIGTERM": (os.kill, signal.SIGTERM),
}


def tabulate_endings(endings: Sequence[Ending]) -> list[list[str]]:
    """Return a row for each signal: see the columns at the top of this file."""
    rows = []
    for kind in _SIGNALS:
        of_kind = [ending for ending in endings if ending.signal == kind]
        # A build that was finished before its signal has no time to its end.
        seconds = [ending.seconds for ending in of_kind if ending.exit_code not in _FINISHED]
        codes = sorted({ending.exit_code for ending in of_kind})
        counts = [f"{code}: {sum(ending.exit_code == code for ending in of_kind)}" for code in codes]
        rows.append(
            [
                kind,
                f"{len(of_kind)}",
                ", ".join(counts),
                f"{statistics.median(seconds):.1f}" if seconds else "",
                f"{max(seconds):.1f}" if seconds else "",
                f"{sum(bool(ending.unfinished) for ending in of_kind)}",
                f"{sum(ending.processes for ending in of_kind)}",
                f"{sum(ending.noise for ending in of_kind)}",
                f"{sum(not ending.same for ending in of_kind)}",
            ]
        )
    return rows


def _count_processes(folder: Path) -> int:
    """Count the processes whose environment names a folder: those of a build, and of children that it left."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += os.fsencode(folder) in (process / "environ").read_bytes()
        except OSError:
            # The process has ended, or it belongs to another user.
            continue
    return count


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    # A shell that starts this script in the background makes it ignore ^C, and the builds inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    draw = random.Random(options.seed)
    endings: list[Ending] = []
    with TemporaryDirectory(prefix="edgetl-interrupts-") as root:
        reference = Build(folder=Path(root) / "reference", options=options.build)
        seconds = reference.finish()
        print(f"a build without a signal takes {seconds:.1f} s", file=sys.stderr, flush=True)
        while len(endings) < options.tries:
            build = Build(folder=Path(root) / f"from{len(endings)}", options=options.build)
            tries: list[Ending] = []
            while len(tries) < _TRIES_IN_A_FOLDER and not (tries and tries[-1].exit_code in _FINISHED):
                kind = list(_SIGNALS)[(len(endings) + len(tries)) % len(_SIGNALS)]
                tries.append(interrupt_build(build, reference, kind, draw.uniform(0.05, seconds)))
                print(json.dumps({name: getattr(tries[-1], name) for name in Ending.__slots__}), flush=True)
            build.finish()
            same = build.hash_models() == reference.hash_models()
            print(json.dumps({"same": same}), flush=True)
            endings += [replace(ending, same=same) for ending in tries]
    print_rows(create_terminal(sys.stdout), "", _COLUMNS, tabulate_endings(endings))
    sys.exit(not all(ending.ok for ending in endings))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Interrupt a build at random times.")
    parser.add_argument("--tries", type=int, default=21, help="number of interrupted builds")
    parser.add_argument("--seed", type=int, default=0, help="of the random times")
    parser.add_argument("build", nargs="*", help="options of edgetl build, behind --")
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
