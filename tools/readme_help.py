#!/usr/bin/env python3
"""Put what `edgetl --help` and `edgetl build --help` print into README.md, between its two markers.

    python tools/readme_help.py

tests/test_house.py checks that this has been done.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- help:begin -->", "<!-- help:end -->"
COLUMNS = 100


def main() -> None:
    """Regenerate the block in place."""
    readme = ROOT / "README.md"
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


def renewed(text: str) -> str:
    """README's text with the block as it must be.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"README.md needs one {BEGIN} and, below it, one {END}")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    return f"{before}{BEGIN}\n{block()}{END}{after}"


def block() -> str:
    """Both helps, each as a block of console text."""
    return "".join(_shown(arguments) for arguments in (["--help"], ["build", "--help"]))


def _shown(arguments: list[str]) -> str:
    # rich and typer look at these; whatever the caller's terminal is, the text must be the same.
    unwanted = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    fixed = {"COLUMNS": f"{COLUMNS}", "TERMINAL_WIDTH": f"{COLUMNS}", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "edgetl", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**kept, **fixed}, capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    return "\n".join(["```console", f"$ edgetl {' '.join(arguments)}", *lines, "```"]) + "\n"


if __name__ == "__main__":
    main()
