"""`edgetl.compare` is `edgetl report` with several runs."""

import shutil

import pytest

import edgetl
from edgetl.core.errors import ConfigError


def test_runs_are_compared(built, tmp_path):
    runs = [shutil.copytree(built.run, tmp_path / name) for name in ("first", "second")]
    result = edgetl.compare(runs, quiet=True)
    assert result.path == tmp_path / "comparison.html" and result.path.is_file()
    assert result.comparison.pairs[0].difference.change == 0
    text = edgetl.compare([str(run) for run in runs], out=tmp_path / "x.md", format="md", quiet=True)
    assert text.path.read_text(encoding="utf-8").startswith("# edgetl")


def test_one_run_and_an_unknown_format_are_errors(built):
    for runs in ([built.run], str(built.run)):
        with pytest.raises(ConfigError, match="at least two runs"):
            edgetl.compare(runs)
    with pytest.raises(ConfigError, match="unknown format 'pdf'"):
        edgetl.compare([built.run, built.run], format="pdf")
