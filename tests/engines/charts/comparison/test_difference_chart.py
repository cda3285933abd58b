"""The chart of differences: a row for each pair, in words too."""

from edgetl.core.comparison.run_comparison import compare_runs
from edgetl.engines.charts.comparison.difference_chart import draw_differences
from tests.fixtures.comparisons import make_compared, spoil
from tests.fixtures.reports import HOSTILE, Sample


def test_every_pair_is_drawn_and_described():
    runs = [make_compared("a"), spoil(make_compared(HOSTILE[0]), range(20)), make_compared("x" * 90)]
    chart = str(draw_differences(compare_runs(runs)))
    assert chart.startswith("<svg role") and "<script" not in chart
    assert "points" in chart and f"…{'x' * 24}" in chart


def test_runs_that_are_not_comparable_have_no_chart():
    assert (
        draw_differences(compare_runs([make_compared("a"), make_compared("b", sample=Sample(classes=("x", "y")))]))
        is None
    )
