"""The chart of coverage has the threshold that was set."""

from dataclasses import replace

from edgetl.core.report_page.answers import collect_answers
from edgetl.engines.charts.report.coverage_chart import draw_coverage
from tests.fixtures.reports import Sample, make_report


def test_curve_is_described_with_its_threshold():
    values = collect_answers(*make_report(Sample(photos=300)))
    chart = draw_coverage(values, "answers")["coverage"]
    assert "above the threshold" in chart and "the limit of wrong answers" in chart


def test_limit_that_does_not_hold_is_not_drawn():
    values = collect_answers(*make_report())
    chart = draw_coverage({**values, "certified": False, "point": None}, "answers")["coverage"]
    assert "limit of wrong answers" not in chart and "above the threshold" not in chart


def test_labels_have_no_chart_of_unsure_answers():
    assert set(draw_coverage(collect_answers(*make_report(Sample(labels=True))), "answers")) == {"known"}


def test_other_things_have_a_curve_with_the_threshold():
    chart = draw_coverage(collect_answers(*make_report()), "answers")["known"]
    assert "5.0% of drawn images are known where 95.0% of the test photos are" in chart


def test_run_of_before_has_no_curve_of_other_things():
    run, target = make_report()
    rule = target.answers[0].model_copy(update={"known_curve": ()})
    assert set(draw_coverage(collect_answers(run, replace(target, answers=(rule,))), "answers")) == {"coverage"}
