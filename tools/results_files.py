"""Files of measured results, tools/results/<name>.jsonl: a header object on the first line, then one object per row.

The header contains `machine`, `date` and `command`, and may contain `data` (what was measured on). Measurement scripts
write rows with `--write`, and `tools/results_tables.py` renders them into the documentation.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetl.core.errors import ConfigError
from edgetl.core.machine import count_cores, read_processor_name
from edgetl.core.storage.files import write_text

RESULTS = Path(__file__).with_name("results")
_HEADER_KEYS = ("machine", "date", "command")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """The content of a results file."""

    header: Row
    rows: list[Row]


def read_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        ConfigError: no such file, not JSON lines, or no header.
    """
    try:
        header, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read as JSON lines: {error}", where=(path,)) from error
    absent = [key for key in _HEADER_KEYS if key not in header]
    if absent:
        raise ConfigError(f"the first line has no {', '.join(absent)}", where=(path,))
    return Results(header, rows)


def check_machine(path: Path, machine: str = "") -> None:
    """Check that rows of this machine may be written into a results file. Scripts call it before they measure.

    Args:
        path: the file, which need not exist.
        machine: where the rows are measured; "" for `describe_machine()`.

    Raises:
        ConfigError: the file contains results of another machine, which must not be mixed with those of this one.
    """
    machine = machine or describe_machine()
    if path.is_file() and (written := read_results(path).header["machine"]) != machine:
        raise ConfigError(
            f"the results in this file were measured on {written}, this machine is {machine}",
            where=(path,),
            hint="write into another folder with --write FOLDER, or remove the file to begin it anew",
        )


def write_rows(path: Path, rows: Sequence[Row], key: Sequence[str], *, machine: str = "", command: str = "") -> None:
    """Write rows into a results file. A row replaces the row with equal values of the `key` fields.

    Args:
        path: the file; it is created if it does not exist.
        rows: the new rows.
        key: names of the fields that identify a row.
        machine: where the rows were measured; "" for `describe_machine()`.
        command: how they were measured; "" for `describe_command()`.

    Raises:
        ConfigError: see `check_machine`.
    """
    check_machine(path, machine)
    results = read_results(path) if path.is_file() else Results({}, [])
    # A dict keeps the position of a key that is set again, so a replaced row stays where it was.
    merged = {_get_key(row, key): row for row in [*results.rows, *rows]}
    header = {
        **results.header,
        "machine": machine or describe_machine(),
        "date": time.strftime("%Y-%m-%d"),
        "command": command or describe_command(),
    }
    lines = [json.dumps(value, ensure_ascii=False) for value in (header, *merged.values())]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "\n".join(lines) + "\n")


def add_write_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --write [FOLDER]; its value is None where it is not given."""
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=RESULTS,
        metavar="FOLDER",
        help="write the rows into the results files of this folder (default: tools/results)",
    )


def describe_machine(accelerator: str = "") -> str:
    """Describe what computes, as in "AMD EPYC, 2 cores"; an accelerator replaces the processor's name."""
    return f"{accelerator or read_processor_name()}, {count_cores()} cores"


def describe_command() -> str:
    """Return this program's command line, with names instead of paths and without --write."""
    # Without abbreviations, so that --w is not taken for --write.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_write_option(parser)
    _, arguments = parser.parse_known_args(sys.argv[1:])
    # The backend changes the result and is not an option of the scripts.
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    words = ["python", f"tools/{Path(sys.argv[0]).name}", *(_replace_path(argument) for argument in arguments)]
    return ("" if backend == "tensorflow" else f"KERAS_BACKEND={backend} ") + shlex.join(words)


def _replace_path(argument: str) -> str:
    """Return the name of an existing file or folder, without its path: paths differ from machine to machine."""
    # An option with its value, or a name with its folder: --photos=DIR, or flowers=DIR.
    option, equals, value = argument.partition("=") if "=" in argument else ("", "", argument)
    return option + equals + ((value and Path(value).exists() and Path(value).name) or value)


def _get_key(row: Row, key: Sequence[str]) -> tuple[object, ...]:
    return tuple(row[name] for name in key)
