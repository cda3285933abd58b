#!/usr/bin/env python3
"""Write the help of every command of edgetl into docs/cli.md, between its two markers.

    python tools/cli_help.py             # write it anew, in place
    python tools/cli_help.py --check     # change nothing; exit code 1 if the page is out of date

The markers are `<!-- help:begin -->` and `<!-- help:end -->`. A page that does not exist or has no marker is skipped.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "cli.md"
BEGIN, END = "<!-- help:begin -->", "<!-- help:end -->"
COLUMNS = 100
# rich and typer read these: with them, the text would depend on the terminal of the caller.
_TERMINAL_VARIABLES = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def main() -> None:
    """Update or check the page."""
    options = _parse_options()
    if options.print:
        _print_help(options.print)
        return
    if not PAGE.is_file() or BEGIN not in PAGE.read_text(encoding="utf-8"):
        print(f"{PAGE.relative_to(ROOT)}: skipped, it has no {BEGIN}")
        return
    text = PAGE.read_text(encoding="utf-8")
    updated = update(text)
    if updated == text:
        return
    if options.check:
        sys.exit(f"{PAGE.relative_to(ROOT)}: out of date, run tools/cli_help.py")
    PAGE.write_text(updated, encoding="utf-8")


def update(text: str) -> str:
    """Return a page with the help between its markers; other text is not changed.

    Raises:
        ValueError: not exactly one begin marker, and one end marker below it.
    """
    before, after = split_at_markers(text)
    return f"{before}{BEGIN}\n\n{render_help()}\n{END}{after}"


def render_help() -> str:
    """Return the help of edgetl and of every command, each as a heading and a console block."""
    return capture_help(["all"])


def capture_help(commands: Sequence[str]) -> str:
    """Return the help of some commands, printed by a child process for a fixed terminal.

    Args:
        commands: names as in "build"; "edgetl" is the program itself, "all" is the program and every command.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _TERMINAL_VARIABLES}
    # typer reads the width when it is imported, so it cannot be set in this process.
    environment |= {"COLUMNS": f"{COLUMNS}", "TERMINAL_WIDTH": f"{COLUMNS}", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, __file__, "--print", *commands]
    child = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    return child.stdout


def split_at_markers(text: str) -> tuple[str, str]:
    """Return the text before the begin marker and the text after the end marker.

    Raises:
        ValueError: not exactly one begin marker, and one end marker below it.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the page needs one {BEGIN} and, below it, one {END}")
    return text.partition(BEGIN)[0], text.partition(END)[2]


def format_block(arguments: Sequence[str], output: str) -> str:
    """Return a command line and its output as a console block."""
    # rich pads lines with spaces, which editors and linters remove.
    lines = [line.rstrip() for line in output.strip().splitlines()]
    return "\n".join(["```console", f"$ edgetl {' '.join(arguments)}", *lines, "```"]) + "\n"


def _print_help(commands: Sequence[str]) -> None:
    """Print the help of commands; this runs in the child process."""
    from edgetl import cli
    from edgetl.cli.commands import app

    if list(commands) == ["all"]:
        commands = ["edgetl", *(command.name or "" for command in app.registered_commands)]
    blocks = []
    for name in commands:
        arguments = ["--help"] if name == "edgetl" else [name, "--help"]
        output = StringIO()
        with redirect_stdout(output):
            code = cli.run(arguments)
        if code:
            sys.exit(f"edgetl {' '.join(arguments)} ended with exit code {code}")
        title = "edgetl" if name == "edgetl" else f"edgetl {name}"
        blocks.append(f"## `{title}`\n\n{format_block(arguments, output.getvalue())}")
    print("\n".join(blocks), end="")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write the help of every command into docs/cli.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if the page is out of date")
    parser.add_argument("--print", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
