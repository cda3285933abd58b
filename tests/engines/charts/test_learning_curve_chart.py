"""A learning curve has a chart with words for those who do not see it."""

from edgetl.core.inspection.findings import LearningCurve
from edgetl.engines.charts.learning_curve_chart import draw_learning_curve


def test_chart_is_svg_with_a_description():
    curve = LearningCurve(
        label=-1, photos=(10, 20, 40), accuracies=(0.5, 0.7, 0.8), more=40, gain=0.05, gain_low=0.01, gain_high=0.08
    )
    svg = draw_learning_curve(curve)
    assert svg.startswith('<svg role="img" aria-label="Learning curve: accuracy 80.0% with 40 photos"')
    assert "training photos" in svg and svg.count("<svg") == 1
