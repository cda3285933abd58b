"""Coverage and error of a classifier that may be unsure → their chart."""

from typing import Any

from markupsafe import Markup
from matplotlib.ticker import PercentFormatter

from edgetl.engines.charts.svg_figure import ACCENT, WARN, describe_svg, draw_figure


def draw_coverage(values: dict[str, Any], identity: str) -> dict[str, Markup]:
    """Draw the share of wrong answers against the share of answered photos, and the threshold that was set.

    Args:
        values: from `answers.collect_answers`.
        identity: unique in the page.
    """
    if not values["curve"]:
        return {}
    coverage, errors = zip(*values["curve"], strict=True)
    with draw_figure(f"{identity}-coverage", 5.6, 3.0) as (axes, result):
        axes.plot(coverage, errors, color=ACCENT, linewidth=2)
        if values["certified"]:
            axes.axhline(values["limit"], color=WARN, linestyle="--", linewidth=1.5)
        if values["point"]:
            axes.plot(
                *[[value] for value in values["point"]], color=ACCENT, marker="o", markersize=10, fillstyle="none"
            )
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        axes.set_xlabel(
            "photos with an answer" + (" (dashed: the limit of wrong answers)" if values["certified"] else "")
        )
        axes.set_ylabel("wrong answers")
    words = f"Coverage against error: {errors[-1]:.1%} of the answers are wrong if every photo has one"
    if values["point"]:
        words += f", {values['point'][1]:.1%} of the {values['point'][0]:.1%} above the threshold"
    return {"coverage": describe_svg(result[0], words)}
