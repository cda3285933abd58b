"""Tasks in processes of this machine, which are forked: they start at once, and inherit what all tasks share."""

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from edgetl.core.errors import EdgetlError
from edgetl.core.execution.executor import Plain, TaskSpec
from edgetl.core.execution.task_outcome import read_outcome, run_named_task
from edgetl.core.interrupt import check_interrupt

_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h.
# One task runs in each process, and one waits, so that no process is idle while results are read.
_TASKS_FOR_EACH_PROCESS = 2
_LOST = "most often the memory ran out: close other programs, or make very large photos smaller first"


class ForkedProcesses:
    """An executor on this machine. Threads of this process do not exist in the forked ones.

    A process that was killed ends the work: on one machine, the same task would most likely be killed again.

    Args:
        processes: how many tasks run at once.
    """

    shares_cache = True

    def __init__(self, processes: int) -> None:
        self._processes = processes

    def run(self, spec: TaskSpec, arguments: Iterable[Plain]) -> Iterator[tuple[int, Plain]]:
        """Run tasks: see `executor.Executor`."""
        start = (os.getpid(), spec.name, spec.shared)
        limit = self._processes * _TASKS_FOR_EACH_PROCESS
        with ProcessPoolExecutor(self._processes, get_context("fork"), _start_worker, start) as pool:
            pending: dict[Future[dict[str, Any]], int] = {}
            try:
                for position, argument in enumerate(arguments):
                    pending[pool.submit(_run_in_worker, argument)] = position
                    if len(pending) >= limit:
                        yield from _collect(pending)
                while pending:
                    yield from _collect(pending)
            except BrokenProcessPool as error:
                # SIGTERM may have been sent to the workers too.
                check_interrupt()
                raise EdgetlError(f"a process that {spec.title} was killed", hint=_LOST) from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _collect(pending: dict[Future[dict[str, Any]], int]) -> Iterator[tuple[int, Plain]]:
    """Wait for a task, and yield those that are finished."""
    finished, _ = wait(pending, return_when=FIRST_COMPLETED)
    for future in finished:
        yield pending.pop(future), read_outcome(future.result())


_worker_tasks: list[tuple[str, Plain]] = []  # In a worker: what is inherited by the fork instead of being pickled.


def _start_worker(parent: int, name: str, shared: Plain) -> None:
    """Make this worker end with its parent, however that ends, and leave ^C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before the call above.
    if os.getppid() != parent:
        os._exit(1)
    _worker_tasks.append((name, shared))


def _run_in_worker(argument: Plain) -> dict[str, Any]:
    name, shared = _worker_tasks[0]
    return run_named_task(name, shared, argument)
