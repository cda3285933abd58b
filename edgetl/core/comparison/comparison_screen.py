"""A comparison of runs → lines and tables for a screen of 80 columns, where the runs are numbers.

A name that a user typed is as long as a path, so it is in a line of its own.
"""

from edgetl.core.comparison.comparison_tables import (
    describe_shared_photos,
    format_interval,
    list_devices,
    list_figure_cells,
)
from edgetl.core.comparison.run_comparison import ComparisonRow, RunComparison, RunPair
from edgetl.core.report.changes import format_change
from edgetl.core.report.tables import Table


def describe_runs(comparison: RunComparison) -> list[str]:
    """Name each run with its number, its network and the method of each target."""
    rows: dict[str, list[ComparisonRow]] = {}
    for row in comparison.rows:
        rows.setdefault(row.run, []).append(row)
    return [
        f"{number}: {run}, {found[0].network}, {', '.join(f'{row.method} for {row.target}' for row in found)}"
        for number, (run, found) in enumerate(rows.items(), 1)
    ]


def tabulate_comparison(comparison: RunComparison) -> list[Table]:
    """Tabulate the runs, what was measured on devices, what differs, and the pairs."""
    names = _number_rows(comparison)
    tables: list[Table] = [
        (
            "runs",
            ["run", "accuracy", "bounds", "Keras", "photos", "size", "host, ms", "verdict"],
            [[_name(names, row), *_list_row_cells(row)] for row in comparison.rows],
        )
    ]
    devices = [
        [_name(names, row), f"{row.device_ms[device]:.2f}", device]
        for row in comparison.rows
        for device in list_devices(comparison.rows)
        if device in row.device_ms
    ]
    if devices:
        tables.append(("measured on devices", ["run", "ms", "device"], devices))
    if comparison.differences:
        values = [
            [option if number == 1 else "", f"{number}", value]
            for option, found in comparison.differences.items()
            for number, value in enumerate(found, 1)
        ]
        tables.append(("what differs", ["option or fact", "run", "value"], values))
    pairs = [pair for pair in comparison.pairs if not pair.difference.reason]
    if pairs:
        columns = ["run", "with", "photos", "accuracy", "there", "change", "interval", "result"]
        cells = [_list_pair_cells(names, pair) for pair in pairs]
        tables.append(("accuracy on the test photos in common, change in points", columns, cells))
    return tables


def describe_pairs(comparison: RunComparison) -> list[str]:
    """Say which photos two runs have in common, or why they are not comparable; and what the intervals mean."""
    names = _number_rows(comparison)
    lines = []
    for pair in comparison.pairs:
        words = f"{_name(names, pair.candidate)} with {_name(names, pair.base)}: "
        if pair.difference.reason:
            lines.append(words + pair.difference.reason)
        else:
            lines.append(f"{words}test photos in common: {describe_shared_photos(pair)}")
    return [*lines, *([comparison.describe_intervals()] if comparison.has_intervals else [])]


def _number_rows(comparison: RunComparison) -> dict[tuple[str, str], str]:
    """Map run and target to their name on the screen: the number of the run, with the target where it has several."""
    numbers = {run: number for number, run in enumerate(dict.fromkeys(row.run for row in comparison.rows), 1)}
    several = len({row.target for row in comparison.rows}) > 1
    return {
        (row.run, row.target): f"{numbers[row.run]}{f' {row.target}' if several else ''}" for row in comparison.rows
    }


def _name(names: dict[tuple[str, str], str], row: ComparisonRow) -> str:
    return names[row.run, row.target]


def _list_row_cells(row: ComparisonRow) -> list[str]:
    return [*list_figure_cells(row), row.outcome]


def _list_pair_cells(names: dict[tuple[str, str], str], pair: RunPair) -> list[str]:
    difference = pair.difference
    return [
        _name(names, pair.candidate),
        _name(names, pair.base),
        f"{difference.photos}",
        f"{difference.accuracy:.1%}",
        f"{difference.base_accuracy:.1%}",
        format_change(0, difference.change),
        format_interval(difference),
        difference.outcome,
    ]
