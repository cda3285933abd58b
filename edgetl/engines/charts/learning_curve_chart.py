"""A learning curve → its chart."""

from markupsafe import Markup
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from edgetl.core.inspection.findings import LearningCurve
from edgetl.engines.charts.svg_figure import ACCENT, describe_svg, draw_figure


def draw_learning_curve(curve: LearningCurve) -> Markup:
    """Draw accuracy against the number of training photos, with the interval of the prediction."""
    with draw_figure("learning-curve", 8, 3.2) as (axes, result):
        axes.plot(curve.photos, curve.accuracies, color=ACCENT, marker="o", linewidth=2)
        now, then = curve.accuracies[-1], curve.photos[-1] + curve.more
        axes.plot([curve.photos[-1], then], [now, now + curve.gain], color=ACCENT, linestyle="--", linewidth=2)
        bounds = [[curve.gain - curve.gain_low], [curve.gain_high - curve.gain]]
        axes.errorbar([then], [now + curve.gain], yerr=bounds, color=ACCENT, marker="o", capsize=5, linewidth=2)
        axes.set_xscale("log")
        axes.set_xticks([*curve.photos, then])
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if max(curve.accuracies) < 0.9 else 1))
        axes.set_xlabel("training photos (dashed: predicted, with an interval of 90 %)")
        axes.set_ylabel("accuracy")
    return describe_svg(result[0], f"Learning curve: accuracy {now:.1%} with {curve.photos[-1]} photos")
