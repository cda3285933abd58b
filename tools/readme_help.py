#!/usr/bin/env python3
"""Write the help of edgetl and of `edgetl build` into README.md, between its two markers.

    python tools/readme_help.py

tests/test_house.py checks that this was done. The help of all commands is in docs/cli.md: see tools/cli_help.py.
"""

import re
from pathlib import Path

from tools.cli_help import BEGIN, END, capture_help, split_at_markers

ROOT = Path(__file__).resolve().parents[1]
__all__ = ["BEGIN", "END", "block", "renewed"]


def main() -> None:
    """Update README.md."""
    readme = ROOT / "README.md"
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


def renewed(text: str) -> str:
    """Return the text of README.md with the help between its markers.

    Raises:
        ValueError: not exactly one begin marker, and one end marker below it.
    """
    before, after = split_at_markers(text)
    return f"{before}{BEGIN}\n{block()}{END}{after}"


def block() -> str:
    """Return both helps as console blocks, without headings."""
    return re.sub(r"^\n?## .*\n\n", "", capture_help(["edgetl", "build"]), flags=re.MULTILINE)


if __name__ == "__main__":
    main()
