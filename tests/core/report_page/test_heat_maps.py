"""Heat maps of photos that changed and of those whose maps differ most."""

from dataclasses import replace

import pytest

from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.report_page import heat_maps
from edgetl.core.report_page.heat_maps import collect_heat_maps, show_heat_maps
from edgetl.engines.charts.report.report_page import render_report_page
from tests.fixtures.heat_maps import make_maps, write_maps
from tests.fixtures.reports import HOSTILE, Sample, make_report


def test_run_without_heat_maps_has_no_section(tmp_path):
    run, target = make_report()
    assert collect_heat_maps(replace(run, root=tmp_path), target) is None


def test_maps_of_an_earlier_file_are_not_shown(tmp_path):
    run, target = make_report()
    write_maps(target, tmp_path)
    run = replace(run, root=tmp_path)
    assert collect_heat_maps(run, target) is not None
    other = replace(target, result=target.result.model_copy(update={"sha256": "b" * 64}))
    assert collect_heat_maps(run, other) is None


@pytest.mark.parametrize("labels", [False, True])
def test_changed_and_most_different_photos_are_shown(tmp_path, labels):
    run, target = make_report(Sample(labels=labels))
    record, maps = make_maps(target, tmp_path)
    values = show_heat_maps(run, target, record, maps)
    lowest = sorted(photo.correlation for photo in record.sample)
    assert [row["correlation"] for row in values["different"]] == lowest[:3] and values["lowest"] == lowest[0]
    assert values["mean"] == pytest.approx(sum(lowest) / len(lowest)) and values["sampled"] == 60
    assert values["below"] == sum(value < 0.9 for value in lowest)
    assert values["changed_total"] == record.changed >= len(values["changed"]) > 0
    for row in values["changed"]:
        assert row["kind"] and [picture["model"] for picture in row["pictures"]][:2] == ["Keras", "file"]
        # The class that only the file predicts has a third picture.
        assert len(row["pictures"]) == (2 if labels else 3)
        assert all(picture["uri"].startswith("data:image/webp") for picture in row["pictures"])


def test_number_of_pictures_is_bounded_and_the_rest_is_counted(tmp_path):
    run, target = make_report(Sample(photos=400, changed=0.9))
    values = show_heat_maps(run, target, *make_maps(target, tmp_path))
    assert len(values["changed"]) == heat_maps._MOST_CHANGED < values["changed_total"]


def test_same_maps_look_the_same(tmp_path):
    run, target = make_report()
    record, maps = make_maps(target, tmp_path)
    maps[:, 1] = maps[:, 0]
    for row in show_heat_maps(run, target, record, maps)["different"]:
        assert row["pictures"][0]["uri"] == row["pictures"][1]["uri"]


def test_network_without_maps_has_its_reason(tmp_path):
    run, target = make_report()
    record, maps = make_maps(target, tmp_path, reason="the pooling is a maximum")
    assert show_heat_maps(run, target, record, maps) == {"reason": "the pooling is a maximum", "method": "int8"}


def test_page_shows_hostile_names_as_text(tmp_path):
    run, target = make_report(Sample(classes=HOSTILE))
    write_maps(target, tmp_path)
    page, names = render_report_page(replace(run, root=tmp_path), (target,), "1")
    assert "heat_maps" in names and "<script>alert" not in page and "mean correlation" in page


def test_page_without_pictures_says_so(tmp_path):
    run, target = make_report()
    write_maps(target, tmp_path)
    page, _ = render_report_page(replace(run, root=tmp_path, thumbnails=Thumbnails(None)), (target,), "1")
    assert "no picture" in page
