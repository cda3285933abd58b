"""Messages of the Keras 2 child process to its parent: one JSON object per line of standard output, with one key.

{"begin": [task, steps]}, {"step": [count, note]}, {"epoch": {...}}, {"say": text}, and at the end {"done": true} or
{"error": [class, message, where, hint]}.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import Any, TextIO

from edgetl.core import errors
from edgetl.core.errors import EdgetlError
from edgetl.core.progress import EpochResult, TrainingListener


class MessageWriter:
    """Writes messages to the descriptor that was standard output.

    Standard output itself is redirected to standard error: what libraries print must not appear between the messages.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        # On the level of file descriptors, because TensorFlow's C++ code writes past sys.stdout.
        os.dup2(2, 1)
        self.listener = TrainingListener(
            begin=lambda task, steps: self._write("begin", [task, steps]),
            step=lambda count, note: self._write("step", [count, note]),
            epoch=lambda result: self._write("epoch", asdict(result)),
            say=lambda text: self._write("say", text),
        )

    def write_error(self, error: EdgetlError) -> None:
        """Write that the retraining failed."""
        self._write("error", [type(error).__name__, error.message, list(error.where), error.hint])

    def write_done(self) -> None:
        """Write that the results are complete."""
        self._write("done", True)

    def _write(self, kind: str, value: Any) -> None:
        self._stream.write(json.dumps({kind: value}) + "\n")


def handle_message(line: str, listener: TrainingListener) -> EdgetlError | None:
    """Pass a message to the listener; return the error if the message is one."""
    for kind, value in json.loads(line).items():
        if kind == "begin":
            listener.begin(*value)
        elif kind == "step":
            listener.step(*value)
        elif kind == "epoch":
            listener.epoch(EpochResult(**value))
        elif kind == "say":
            listener.say(value)
        elif kind == "error":
            error_class, text, where, hint = value
            error: EdgetlError = getattr(errors, error_class)(text, where=where, hint=hint)
            return error
    return None
