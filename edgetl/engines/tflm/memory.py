"""Measures in a child process what a file needs in TensorFlow Lite Micro."""

import re
from pathlib import Path

from edgetl.core.errors import StageError
from edgetl.core.microcontroller.arena import round_up
from edgetl.core.microcontroller.memory import ArenaUse, parse_allocations
from edgetl.engines.processes.child import make_child_command
from edgetl.engines.processes.run import run_child
from edgetl.engines.tflm.interpreter import ARENA_BYTES

_LIMIT_S = 300
# The recorded size lacks what is allocated while the file is opened, and given back. So sizes above it are tried.
_STEP_BYTES, _MOST_STEPS = 1024, 64
_MISSING_OPERATOR = re.compile(r"Didn't find op for builtin opcode '(?P<name>\w+)'")


def measure_arena(path: Path) -> tuple[ArenaUse, int]:
    """Measure the arena of a file.

    Returns:
        What the recording allocator counts, and the smallest size of an arena, in steps of 1 KiB above that count, in
        which the file predicts a photo.

    Raises:
        StageError: TensorFlow Lite Micro does not run the file.
    """
    code, text = _print_allocations(path, ARENA_BYTES)
    if code:
        reason = explain_tflm_failure(text, code)
        raise StageError(f"TensorFlow Lite Micro cannot run the file: {reason}", where=(path,))
    try:
        use = parse_allocations(text)
    except ValueError as error:
        raise StageError(str(error), where=(path,)) from error
    for step in range(_MOST_STEPS):
        size = round_up(use.total_bytes) + step * _STEP_BYTES
        if _print_allocations(path, size)[0] == 0:
            return use, size
    raise StageError(f"the file needs an arena of more than {size} bytes, {use.total_bytes} recorded", where=(path,))


def explain_tflm_failure(text: str, code: int) -> str:
    """Return the reason in what TensorFlow Lite Micro printed, or the exit code of its process."""
    missing = _MISSING_OPERATOR.search(text)
    if missing:
        return f"it has no kernel for {missing['name']}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else f"its process ended with {code} and no message"


def _print_allocations(path: Path, arena_bytes: int) -> tuple[int, str]:
    return run_child(make_child_command("edgetl.engines.tflm", str(path), str(arena_bytes)), _LIMIT_S)
