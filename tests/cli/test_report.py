"""edgetl report prints the path of its page, or JSON."""

import json
import shutil
import webbrowser

import pytest

from edgetl.cli import run
from edgetl.pipeline import stages
from tests.fixtures.robustness import make_robustness

RESULTS = {"clean": (90, 0), "dark": (70, 4)}


@pytest.fixture
def folder(built, tmp_path):
    return shutil.copytree(built.run, tmp_path / "run")


def test_path_of_the_page_is_the_result(folder, capfd):
    (folder / "report.html").unlink()
    assert run(["report", str(folder)]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{folder / 'report.html'}\n" and "kB, written in" in printed.err
    assert (folder / "report.html").is_file()


def test_json_has_the_sections(folder, capfd):
    assert run(["report", str(folder), "--json", "--quiet"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["path"] == str(folder / "report.html") and record["sections"][0] == "inspection"
    assert record["bytes"] == (folder / "report.html").stat().st_size and record["seconds"] >= 0


def test_markdown_is_a_file_of_its_own(folder, capfd):
    assert run(["report", str(folder), "--format", "md", "--quiet"]) == 0
    assert capfd.readouterr().out == f"{folder / 'report.md'}\n"
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# edgetl: `shapes`")


def test_unknown_format_is_an_error(folder, capfd):
    assert run(["report", str(folder), "--format", "pdf"]) == 2
    assert "--format pdf does not exist" in capfd.readouterr().err


def test_robustness_is_measured_before_the_page_is_written(folder, capfd, monkeypatch):
    def measure(work, request):
        return make_robustness(RESULTS).model_copy(update={"artifact_sha256": request.artifact.sha256})

    measure.__module__, measure.__name__ = "edgetl.stages.pages.robustness", "measure_robustness"
    monkeypatch.setattr(stages.robustness, "measure_robustness", measure, raising=False)
    assert run(["report", str(folder), "--robustness", "--json"]) == 0
    printed = capfd.readouterr()
    record = json.loads(printed.out)
    assert "robustness" in record["sections"]
    assert [row["name"] for row in record["robustness"]["tflite"]["results"]] == list(RESULTS)
    assert "the int8 file costs 0.0 points" in printed.err and "in the dark (severity 5)" in printed.err
    # The result is kept: the page has it from now on.
    assert run(["report", str(folder), "--json", "--quiet"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert "robustness" in record["sections"] and "robustness" not in record


def test_page_is_opened_in_a_browser(folder, capfd, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert run(["report", str(folder), "--open", "--quiet"]) == 0
    assert opened == [(folder / "report.html").as_uri()]


def test_missing_browser_is_an_error_after_the_result(folder, capfd, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert run(["report", str(folder), "--open", "--quiet"]) == 2
    printed = capfd.readouterr()
    assert printed.out == f"{folder / 'report.html'}\n" and "found no browser" in printed.err


@pytest.fixture
def runs(built, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return [str(shutil.copytree(built.run, tmp_path / name)) for name in ("first", "second")]


def test_result_is_the_path_and_the_tables_are_shown(runs, capfd, tmp_path):
    assert run(["report", *runs, "--out", "page.html"]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path / 'page.html'}\n"
    assert "accuracy on the test photos in common" in printed.err and "no certain difference" in printed.err


def test_json_has_rows_and_pairs(runs, capfd):
    assert run(["report", *runs, "--json", "--quiet", "--format", "md"]) == 0
    value = json.loads(capfd.readouterr().out)
    assert [row["run"] for row in value["rows"]] == ["first", "second"]
    assert value["pairs"][0]["photos"] == value["rows"][0]["photos"]
    assert value["path"].endswith("comparison.md")


def test_out_is_for_several_runs(runs, capfd):
    assert run(["report", runs[0], "--out", "page.html"]) == 2
    assert "--out is for a comparison of several runs" in capfd.readouterr().err
