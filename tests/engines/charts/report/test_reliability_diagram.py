"""The reliability diagram has a line for each model."""

import pytest

from edgetl.core.report_page.reliability import collect_reliability
from edgetl.engines.charts.report.reliability_diagram import draw_reliability
from tests.fixtures.reports import make_report


@pytest.mark.parametrize("count", [1, 2, 3])
def test_models_are_in_the_legend(count):
    values = collect_reliability(*make_report())
    chart = draw_reliability({**values, "models": values["models"][-count:]}, "r")["reliability"]
    assert ">int8<" in chart and (">Keras<" in chart) == (count > 1)
    assert "expected calibration errors: " in chart


def test_model_without_photos_is_drawn_empty():
    models = [{"title": "int8", "error": 0.0, "bins": []}]
    assert ">int8<" in draw_reliability({"models": models}, "r")["reliability"]
