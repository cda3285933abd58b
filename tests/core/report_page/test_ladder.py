"""The ladder has a row for each attempt, and a loss is negative."""

import pytest

from edgetl.core.report_page.ladder import collect_ladder
from tests.fixtures.reports import make_report


def test_rows_are_the_attempts_and_one_is_chosen():
    rows = collect_ladder(*make_report())["rows"]
    assert [(row["method"], row["chosen"], row["drawn"] is not None) for row in rows] == [
        ("qat8", False, False),
        ("int8", True, True),
        ("float32", False, True),
    ]


def test_change_is_between_its_bounds_in_points():
    run, target = make_report()
    change, low, high = collect_ladder(run, target)["rows"][1]["drawn"]
    assert low < change < high and change == pytest.approx(-100 * target.result.verdict.drop)
    assert collect_ladder(run, target)["limit"] == 1


def test_attempt_without_a_file_is_not_chosen():
    run, target = make_report()
    result = target.result.model_copy(update={"sha256": ""})
    rows = collect_ladder(run, type(target)(**{**vars(target), "result": result}))["rows"]
    assert not any(row["chosen"] for row in rows)
