"""Differences of runs from the first one → a chart of their intervals."""

from markupsafe import Markup

from edgetl.core.comparison.comparison_tables import format_interval
from edgetl.core.comparison.run_comparison import RunComparison
from edgetl.core.report.changes import format_change
from edgetl.core.screen.printable import escape_controls
from edgetl.engines.charts.svg_figure import ACCENT, SOFT, WARN, describe_svg, draw_figure

# A longer name leaves no place for the chart: its end distinguishes runs.
_LONGEST_NAME = 32
# A chart of more rows is a page of its own.
_MOST_ROWS = 40


def draw_differences(comparison: RunComparison) -> Markup | None:
    """Draw a row for each pair: a dot at the change, and a bar between its bounds; None without a pair."""
    pairs = [pair for pair in comparison.pairs if not pair.difference.reason][:_MOST_ROWS]
    if not pairs:
        return None
    with draw_figure("differences", 6.4, 0.9 + 0.34 * len(pairs)) as (axes, result):
        for place, pair in enumerate(pairs):
            change, low, high = (
                value * 100 for value in (pair.difference.change, pair.difference.low, pair.difference.high)
            )
            colour = {"higher": ACCENT, "lower": WARN}.get(pair.difference.outcome, SOFT)
            # A bound may be on the other side of the change by a rounding error.
            bars = [[max(0.0, change - low)], [max(0.0, high - change)]]
            axes.errorbar([change], [place], xerr=bars, color=colour, marker="o", capsize=4, linewidth=2.5)
        axes.axvline(0, color=SOFT, linewidth=1)
        axes.set_yticks(
            range(len(pairs)), [_shorten(f"{pair.candidate.run}, {pair.candidate.target}") for pair in pairs]
        )
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set_xlabel("change of accuracy against the first run, points")
    facts = ", ".join(
        f"{pair.title} {format_change(0, pair.difference.change)} ({format_interval(pair.difference)})"
        for pair in pairs
    )
    return describe_svg(result[0], f"Change of accuracy in points, with intervals: {escape_controls(facts)}")


def _shorten(name: str) -> str:
    text = escape_controls(name)
    return text if len(text) <= _LONGEST_NAME else f"…{text[-_LONGEST_NAME:]}"
