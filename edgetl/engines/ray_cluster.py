"""Tasks on the machines of a Ray cluster.

Arguments and results go through Ray's object store, so that the machines need no common disk but for the photos. Ray
runs a task again whose worker or machine was lost. The packages of all machines must be the same: each task checks it.
"""

import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import ray
from ray.exceptions import (
    GetTimeoutError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    TaskUnschedulableError,
    WorkerCrashedError,
)

from edgetl.core.errors import ConfigError, EdgetlError, StageError, first_line
from edgetl.core.execution.executor import Plain, Resources, TaskSpec
from edgetl.core.execution.installation import check_installation, describe_installation
from edgetl.core.execution.task_outcome import read_outcome, run_named_task
from edgetl.core.interrupt import check_interrupt

# So often a task runs again whose worker, machine or result was lost.
_RETRIES = 5
# Tasks in flight for each that can run at once: one runs, and the arguments of the next are on their way.
_IN_FLIGHT = 2
# Between two looks at a signal.
_WAIT_S = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOST = (NodeDiedError, ObjectLostError, WorkerCrashedError)


class RayCluster:
    """An executor on the cluster that this process is connected to: see `connect_to_ray`."""

    shares_cache = False

    def run(self, spec: TaskSpec, arguments: Iterable[Plain]) -> Iterator[tuple[int, Plain]]:
        """Run tasks: see `executor.Executor`.

        Raises:
            ConfigError: no machine has the resources of a task, or one has other packages than this machine.
            EdgetlError: a task raised it, or was lost too often.
        """
        places, cpus = _find_places(spec.resources)
        resources = spec.resources
        task = ray.remote(run_ray_task).options(
            num_cpus=cpus,
            num_gpus=resources.gpus,
            memory=resources.memory_bytes or None,
            max_retries=_RETRIES,
            name=spec.name,
        )
        shared, here = ray.put(spec.shared), describe_installation()
        pending: dict[Any, int] = {}
        try:
            for position, argument in enumerate(arguments):
                check_interrupt()
                pending[task.remote(spec.name, here, shared, argument)] = position
                # Not freed before the first results: the object store would fill up with arguments.
                while len(pending) >= _IN_FLIGHT * places:
                    yield from _collect(pending, spec)
            while pending:
                yield from _collect(pending, spec)
        finally:
            # After an error or a signal, tasks that have not begun are not begun.
            for reference in pending:
                with suppress(RayError):
                    ray.cancel(reference)


def run_ray_task(name: str, here: Mapping[str, str], shared: Plain, argument: Plain) -> dict[str, Any]:
    """Run a task in a worker of Ray, if the worker has the packages of the process that waits for the result.

    Args:
        name: `TaskSpec.name`.
        here: from `describe_installation` of that process.
        shared: what all tasks receive.
        argument: that of this task.
    """
    try:
        check_installation(here)
    except ConfigError as error:
        return {"error": "ConfigError", "message": error.message, "where": list(error.where), "hint": error.hint}
    return run_named_task(name, shared, argument)


@contextmanager
def connect_to_ray(address: str) -> Iterator[RayCluster]:
    """Connect to a cluster that runs, and yield its executor.

    Args:
        address: "auto" for the cluster of this machine, HOST:PORT, or ray://HOST:PORT.

    Raises:
        ConfigError: there is no cluster, or it has other versions of Python or Ray.
    """
    with _keep_signal_handlers():
        try:
            # Output of workers is printed here, and so reaches the log of the run.
            ray.init(address=address, log_to_driver=True, include_dashboard=None)
        # Ray raises exceptions of Python for an address, a version and a connection that do not fit.
        except (ConnectionError, RuntimeError, ValueError, RayError, TimeoutError) as error:
            raise ConfigError(
                f"--cluster {address}: no connection to a Ray cluster: {first_line(error)}",
                hint="start one with: ray start --head; ray status on its machine shows whether it runs",
            ) from error
    try:
        yield RayCluster()
    finally:
        with _keep_signal_handlers():
            ray.shutdown()


def _collect(pending: dict[Any, int], spec: TaskSpec) -> Iterator[tuple[int, Plain]]:
    """Wait for a task, and yield the result of one that is finished."""
    finished: list[Any] = []
    while not finished:
        check_interrupt()
        finished, _ = ray.wait(list(pending), num_returns=1, timeout=_WAIT_S)
    (reference,) = finished
    yield pending[reference], read_outcome(_get(reference, spec))
    del pending[reference]


def _get(reference: Any, spec: TaskSpec) -> Mapping[str, Any]:
    """Return the outcome of a finished task. It is fetched from another machine, or computed again if that was lost."""
    while True:
        check_interrupt()
        try:
            outcome: Mapping[str, Any] = ray.get(reference, timeout=_WAIT_S)
            return outcome
        except GetTimeoutError:
            continue
        except OutOfMemoryError as error:
            hint = "start Ray's nodes with more memory, or with fewer --num-cpus, so that fewer tasks run at once"
            raise StageError(f"a task that {spec.title} needs more memory than a machine has", hint=hint) from error
        except _LOST as error:
            message = f"a task that {spec.title} was lost {_RETRIES + 1} times: {first_line(error)}"
            hint = "ray status and the logs of Ray show why; the same command goes on where it was"
            raise StageError(message, hint=hint) from error
        except TaskUnschedulableError as error:
            raise StageError(f"a task that {spec.title} finds no machine: {first_line(error)}") from error
        except RayTaskError as error:
            # `run_named_task` catches what a task raises: this is an argument or a result that cannot be sent.
            cause = error.cause if isinstance(error.cause, Exception) else error
            raise StageError(f"a task that {spec.title} failed: {first_line(cause)}") from error
        except RayError as error:
            raise EdgetlError(f"Ray failed: {first_line(error)}", hint="see the log, and ray status") from error


def _find_places(resources: Resources) -> tuple[int, int]:
    """Return how many such tasks can run at once, and the cores of each.

    Raises:
        ConfigError: no machine has the resources.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    sizes = [int(node.get("CPU", 0)) for node in nodes]
    # The head of a cluster may have no cores for tasks.
    cpus = resources.cpus or min((size for size in sizes if size), default=1)
    places = sum(_count_places(node, cpus, resources) for node in nodes)
    if not places:
        needed = f"{cpus} cores, {resources.gpus} GPUs and {resources.memory_bytes / 1e9:.1f} GB of memory"
        raise ConfigError(
            f"no machine of the Ray cluster has {needed}",
            where=[f"{size} cores" for size in sizes],
            hint="add a machine with: ray start --address HOST:PORT",
        )
    return places, cpus


def _count_places(node: Mapping[str, float], cpus: int, resources: Resources) -> int:
    counts = [int(node.get("CPU", 0)) // cpus]
    if resources.gpus:
        counts.append(int(node.get("GPU", 0)) // resources.gpus)
    if resources.memory_bytes:
        counts.append(int(node.get("memory", 0)) // resources.memory_bytes)
    return min(counts)


@contextmanager
def _keep_signal_handlers() -> Iterator[None]:
    """Restore the handlers of ^C and SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
