"""A sweep → one HTML file that loads nothing."""

from pathlib import Path

from edgetl.core.pages.page import render_page
from edgetl.core.storage.files import write_text
from edgetl.core.sweep.gate_costs import estimate_gate_costs
from edgetl.core.sweep.results import GATES, SweepResult, tabulate_gates
from edgetl.engines.charts.sweep.front_chart import draw_front


def write_sweep_page(path: Path, result: SweepResult, version: str) -> None:
    """Write the page.

    Args:
        path: the page.
        result: what it shows.
        version: of edgetl.
    """
    write_text(path, render_sweep_page(result, version))


def render_sweep_page(result: SweepResult, version: str) -> str:
    """Render the page: see `write_sweep_page`."""
    title, columns, rows = tabulate_gates(result)
    return render_page(
        "sweep.html",
        {
            "title": title,
            "columns": columns,
            "rows": rows,
            "charts": [chart for cost in ("ms", "kB") if (chart := draw_front(result, cost)) is not None],
            "lines": result.describe(),
            "choice": result.choice,
            "limits": result.limits,
            "costs": [(GATES[cost.gate], cost) for cost in estimate_gate_costs(result.rows)],
            "version": version,
        },
    )
