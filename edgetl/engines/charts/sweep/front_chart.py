"""Candidates of a sweep → a chart of their validation accuracy against latency or bytes, with the Pareto front."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from edgetl.core.evaluation.quality.proportions import compute_share_bounds
from edgetl.core.screen.printable import escape_controls
from edgetl.core.sweep.front import FrontPoint, find_front
from edgetl.core.sweep.results import SweepResult, SweepRow
from edgetl.engines.charts.svg_figure import ACCENT, SOFT, WARN, describe_svg, draw_figure


def draw_front(result: SweepResult, cost: str) -> Markup | None:
    """Draw a dot for each trained candidate, with the 95 % interval of its accuracy; None without any of known cost.

    Args:
        result: of the sweep.
        cost: "ms" or "kB".
    """
    read = _COSTS[cost]
    rows = [row for row in result.rows if row.point is not None and (cost == "kB" or row.ms is not None)]
    if not rows:
        return None
    front = _list_front(rows, list(_COSTS))
    chosen = result.choice.name if result.choice else ""
    with draw_figure(f"front-{cost}", 6.4, 4.0) as (axes, figures):
        for row in rows:
            accuracy = row.accuracy or 0.0
            low, high = compute_share_bounds(round(accuracy * result.validation_photos), result.validation_photos)
            colour = WARN if row.candidate.name == chosen else ACCENT if row in front else SOFT
            bars = [[max(0.0, accuracy - low) * 100], [max(0.0, high - accuracy) * 100]]
            axes.errorbar([read(row)], [accuracy * 100], yerr=bars, color=colour, marker="o", capsize=3, linewidth=1.5)
            axes.annotate(
                row.candidate.name, (read(row), accuracy * 100), xytext=(5, 4), textcoords="offset points", fontsize=8
            )
        line = sorted((read(row), (row.accuracy or 0.0) * 100) for row in _list_front(rows, [cost]))
        axes.plot([x for x, _ in line], [y for _, y in line], color=ACCENT, linewidth=1, linestyle="--", zorder=0)
        axes.set_xlabel("ms of a photo, " + escape_controls(result.where) if cost == "ms" else "size of the file, kB")
        axes.set_ylabel("validation accuracy, %")
        axes.set_xlim(left=0)
    facts = ", ".join(
        f"{row.candidate.name} {(row.accuracy or 0) * 100:.1f} % at {read(row):.2f} {cost}" for row in rows
    )
    return describe_svg(figures[0], f"Validation accuracy against {cost}: {facts}")


def _list_front(rows: Sequence[SweepRow], costs: Sequence[str]) -> list[SweepRow]:
    """List the networks that no other one beats in accuracy and these costs."""
    points = [
        FrontPoint(
            accuracy=row.point.accuracy,
            ms=row.point.ms if "ms" in costs else 0.0,
            bytes=row.point.bytes if "kB" in costs else 0,
        )
        for row in rows
        if row.point is not None
    ]
    return [rows[place] for place in find_front(points)]


_COSTS: dict[str, Callable[[SweepRow], float]] = {
    "ms": lambda row: row.ms or 0.0,
    "kB": lambda row: (row.bytes or 0) / 1e3,
}
