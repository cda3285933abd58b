"""A comparison of runs → one HTML file that loads nothing."""

from pathlib import Path
from typing import Any

from edgetl.core.comparison.comparison_tables import PAIR_COLUMNS, list_pair_cells, list_row_cells, list_row_columns
from edgetl.core.comparison.run_comparison import RunComparison, RunPair
from edgetl.core.pages.page import render_page
from edgetl.core.report_page.facts import RunFacts
from edgetl.core.storage.files import write_text
from edgetl.engines.charts.comparison.difference_chart import draw_differences

# Of each kind and pair; JSON has all of them.
_MOST, _SIDE = 24, 96


def write_comparison_page(path: Path, comparison: RunComparison, base: RunFacts, version: str) -> None:
    """Write the page.

    Args:
        path: the page.
        comparison: what it shows.
        base: the first run, whose photos are shown.
        version: of edgetl.
    """
    write_text(path, render_comparison_page(comparison, base, version))


def render_comparison_page(comparison: RunComparison, base: RunFacts, version: str) -> str:
    """Render the page: see `write_comparison_page`."""
    pairs = [_show_pair(pair, base) for pair in comparison.pairs]
    left_out = base.thumbnails.left_out
    return render_page(
        "comparison.html",
        {
            "columns": list_row_columns(comparison),
            "rows": list_row_cells(comparison),
            "disturbed": any(row.host_disturbed for row in comparison.rows),
            "confidences": sorted({row.confidence for row in comparison.rows}),
            "pair_columns": PAIR_COLUMNS,
            "pair_rows": list_pair_cells(comparison),
            "intervals": comparison.describe_intervals() if any(not pair["reason"] for pair in pairs) else "",
            "chart": draw_differences(comparison),
            "names": list(dict.fromkeys(row.run for row in comparison.rows)),
            "differences": comparison.differences,
            "pairs": [pair for pair in pairs if not pair["reason"]],
            "notes": [
                *base.notes,
                *([f"{left_out} pictures are left out, so that the page stays small."] if left_out else []),
            ],
            "version": version,
        },
    )


def _show_pair(pair: RunPair, base: RunFacts) -> dict[str, Any]:
    difference = pair.difference
    kinds = ((pair.base.run, difference.only_base), (pair.candidate.run, difference.only_candidate))
    return {
        "reason": difference.reason,
        "title": pair.title,
        "runs": (pair.base.run, pair.candidate.run),
        "things": "decisions" if difference.labels else "photos",
        "kinds": [
            {
                "run": run,
                "total": len(photos),
                "photos": [
                    {"photo": photo, "shown": base.show(photo.row, _SIDE), "right": place} for photo in photos[:_MOST]
                ],
            }
            for place, (run, photos) in enumerate(kinds)
            if photos
        ],
    }
