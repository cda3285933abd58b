"""The attempts of the ladder → their chart: changes of accuracy with intervals, and the limit."""

from typing import Any

from markupsafe import Markup

from edgetl.engines.charts.svg_figure import ACCENT, SOFT, WARN, describe_svg, draw_figure


def draw_ladder(values: dict[str, Any], identity: str) -> dict[str, Markup]:
    """Draw a row for each file: a dot at the change, a bar between its bounds, and a dashed line at the limit.

    Without a file there is no chart.

    Args:
        values: from `ladder.collect_ladder`.
        identity: unique in the page.
    """
    rows = [row for row in values["rows"] if row["drawn"]]
    if not rows:
        return {}
    with draw_figure(f"{identity}-ladder", 5.6, 0.9 + 0.34 * len(rows)) as (axes, result):
        for place, row in enumerate(rows):
            change, low, high = row["drawn"]
            colour = ACCENT if row["chosen"] else SOFT
            # A bound may be on the other side of the change by a rounding error.
            bars = [[max(0.0, change - low)], [max(0.0, high - change)]]
            axes.errorbar([change], [place], xerr=bars, color=colour, marker="o", capsize=4, linewidth=2.5)
        axes.axvline(0, color=SOFT, linewidth=1)
        axes.axvline(-values["limit"], color=WARN, linestyle="--", linewidth=1.5)
        axes.set_yticks(
            range(len(rows)), [f"{row['method']} (chosen)" if row["chosen"] else row["method"] for row in rows]
        )
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(f"change of {values['measure']}, points (dashed: the limit)")
    facts = ", ".join(f"{row['method']} {row['change']}" for row in rows)
    return {"ladder": describe_svg(result[0], f"Change in points against Keras, by method: {facts}")}
