"""The reliability has a table for each model, with names that a reader knows."""

from edgetl.core.report_page.reliability import collect_reliability
from tests.fixtures.reports import change_verdict, make_report


def test_models_have_their_names():
    values = collect_reliability(*make_report())
    assert [model["title"] for model in values["models"]] == ["Keras without temperature", "Keras", "int8"]
    assert sum(photos for _, _, photos in values["models"][2]["bins"]) == 60


def test_verdict_without_tables_has_no_section():
    run, target = make_report()
    assert collect_reliability(run, change_verdict(target, reliability=())) is None
