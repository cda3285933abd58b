"""Runs a module of edgetl as the program of a child process, with its arguments: `python -m THIS MODULE ARGUMENTS…`.

The module's imports take half the time: see `optional_imports`.
"""

import runpy
import sys

from edgetl.engines.processes.optional_imports import skip_optional_imports


def make_child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of edgetl in a child process.

    -P: modules must not be imported from the current folder, where the user may have files of any name.
    """
    return [sys.executable, "-P", "-m", "edgetl.engines.processes.child", module, *arguments]


def main() -> None:
    """Run the module with its arguments."""
    skip_optional_imports()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
