"""edgetl report with several runs."""

import json
import shutil

import pytest

from edgetl.cli import run


@pytest.fixture
def runs(built, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return [str(shutil.copytree(built.run, tmp_path / name)) for name in ("first", "second")]


def test_result_is_the_path_and_the_tables_are_shown(runs, capfd, tmp_path):
    assert run(["report", *runs, "--out", "page.html"]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path / 'page.html'}\n"
    assert "paired on the test photos in common" in printed.err and "no certain difference" in printed.err


def test_json_has_rows_and_pairs(runs, capfd):
    assert run(["report", *runs, "--json", "--quiet", "--format", "md"]) == 0
    value = json.loads(capfd.readouterr().out)
    assert [row["run"] for row in value["rows"]] == ["first", "second"]
    assert value["pairs"][0]["photos"] == value["rows"][0]["photos"]
    assert value["path"].endswith("comparison.md")


def test_out_is_for_several_runs(runs, capfd):
    assert run(["report", runs[0], "--out", "page.html"]) == 2
    assert "--out is for a comparison of several runs" in capfd.readouterr().err
