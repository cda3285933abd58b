"""Parts of Markdown tables: rows, numbers with units, and the line that names the source of the numbers."""

from collections.abc import Callable, Sequence
from typing import Any

from tools.results_files import Row

Cells = Sequence[str]


def format_table(columns: Cells, rows: Sequence[Cells]) -> str:
    """Return a table; each row has one cell for each column."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def format_source(header: Row) -> str:
    """Return one line with data, machine, date and command of a results file."""
    data = f"{header['data']}. " if header.get("data") else ""
    return f"{data}Measured on {header['machine']}, {header['date']}: `{header['command']}`\n"


def format_points(fraction: float) -> str:
    """Return a difference of accuracies in percentage points, as in "+0.19"; without a sign where it rounds to 0."""
    points = f"{100 * fraction:+.2f}"
    # "-0.00" and "+0.00" would suggest a direction that was not measured.
    return points[1:] if float(points) == 0 else points


def format_bounds(row: Row) -> str:
    """Return the one-sided bounds of a drop in percentage points, as in "-0.87 … +1.30"."""
    return f"{format_points(row['drop_low'])} … {format_points(row['drop_high'])}"


def format_bytes(size: float) -> str:
    """Return a size as in "633 kB", "2.72 MB" or "1.04 GB": powers of 1000."""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.2f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def format_number(value: float) -> str:
    """Return a number with three significant digits, as in "1.80", "13.0" or "239"."""
    # From 1000 on, the "g" format would switch to powers of ten.
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def format_percent(fraction: float) -> str:
    """Return a fraction in percent, as in "99.2 %"."""
    return f"{100 * fraction:.1f} %"


def format_rounds(rounds: int) -> str:
    """Return how often it was measured: "one round" or "median of 3"."""
    return "one round" if rounds == 1 else f"median of {rounds}"


def format_optional(row: Row, name: str, format_value: Callable[[Any], str]) -> str:
    """Return a value as text, and an empty cell where the row does not have it."""
    return format_value(row[name]) if name in row else ""
