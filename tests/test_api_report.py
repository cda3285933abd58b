"""`edgetl.report` writes the page of a run."""

import shutil

import pytest

import edgetl
from edgetl.core.errors import ConfigError


def test_page_and_summary_are_written(built, tmp_path):
    run = shutil.copytree(built.run, tmp_path / "run")
    (run / "report.html").unlink()
    assert edgetl.report(run, quiet=True).path == run / "report.html"
    assert edgetl.report(str(run), format="md", quiet=True).path == run / "report.md"
    assert (run / "report.html").is_file() and (run / "report.md").is_file()


def test_robustness_is_measured_on_request(built, monkeypatch, tmp_path):
    measured = []
    monkeypatch.setattr("edgetl.api_report.add_robustness", measured.append)
    run = shutil.copytree(built.run, tmp_path / "run")
    for robustness in (False, True):
        edgetl.report(run, robustness=robustness, quiet=True)
    assert [context.run.root for context in measured] == [run]


def test_unknown_format_is_an_error(built):
    with pytest.raises(ConfigError, match="unknown format 'pdf'"):
        edgetl.report(built.run, format="pdf")
