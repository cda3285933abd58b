"""Layers with large errors are first, and saturated ones are marked."""

from dataclasses import replace

from edgetl.core.report_page.layers import collect_layers
from tests.fixtures.reports import HOSTILE, make_report


def test_twenty_layers_are_listed_of_all():
    values = collect_layers(*make_report())
    assert len(values["rows"]) == 20 and values["total"] == 25 and values["highest"] == 3.0
    assert values["rows"][0]["name"] == HOSTILE[0]
    assert [row["is_saturated"] for row in values["rows"][:2]] == [True, False]


def test_method_with_ranges_of_its_own_is_named():
    run, target = make_report()
    for method, named in (("int8", ""), ("mixed8-2", ""), ("qat8", "qat8")):
        facts = replace(target, result=target.result.model_copy(update={"method": method}))
        assert collect_layers(run, facts)["other_method"] == named


def test_file_without_ranges_has_no_section():
    run, target = make_report()
    assert collect_layers(run, replace(target, layers=())) is None
