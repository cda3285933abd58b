"""Epochs of a training → the curves of loss and accuracy."""

from typing import Any

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from edgetl.engines.charts.svg_figure import ACCENT, SOFT, describe_svg, draw_figure


def draw_training_curves(values: dict[str, Any], identity: str) -> dict[str, Markup]:
    """Draw a chart of the accuracy and one of the loss: none where the epochs are not known.

    Args:
        values: from `training.collect_training`.
        identity: unique in the page.
    """
    if not values["epochs"]:
        return {}
    return {name: _draw_curve(values, name, f"{identity}-{name}") for name in ("accuracy", "loss")}


def _draw_curve(values: dict[str, Any], name: str, identity: str) -> Markup:
    epochs, (trained, validated) = values["epochs"], values["curves"][name]
    with draw_figure(identity, 4.8, 2.9) as (axes, result):
        # Dots, because a single epoch makes no line.
        axes.plot(epochs, trained, color=SOFT, linestyle=":", marker=".", linewidth=1.8)
        axes.plot(epochs, validated, color=ACCENT, marker=".", linewidth=2)
        for epoch in values["borders"]:
            axes.axvline(epoch - 0.5, color=SOFT, linewidth=1)
        if values["best"] in epochs:
            place = epochs.index(values["best"])
            axes.plot([values["best"]], [validated[place]], marker="o", markersize=10, color=ACCENT, fillstyle="none")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
    return describe_svg(
        result[0], f"{name} of {len(epochs)} epochs; the last one on validation photos {validated[-1]:.3f}"
    )
