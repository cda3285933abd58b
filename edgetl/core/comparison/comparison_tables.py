"""A comparison of runs → the columns and cells of its tables, as text: for the page and Markdown."""

from collections.abc import Iterator, Sequence

from edgetl.core.comparison.pair import PairedDifference
from edgetl.core.comparison.run_comparison import ComparisonRow, RunComparison, RunPair
from edgetl.core.report.changes import format_change
from edgetl.core.report.tables import format_bytes

PAIR_COLUMNS = (
    "run",
    "compared with",
    "test photos in common",
    "accuracy, there",
    "change, points",
    "interval",
    "result",
)
# Columns of these tables that are numbers.
ROW_NUMBERS, PAIR_NUMBERS = range(4, 20), (2, 3, 4, 5)


def list_row_columns(comparison: RunComparison) -> list[str]:
    """List the titles of the columns of the table of runs, with one for each device."""
    return [
        *("run", "target", "network", "method", "accuracy", "bounds", "Keras", "test photos", "size", "host, ms"),
        *(f"{device}, ms" for device in list_devices(comparison.rows)),
        "verdict",
    ]


def list_figure_cells(row: ComparisonRow) -> list[str]:
    """List accuracy, its interval, that of Keras, photos, size and latency of a run."""
    return [
        f"{row.accuracy:.1%}",
        f"{row.accuracy_low:.1%} … {row.accuracy_high:.1%}",
        f"{row.reference_accuracy:.1%}",
        f"{row.photos}",
        format_bytes(row.bytes),
        f"{'~' if row.host_disturbed else ''}{row.host_ms:.2f}" if row.host_ms else "",
    ]


def list_row_cells(comparison: RunComparison) -> list[list[str]]:
    """List the cells of the table of runs, in the order of `list_row_columns`."""
    devices = list_devices(comparison.rows)
    return [
        [
            *(row.run, row.target, row.network, row.method),
            *list_figure_cells(row),
            *(f"{row.device_ms[device]:.2f}" if device in row.device_ms else "" for device in devices),
            row.outcome,
        ]
        for row in comparison.rows
    ]


def list_devices(rows: Sequence[ComparisonRow]) -> list[str]:
    """List the devices on which any of the files was measured, in the order of the rows."""
    return list(dict.fromkeys(device for row in rows for device in row.device_ms))


def list_pair_cells(comparison: RunComparison) -> list[list[str]]:
    """List the cells of the table of pairs, in the order of `PAIR_COLUMNS`."""
    return [list(_list_cells(pair)) for pair in comparison.pairs]


def _list_cells(pair: RunPair) -> Iterator[str]:
    difference = pair.difference
    yield f"{pair.candidate.run}, {pair.candidate.target}"
    yield f"{pair.base.run}, {pair.base.target}"
    if difference.reason:
        yield from ("", "", "", "")
    else:
        yield describe_shared_photos(pair)
        yield f"{difference.accuracy:.1%} instead of {difference.base_accuracy:.1%}"
        yield format_change(0, difference.change)
        yield format_interval(difference)
    yield difference.outcome


def format_interval(difference: PairedDifference) -> str:
    """Format the bounds of a change in points."""
    return f"{format_change(0, difference.low)} … {format_change(0, difference.high)}"


def describe_shared_photos(pair: RunPair) -> str:
    """Say how many photos a difference is measured on, and which are left out."""
    difference = pair.difference
    words = f"{difference.photos} of {pair.base.photos} and {pair.candidate.photos}"
    if difference.groups:
        words += f", in {difference.groups} groups"
    if difference.relabeled:
        words += f"; {difference.relabeled} with other labels left out"
    return words
