"""The chart of the Pareto front."""

from dataclasses import replace

import pytest

from edgetl.engines.charts.sweep import front_chart
from edgetl.engines.charts.sweep.front_chart import draw_front
from tests.fixtures.sweeps import EXACT, FAST, SLOW, make_result


@pytest.mark.parametrize("cost", ["ms", "kB"])
def test_trained_networks_are_drawn_and_described(cost):
    chart = str(draw_front(make_result(), cost))
    assert chart.startswith("<svg role") and "<script" not in chart
    assert FAST.name in chart and EXACT.name in chart
    # It was not trained: it has no accuracy.
    assert SLOW.name not in chart


def test_unknown_latencies_are_not_drawn():
    result = make_result()
    result = replace(result, rows=tuple(replace(row, ms=None) for row in result.rows))
    assert draw_front(result, "ms") is None and draw_front(result, "kB") is not None


def test_line_joins_the_networks_that_none_beats_in_accuracy_and_the_cost_of_the_chart():
    """A network may be smaller than a faster and more accurate one: it is in the front, and not on the line of ms."""
    first, second, *_ = make_result().rows
    small = replace(first, ms=2.0, bytes=100, head=0.8, tuned=0.8, file=None)
    fast = replace(second, ms=1.0, bytes=900, head=0.9, tuned=0.9, file=None)
    assert [row.ms for row in front_chart._list_front([small, fast], ["ms", "kB"])] == [2.0, 1.0]
    assert [row.ms for row in front_chart._list_front([small, fast], ["ms"])] == [1.0]
    assert [row.ms for row in front_chart._list_front([small, fast], ["kB"])] == [2.0, 1.0]


def test_without_a_trained_network_there_is_no_chart():
    result = make_result()
    assert draw_front(replace(result, rows=result.rows[2:], choice=None), "ms") is None
