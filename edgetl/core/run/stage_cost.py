"""What a stage costs: seconds, processor seconds, and the memory of this process and its children.

Other processes on the machine change the seconds, and hardly the processor seconds.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

_PROC = Path("/proc")
_INTERVAL_S = 0.2
_TICKS_HZ = os.sysconf("SC_CLK_TCK")
# Positions of utime, stime, cutime and cstime after the name of the program. Source: proc_pid_stat(5), fields 14 to 17.
_TIME_FIELDS = slice(11, 15)


@dataclass(slots=True)
class StageCost:
    """The cost of a stage.

    Attributes:
        seconds: its duration.
        processor_s: the time of all cores, in this process and its children.
        peak_bytes: the most anonymous memory that this process and its children had at the same time, measured five
            times a second. Files that are mapped into memory do not count.
    """

    seconds: float = 0.0
    processor_s: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measure_cost() -> Iterator[StageCost]:
    """Yield the cost of the body of a with statement. Its values are set when the body has ended."""
    cost, done = StageCost(), Event()
    start_s, processor_s = time.monotonic(), _read_processor_s()
    watch = Thread(target=_watch_memory, args=(cost, done), name="edgetl-memory", daemon=True)
    watch.start()
    try:
        yield cost
    finally:
        cost.seconds = round(time.monotonic() - start_s, 3)
        done.set()
        watch.join()
        # A child that is killed in the stage takes the time before the stage with it.
        cost.processor_s = round(max(0.0, _read_processor_s() - processor_s), 2)


def list_process_tree() -> list[int]:
    """List the ids of this process, its children, and theirs."""
    processes = [os.getpid()]
    for process in processes:
        for path in _PROC.glob(f"{process}/task/*/children"):
            processes += map(int, _read_text(path).split())
    return processes


def _watch_memory(cost: StageCost, done: Event) -> None:
    while True:
        cost.peak_bytes = max(cost.peak_bytes, sum(map(_read_anonymous_bytes, list_process_tree())))
        if done.wait(_INTERVAL_S):
            return


def _read_anonymous_bytes(process: int) -> int:
    for line in _read_text(_PROC / str(process) / "status").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _read_processor_s() -> float:
    """Return the processor seconds of all processes of the tree, and of their children that have ended."""
    ticks = 0
    for process in list_process_tree():
        # The name of a program is in parentheses and may contain any character.
        _, _, fields = _read_text(_PROC / str(process) / "stat").rpartition(")")
        ticks += sum(map(int, fields.split()[_TIME_FIELDS]))
    return ticks / _TICKS_HZ


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    # The process has ended since it was listed.
    except OSError:
        return ""
