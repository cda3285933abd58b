"""Tables of reliability → a diagram of accuracy against probability."""

from typing import Any

from markupsafe import Markup

from edgetl.engines.charts.svg_figure import ACCENT, SOFT, WARN, describe_svg, draw_figure

# The last model is the file, which matters most.
_COLOURS, _LINES = (WARN, SOFT, ACCENT), (":", "--", "-")
_LARGEST_DOT, _SMALLEST_DOT = 90.0, 8.0


def draw_reliability(values: dict[str, Any], identity: str) -> dict[str, Markup]:
    """Draw a line for each model, with dots as large as their bins.

    Args:
        values: from `reliability.collect_reliability`.
        identity: unique in the page.
    """
    models = values["models"]
    with draw_figure(f"{identity}-reliability", 4.8, 4.9) as (axes, result):
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1)
        first = max(0, len(_COLOURS) - len(models))
        for number, model in enumerate(models):
            place = min(first + number, len(_COLOURS) - 1)
            probabilities, accuracies, photos = zip(*model["bins"], strict=True) if model["bins"] else ((), (), ())
            highest = max(photos, default=1)
            sizes = [_SMALLEST_DOT + _LARGEST_DOT * count / highest for count in photos]
            axes.plot(
                probabilities,
                accuracies,
                color=_COLOURS[place],
                linestyle=_LINES[place],
                label=model["title"],
                alpha=0.7,
            )
            axes.scatter(probabilities, accuracies, s=sizes, color=_COLOURS[place], alpha=0.7)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("probability of the prediction")
        axes.set_ylabel("share that is right")
        # Above the diagram: every place in it may have dots.
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    facts = ", ".join(f"{model['title']} {model['error'] * 100:.1f} points" for model in models)
    return {"reliability": describe_svg(result[0], f"Reliability diagram; expected calibration errors: {facts}")}
