"""The chart of the ladder has a row for each file."""

from edgetl.core.report_page.ladder import collect_ladder
from edgetl.engines.charts.report.ladder_chart import draw_ladder
from tests.fixtures.reports import make_report


def test_files_are_drawn_and_failed_attempts_are_not():
    chart = draw_ladder(collect_ladder(*make_report()), "ladder")["ladder"]
    assert "int8 (chosen)" in chart and ">float32<" in chart and "qat8" not in chart
    assert 'aria-label="Change in points against Keras, by method: int8 ' in chart
    assert "var(--accent)" in chart and "var(--warn)" in chart


def test_ladder_without_files_has_no_chart():
    values = collect_ladder(*make_report())
    assert draw_ladder({**values, "rows": values["rows"][:1]}, "ladder") == {}
