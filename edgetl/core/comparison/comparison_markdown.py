"""A comparison of runs → Markdown: its tables, and the photos that only one of two runs predicts correctly."""

from collections.abc import Iterator

from edgetl.core.comparison.comparison_tables import (
    PAIR_COLUMNS,
    PAIR_NUMBERS,
    ROW_NUMBERS,
    list_pair_cells,
    list_row_cells,
    list_row_columns,
)
from edgetl.core.comparison.pair import DifferingPhoto
from edgetl.core.comparison.run_comparison import RunComparison, RunPair
from edgetl.core.pages.markdown import escape_markdown, format_code, format_table

# Of each kind. A comment of a pull request has at most 65536 characters.
_MOST = 20


def render_comparison_markdown(comparison: RunComparison) -> str:
    """Render all tables, and lists of photos without pictures."""
    return "\n\n".join(_render_blocks(comparison)) + "\n"


def _render_blocks(comparison: RunComparison) -> Iterator[str]:
    yield "# edgetl: comparison of runs"
    columns = list_row_columns(comparison)
    numbers = [index for index in ROW_NUMBERS if index < len(columns) - 1]
    yield format_table(columns, list_row_cells(comparison), numbers=numbers)
    yield "## Paired with the first run"
    yield format_table(PAIR_COLUMNS, list_pair_cells(comparison), numbers=PAIR_NUMBERS)
    if any(not pair.difference.reason for pair in comparison.pairs):
        yield escape_markdown(comparison.describe_intervals())
    if comparison.differences:
        yield "## What differs"
        names = list(dict.fromkeys(row.run for row in comparison.rows))
        rows = [[name, *values] for name, values in comparison.differences.items()]
        yield format_table(["option or fact", *names], rows)
    for pair in comparison.pairs:
        yield from _render_photos(pair)


def _render_photos(pair: RunPair) -> Iterator[str]:
    for row, photos in ((pair.base, pair.difference.only_base), (pair.candidate, pair.difference.only_candidate)):
        if not photos:
            continue
        things = "decisions" if pair.difference.labels else "photos"
        yield f"## Only {format_code(row.run)} is right ({escape_markdown(pair.title)}): {len(photos)} {things}"
        more = [f"- and {len(photos) - _MOST} more"] if len(photos) > _MOST else []
        yield "\n".join([*(_describe_photo(pair, photo) for photo in photos[:_MOST]), *more])


def _describe_photo(pair: RunPair, photo: DifferingPhoto) -> str:
    predictions = ", ".join(
        f"{format_code(run)} {format_code(name)} ({score:.3f})"
        for run, (name, score) in ((pair.base.run, photo.base), (pair.candidate.run, photo.candidate))
    )
    label = f", label {format_code(photo.label)}" if photo.label else ""
    return f"- {format_code(photo.path)}{label}, {format_code(photo.truth)}: {predictions}"
