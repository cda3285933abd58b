"""The seam between work and where it runs: tasks, and the executors that run them.

A task is a function that other processes import by its name, and arguments of plain data: None, numbers, text, bytes,
numpy arrays, paths, and lists, dicts and dataclasses of these. Its result is plain data too. It depends on the
arguments and on files alone, so that an executor may run a task again whose process or machine was lost.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Plain = Any
TaskFunction = Callable[[Plain, Plain], Plain]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What a task occupies while it runs.

    Attributes:
        cpus: cores. 0: all cores of the smallest machine, for a task that uses all that it finds.
        gpus: GPUs.
        memory_bytes: memory; 0 if it is small beside that of a machine.
    """

    cpus: int = 1
    gpus: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """What tasks of one kind have in common.

    Attributes:
        function: a function of a module, called with `shared` and the argument of a task.
        shared: plain data that all tasks receive. It is sent once to each machine.
        resources: what each task occupies.
        title: what a task does, for errors, as in "decodes photos".
    """

    function: TaskFunction
    shared: Plain = None
    resources: Resources = Resources()
    title: str = ""

    @property
    def name(self) -> str:
        """The name by which other processes import the function, as in "edgetl.stages.train:train_model".

        Raises:
            ValueError: no function of a module.
        """
        name = self.function.__qualname__
        if "<" in name or "." in name:
            raise ValueError(f"other processes cannot import {name}: it is no function of a module")
        return f"{self.function.__module__}:{name}"


class Executor(Protocol):
    """Runs tasks.

    Attributes:
        shares_cache: whether tasks write into the cache of this process, so that their results need not contain what
            they have stored there.
    """

    shares_cache: bool

    def run(self, spec: TaskSpec, arguments: Iterable[Plain]) -> Iterator[tuple[int, Plain]]:
        """Run one task for each argument, and yield its position and its result as soon as it is finished.

        Arguments are read while tasks run: at any time only a few are in flight, so that neither they nor the results
        fill the memory. A task whose process or machine was lost runs again.

        Raises:
            EdgetlError: a task raised it, or tasks cannot be run.
            Interrupted: ^C or SIGTERM was received.
        """
