"""Starts the child process that runs converters, hands it tasks, and explains how it ended.

One child runs all tasks of a build: the import of TensorFlow takes seconds. It starts in the background while the model
is trained, is started anew after a crash, and ends by itself when it has had no task for a while.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgetl.core import errors, machine
from edgetl.core.errors import EdgetlError, InternalError
from edgetl.core.interrupt import call_when_interrupted, check_interrupt
from edgetl.engines.processes.child import make_child_command

# How libraries name a lack of memory in what they print before they end.
_MEMORY_WORDS = (
    "bad_alloc",
    "out of memory",
    "cannot allocate memory",
    "unable to allocate",
    "oom when allocating",
    "mmap error: 12",
    "pthread_create() failed",
)
# Libraries set these variables when they are imported. The child is older than the imports of this process.
_SET_BY_IMPORTS = (
    "ENABLE_RUNTIME_UPTIME_TELEMETRY",
    "HDF5_PLUGIN_PATH",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "TF2_BEHAVIOR",
    "TPU_ML_PLATFORM",
    "TPU_ML_PLATFORM_VERSION",
    "TPU_SKIP_MDS_QUERY",
)
_LOG_TAIL = 4000
OUT_OF_MEMORY = "ran out of memory"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the child process.

    Attributes:
        memory_bytes: private memory; 0 for the memory of this machine.
        silent_s: longest time without a message, in which it makes no progress with photos.
        idle_s: time without a task after which the child ends.
    """

    memory_bytes: int = 0
    silent_s: int = 3600
    idle_s: int = 600


class TaskFailed(Exception):  # noqa: N818  (named after the task, as ContractBroken is)
    """A library failed in a task: it crashed, its memory ran out, or it raised an exception.

    Attributes:
        reason: what happened, as a phrase that follows the name of the library.
        complete: whether `reason` is a sentence that names the library.
        hint: what to do next; "" if nothing is known.
    """

    def __init__(self, reason: str, *, complete: bool = False, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.complete = complete
        self.hint = hint

    @property
    def out_of_memory(self) -> bool:
        """Return whether the memory ran out."""
        return self.reason == OUT_OF_MEMORY


class Worker:
    """The child process. Tasks of several threads run one after the other."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._environment: Mapping[str, str] = {}
        self._unread = b""

    def start(self) -> None:
        """Start the child in the background, unless it is running."""
        with self._lock:
            self._ensure_child()

    def run(self, task: Mapping[str, Any], advance: Callable[[int], None] = lambda _: None) -> Any:
        """Run a task in the child, and wait for its end.

        Args:
            task: the JSON values of a `tasks.ConversionTask`.
            advance: called with the number of photos since the last call.

        Returns:
            What `tasks.run_task` has returned.

        Raises:
            EdgetlError: what `tasks.run_task` has raised.
            TaskFailed: a library failed.
            InternalError: a defect of edgetl.
            Interrupted: ^C or SIGTERM was received, and the child was killed.
        """
        with self._lock, TemporaryDirectory(prefix="edgetl-task-") as folder:
            log = Path(folder) / "log.txt"
            log.touch()
            child = self._ensure_child()
            try:
                with call_when_interrupted(child.kill):
                    kind, value = self._wait_for_end(child, {"log": str(log), "task": task}, advance)
            # The task would continue without a reader.
            except BaseException:
                self._end()
                raise
            finally:
                text = log.read_text(encoding="utf-8", errors="replace")
                # Standard error of this process is the log of the run.
                sys.stderr.write(text)
            if kind == "ended":
                reason = value or explain_end(self._end(), text)
                check_interrupt()
                raise TaskFailed(reason)
            check_interrupt()
            return read_message(kind, value)

    def stop(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _ensure_child(self) -> "subprocess.Popen[bytes]":
        # Without a GPU: its driver reserves more address space than the bound. Keras exports SavedModels with
        # TensorFlow only.
        inherited = {name: value for name, value in os.environ.items() if name not in _SET_BY_IMPORTS}
        environment = {**inherited, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
        if self._child is not None and self._child.poll() is None and environment == self._environment:
            return self._child
        self._end()
        memory_bytes = self._bounds.memory_bytes or machine.count_memory_bytes()
        command = make_child_command("edgetl.engines.conversion", str(memory_bytes), str(self._bounds.idle_s))
        # In a process group of its own, the child gets no ^C from the terminal: this process ends it. An error of the
        # imports is printed to standard error, the log of the run.
        self._child = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        self._environment, self._unread = environment, b""
        return self._child

    def _end(self) -> int:
        """Kill the child if it runs; return its exit code, negative for a signal."""
        child, self._child = self._child, None
        if child is None:
            return 0
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            # The pipe may contain a task that the child has not read.
            with suppress(BrokenPipeError):
                stream.close()
        child.kill()
        return child.wait()

    def _wait_for_end(
        self, child: "subprocess.Popen[bytes]", order: Mapping[str, Any], advance: Callable[[int], None]
    ) -> tuple[str, Any]:
        """Send a task; return the message about its end, or "ended" and why if there is none."""
        assert child.stdin is not None
        try:
            child.stdin.write((json.dumps(order) + "\n").encode())
            child.stdin.flush()
        except BrokenPipeError:
            return "ended", ""
        while (line := self._read_line(child)) is not None:
            if not line:
                # The pipe is closed a moment before the process has ended.
                child.wait()
                return "ended", ""
            ((kind, value),) = json.loads(line).items()
            if kind == "step":
                advance(value)
            elif kind != "ready":
                return kind, value
        return "ended", f"made no progress for {self._bounds.silent_s} s"

    def _read_line(self, child: "subprocess.Popen[bytes]") -> bytes | None:
        """Read a line from the child: b"" at the end of its output, None if it is silent for too long."""
        assert child.stdout is not None
        while b"\n" not in self._unread:
            if not select.select([child.stdout], [], [], self._bounds.silent_s)[0]:
                return None
            content = os.read(child.stdout.fileno(), 65536)
            if not content:
                return b""
            self._unread += content
        line, _, self._unread = self._unread.partition(b"\n")
        return line


def read_message(kind: str, value: Any) -> Any:
    """Return the value of a task that is done, or raise the error that its message contains.

    Raises:
        EdgetlError, TaskFailed, InternalError: see `Worker.run`.
    """
    if kind == "error":
        class_name, text, where, hint = value
        error: EdgetlError = getattr(errors, class_name)(text, where=where, hint=hint)
        raise error
    if kind == "failure":
        raise TaskFailed(value["reason"], complete=value["complete"], hint=value["hint"])
    if kind == "defect":
        raise InternalError(value, hint="this is a defect of edgetl: please report it with the log")
    return value


def explain_end(exit_code: int, text: str) -> str:
    """Explain why the child ended in the middle of a task.

    Args:
        exit_code: negative for a signal.
        text: what it printed in the task.
    """
    if exit_code == -signal.SIGKILL or any(word in text[-_LOG_TAIL:].lower() for word in _MEMORY_WORDS):
        return OUT_OF_MEMORY
    if exit_code < 0:
        return f"crashed ({signal.Signals(-exit_code).name})"
    return f"ended the process with exit code {exit_code}"


WORKER = Worker()
atexit.register(WORKER.stop)
