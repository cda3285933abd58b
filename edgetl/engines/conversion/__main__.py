"""The child process that runs tasks: `python -m edgetl.engines.conversion MEMORY_BYTES IDLE_S`.

In: tasks on standard input, one a line: {"log": PATH, "task": {...}}. What libraries print is written to the log. Out:
messages on standard output, one JSON object a line, with one key:

{"ready": true} after the imports, {"step": count} for photos, and at the end of a task one of {"done": value},
{"error": [class, message, where, hint]}, {"failure": {...}} for an exception of a library, with the arguments of
`worker.TaskFailed`, and {"defect": text} for one of edgetl.
"""

import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from edgetl.core.errors import EdgetlError, StageError, first_line
from edgetl.core.run.error_origin import find_library
from edgetl.engines.conversion.bounds import set_bounds
from edgetl.engines.conversion.tasks import ConversionTask, run_task
from edgetl.engines.conversion.worker import OUT_OF_MEMORY

_WRITING = Lock()


def main() -> None:
    """Run tasks until standard input is closed or no task has come for some time."""
    memory_bytes, idle_s = map(int, sys.argv[1:])
    messages = _take_standard_output()
    set_bounds(memory_bytes)
    _write(messages, "ready", True)
    while select.select([0], [], [], idle_s)[0] and (line := _read_line()):
        order = json.loads(line)
        _redirect_output(Path(order["log"]))
        kind, value = report_task(
            ConversionTask.model_validate(order["task"]), lambda count: _write(messages, "step", count)
        )
        sys.stdout.flush()
        sys.stderr.flush()
        _write(messages, kind, value)


def report_task(task: ConversionTask, advance: Callable[[int], None]) -> tuple[str, Any]:
    """Run a task; return the message about its end."""
    try:
        return "done", run_task(task, advance)
    # Whatever a library raises for a model is a failure of this task alone.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        return describe_error(error)


def describe_error(error: Exception) -> tuple[str, Any]:
    """Return the message about an exception that ended a task."""
    if isinstance(error, StageError) and error.__cause__ is not None:
        # The exception of a library, whose message the error contains.
        return "failure", {"reason": error.message, "complete": True, "hint": error.hint}
    if isinstance(error, EdgetlError):
        return "error", [type(error).__name__, error.message, list(error.where), error.hint]
    if isinstance(error, MemoryError):
        return "failure", {"reason": OUT_OF_MEMORY, "complete": False, "hint": ""}
    text = f"{type(error).__name__}: {first_line(error)}"
    if not find_library(error):
        return "defect", text
    return "failure", {"reason": f"failed: {text}", "complete": False, "hint": ""}


def _take_standard_output() -> TextIO:
    """Return the stream for messages. What libraries print must not appear between them."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return messages


def _read_line() -> str:
    """Read a line without buffering: a buffer would hide the next task from select()."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


def _redirect_output(log: Path) -> None:
    with log.open("a", encoding="utf-8") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)


def _write(messages: TextIO, kind: str, value: Any) -> None:
    # Several threads report the photos of one task.
    with _WRITING:
        messages.write(json.dumps({kind: value}) + "\n")


if __name__ == "__main__":
    main()
