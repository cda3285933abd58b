"""Runs a child process to its end, with a limit on its duration."""

import subprocess
from collections.abc import Sequence

from edgetl.core.interrupt import call_when_interrupted, check_interrupt


def run_child(command: Sequence[str], limit_s: float) -> tuple[int, str]:
    """Run a command; return its exit code, and what it printed to standard output and standard error.

    A process that takes longer is killed: its exit code is 1, and the text names the limit.

    Raises:
        Interrupted: ^C or SIGTERM was received, and the process was killed.
    """
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child,
        call_when_interrupted(child.kill),
    ):
        try:
            text = child.communicate(timeout=limit_s)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            return 1, f"it was stopped after {limit_s:g} s"
    check_interrupt()
    return child.returncode, text
