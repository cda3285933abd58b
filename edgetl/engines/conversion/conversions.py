"""Runs the steps of a conversion in the child process, and makes an error in words of what fails there.

A message names the library and those layers of the model that no base has: one of them is the likely cause.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgetl.core.errors import StageError
from edgetl.core.formats import FORMATS
from edgetl.core.network.layer_names import NamedLayer, describe_names, read_layers
from edgetl.engines.conversion.tasks import ConversionTask
from edgetl.engines.conversion.worker import WORKER, TaskFailed

_MEMORY_HINT = "close other programs, or choose another --base or a smaller --side"


def run_conversion(task: ConversionTask, model: Path, advance: Callable[[int], None] = lambda _: None) -> Any:
    """Run a task in the child process.

    Args:
        task: the task.
        model: the .keras file that the conversion is of.
        advance: called with the number of photos since the last call.

    Returns:
        See `tasks.run_task`.

    Raises:
        StageError: a library failed or crashed, its memory ran out, or a file must not be used.
        EdgetlError: see `tasks.run_task`.
        Interrupted: ^C or SIGTERM was received.
    """
    try:
        return WORKER.run(task.model_dump(mode="json"), advance)
    except TaskFailed as failure:
        raise describe_failure(task, failure, read_layers(model)) from failure


def describe_failure(task: ConversionTask, failure: TaskFailed, layers: tuple[NamedLayer, ...]) -> StageError:
    """Make the error of a task that a library has failed in.

    Args:
        task: the task.
        failure: how it ended.
        layers: the layers of the model.
    """
    sentence = failure.reason if failure.complete else f"{FORMATS[task.format].tools[task.action]} {failure.reason}"
    unusual = [layer for layer in layers if not layer.common]
    if unusual:
        sentence += f"; the model has {describe_names(unusual)}"
    hint = _MEMORY_HINT if failure.out_of_memory else failure.hint
    return StageError(sentence, hint=hint)
