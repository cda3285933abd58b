"""What a classifier answers if it may be unsure, or know a photo not at all → two charts."""

from itertools import cycle
from typing import Any

from markupsafe import Markup
from matplotlib.ticker import PercentFormatter

from edgetl.engines.charts.svg_figure import ACCENT, SOFT, TEXT, WARN, describe_svg, draw_figure

_STYLES = ((ACCENT, "-"), (WARN, "--"), (TEXT, ":"), (SOFT, "-."))


def draw_coverage(values: dict[str, Any], identity: str) -> dict[str, Markup]:
    """Draw what other thresholds would do, and those that were set: for "unsure" and for "none of these".

    Args:
        values: from `answers.collect_answers`.
        identity: unique in the page.
    """
    unsure = {"coverage": _draw_unsure(values, identity)} if values["curve"] else {}
    return {**unsure, **({"known": _draw_known(values, identity)} if values["known"] else {})}


def _draw_known(values: dict[str, Any], identity: str) -> Markup:
    """Draw how many photos of other things are known against how many of the test photos are."""
    with draw_figure(f"{identity}-known", 5.6, 3.0) as (axes, result):
        for group, (colour, style) in zip(values["known"], cycle(_STYLES), strict=False):
            shares = list(zip(*group["curve"], strict=True))
            axes.plot(*shares, color=colour, linestyle=style, linewidth=2, label=group["title"])
            axes.plot(
                [values["known_point"]], [group["point"]], color=colour, marker="o", markersize=10, fillstyle="none"
            )
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(0, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("test photos that are known")
        axes.set_ylabel("other things known")
        axes.legend(frameon=False, loc="upper left")
    words = "; ".join(
        f"{group['point']:.1%} of {group['title']} are known where {values['known_point']:.1%} of the test photos are"
        for group in values["known"]
    )
    return describe_svg(result[0], f"None of these: {words}")


def _draw_unsure(values: dict[str, Any], identity: str) -> Markup:
    """Draw the share of wrong answers against the share of answered photos."""
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
    return describe_svg(result[0], words)
