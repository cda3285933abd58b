"""Finished runs are compared without training, converting or scoring, and nothing in their folders changes."""

import json
import shutil
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.pipeline.pages.comparison import write_comparison
from tests.fixtures.runs import list_times


@pytest.fixture
def runs(built, tmp_path, monkeypatch):
    """Two copies of the shared run."""
    monkeypatch.chdir(tmp_path)
    return [Path(shutil.copytree(built.run, tmp_path / "runs" / name)) for name in ("first", "second")]


def list_changes(run, before):
    """List the files of a run that are new or were written again."""
    return {name for name, time in list_times(run).items() if before.get(name) != time}


def test_page_is_beside_the_first_run(runs):
    before = [list_times(run) for run in runs]
    report = write_comparison(runs, quiet=True)
    assert report.path == runs[0].parent / "comparison.html" and report.bytes == report.path.stat().st_size
    page = report.path.read_text(encoding="utf-8")
    # Paths as they are typed in the current folder.
    assert "<bdi>runs/first</bdi>" in page and "no certain difference" in page
    for run, times in zip(runs, before, strict=True):
        assert list_changes(run, times) <= {"log.txt", ".lock"}


def test_markdown_is_written_where_the_user_says(runs):
    report = write_comparison(runs, Path("pull.md"), format_name="md", quiet=True)
    assert report.path == Path.cwd() / "pull.md"
    text = report.path.read_text(encoding="utf-8")
    assert text.startswith("# edgetl: comparison of runs")
    # The runs are copies: nothing differs.
    assert "What differs" not in text
    assert json.dumps(report.dump())


def test_recipes_that_differ_are_listed(runs):
    order = json.loads((runs[1] / "order.json").read_text(encoding="utf-8"))
    order["recipe"]["phase1"]["epochs"] += 5
    (runs[1] / "order.json").write_text(json.dumps(order), encoding="utf-8")
    differences = write_comparison(runs, quiet=True).comparison.differences
    assert list(differences) == ["epochs"]


def test_run_that_is_named_twice_is_refused(runs):
    with pytest.raises(ConfigError, match="is named twice"):
        write_comparison([runs[0], runs[0].parent / "." / "first"], quiet=True)
    assert not (runs[0].parent / "comparison.html").exists()


def test_folder_is_no_place_for_a_page(runs, tmp_path):
    with pytest.raises(ConfigError, match="--out is a folder") as error:
        write_comparison(runs, tmp_path, quiet=True)
    assert str(tmp_path / "comparison.html") in error.value.hint
    with pytest.raises(ConfigError, match="does not exist") as error:
        write_comparison(runs, tmp_path / "new" / "page.html", quiet=True)
    assert error.value.hint == f"mkdir -p {tmp_path / 'new'}"


def test_unfinished_run_is_refused_with_the_command_that_finishes_it(runs):
    shutil.rmtree(runs[1] / "results")
    with pytest.raises(ConfigError, match="no finished stage results") as error:
        write_comparison(runs, quiet=True)
    assert "edgetl build" in error.value.hint and "second" in error.value.hint


def test_folder_that_is_no_run_is_refused(runs, tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        write_comparison([runs[0], tmp_path / "nothing"], quiet=True)
