"""The page of a sweep."""

from dataclasses import replace

from edgetl.engines.charts.sweep.sweep_page import render_sweep_page, write_sweep_page
from tests.fixtures.sweeps import SLOW, make_result


def test_page_has_charts_rows_and_commands(tmp_path):
    write_sweep_page(tmp_path / "sweep.html", make_result(), "1.0")
    page = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert page.count("<svg role") == 2
    assert SLOW.name in page and "edgetl report runs/a --open" in page and "luck of the choice" in page
    assert "train the head on cached features" in page and "10.0" in page


def test_names_of_strangers_are_escaped():
    page = render_sweep_page(replace(make_result(), where="on <script>\u202e"), "1.0")
    assert "<script>" not in page and "\u202e" not in page


def test_unfinished_sweep_has_a_page():
    assert "What to do next" not in render_sweep_page(make_result(choice=False), "1.0")
