"""Accuracy on corrupted photos, where it was measured."""

from dataclasses import replace

import pytest

from edgetl.core.report_page.robustness import collect_robustness, show_robustness
from edgetl.engines.charts.report.report_page import render_report_page
from tests.fixtures.reports import make_report
from tests.fixtures.robustness import make_robustness, write_robustness

RESULTS = {"clean": (90, 0), "dark": (70, 9), "noise": (20, 1)}


def test_run_without_a_measurement_has_no_section(tmp_path):
    run, target = make_report()
    assert collect_robustness(replace(run, root=tmp_path), target) is None


def test_measurement_of_an_earlier_file_is_not_shown(tmp_path):
    run, target = make_report()
    run = replace(run, root=tmp_path)
    robustness = make_robustness(RESULTS).model_copy(update={"artifact_sha256": target.result.sha256})
    write_robustness(robustness, tmp_path, target.result.target)
    assert collect_robustness(run, target) == show_robustness(robustness)
    other = replace(target, result=target.result.model_copy(update={"sha256": "b" * 64}))
    assert collect_robustness(run, other) is None


def test_rows_have_points_of_the_file_minus_keras():
    values = show_robustness(make_robustness(RESULTS))
    clean, dark, noise = values["rows"]
    assert (clean["name"], clean["severity"], clean["is_loss"]) == ("clean", 0, False)
    assert (dark["keras"], dark["file"], dark["points"]) == (0.7, 0.61, pytest.approx(-9))
    assert dark["low"] < -9 < dark["high"] < 0 and dark["is_loss"] and not noise["is_loss"]
    assert values["confidence"] == pytest.approx(0.9) and all(line[-1] == "." for line in values["sentences"])


def test_page_has_the_section(tmp_path):
    run, target = make_report()
    robustness = make_robustness(RESULTS).model_copy(update={"artifact_sha256": target.result.sha256})
    write_robustness(robustness, tmp_path, target.result.target)
    page, names = render_report_page(replace(run, root=tmp_path), (target,), "1")
    assert "robustness" in names and "in the dark (severity 5)" in page and "-9.0" in page
