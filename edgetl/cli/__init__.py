"""The command line of edgetl."""

import sys

from edgetl.core.interrupt import watch_signals
from edgetl.core.screen.streams import prepare_streams

__all__ = ["main", "run"]


def main() -> None:
    """Run the program and exit with its exit code."""
    prepare_streams()
    with watch_signals(is_program=True):
        from edgetl.engines.processes.optional_imports import skip_optional_imports

        skip_optional_imports()
        code = run(sys.argv[1:])
        from edgetl.cli.app import report_lost_output

        report_lost_output()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code: see `app.run_command_line`."""
    # Imported here, when the signals are watched already.
    from edgetl.cli import commands  # noqa: F401
    from edgetl.cli.app import run_command_line

    return run_command_line(arguments)
