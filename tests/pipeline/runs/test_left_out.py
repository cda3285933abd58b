"""left_out.py: the list of files that are not used is in the run folder, also where the build ends with an error."""

import io

import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.records import LeftOut
from edgetl.pipeline.runs.left_out import explain_refusal, keep_left_out

FILES = [LeftOut(path=f"rose/{number}.jpg", reason="truncated") for number in range(7)]


def test_list_has_every_file_and_the_screen_the_first_five(tmp_path):
    stream = io.StringIO()
    keep_left_out(FILES, tmp_path, Console(stream=stream))
    lines = (tmp_path / "left-out.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ['"path","reason"', *(f'"rose/{number}.jpg","truncated"' for number in range(7))]
    assert "rose/4.jpg" in stream.getvalue() and "rose/5.jpg" not in stream.getvalue()
    assert f"all of them, with the reasons: {tmp_path}/left-out.csv" in stream.getvalue()


def test_list_of_an_earlier_build_is_removed_where_every_file_is_used(tmp_path):
    keep_left_out(FILES, tmp_path, Console(quiet=True))
    keep_left_out([], tmp_path, Console(quiet=True))
    assert not (tmp_path / "left-out.csv").exists()


@pytest.mark.parametrize(("hint", "expected"), [("replace them", "replace them; 7 files"), ("", "7 files")])
def test_error_names_the_list(tmp_path, hint, expected):
    left_out = [(file.path, file.reason) for file in FILES]
    with pytest.raises(DataError) as caught, explain_refusal(tmp_path, Console(quiet=True)):
        raise DataError("no", hint=hint, left_out=left_out)
    assert caught.value.hint == f"{expected} with the reasons: {tmp_path}/left-out.csv"
    assert len((tmp_path / "left-out.csv").read_text(encoding="utf-8").splitlines()) == 8


def test_other_errors_write_no_list(tmp_path):
    for error in (DataError("no"), ConfigError("no")):
        with pytest.raises(type(error)), explain_refusal(tmp_path, Console(quiet=True)):
            raise error
    assert not list(tmp_path.iterdir())
