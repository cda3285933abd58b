"""Runs a task in the process that received it, and returns its result or its error as plain data."""

import traceback
from collections.abc import Mapping
from typing import Any

from edgetl.core import errors
from edgetl.core.errors import EdgetlError, StageError, first_line
from edgetl.core.execution.executor import Plain
from edgetl.core.run.lazy import LazyFunction

# Errors that callers distinguish. The class of another error becomes that of its nearest parent here.
_CLASSES: Mapping[str, type[EdgetlError]] = {
    name: getattr(errors, name) for name in ("ConfigError", "DataError", "MissingPackage", "StageError", "EdgetlError")
}


def run_named_task(name: str, shared: Plain, argument: Plain) -> dict[str, Any]:
    """Call the function of a task.

    Args:
        name: `TaskSpec.name`.
        shared: what all tasks receive.
        argument: that of this task.

    Returns:
        {"result": ...}, or {"error": its class, "message", "where", "hint"}. Exceptions of libraries become a
        StageError, whose traceback is printed here.
    """
    module, _, function = name.partition(":")
    try:
        return {"result": LazyFunction(module, function)(shared, argument)}
    except EdgetlError as error:
        kind = next(parent.__name__ for parent in type(error).__mro__ if parent.__name__ in _CLASSES)
        return {"error": kind, "message": error.message, "where": list(error.where), "hint": error.hint}
    # An exception that no code expects must reach the process that waits for the result.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        return {
            "error": "StageError",
            "message": f"a task failed: {type(error).__name__}: {first_line(error)}",
            "where": [name],
            "hint": "the log of the worker has the traceback",
        }


def read_outcome(outcome: Mapping[str, Any]) -> Plain:
    """Return the result of a task.

    Raises:
        EdgetlError: the task raised it.
    """
    if "result" in outcome:
        return outcome["result"]
    raise _CLASSES.get(outcome["error"], StageError)(outcome["message"], where=outcome["where"], hint=outcome["hint"])
