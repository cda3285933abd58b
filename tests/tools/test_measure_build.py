"""The table of a build, from the costs of its rounds."""

import pytest

from tools import measure_build
from tools.tables.speed import render_build

OLD = {"train": (20.0, 0.0), "calibrate-tflite": (37.0, 0.0), "verify": (0.2, 0.0), "everything": (60.0, 90.0)}
NEW = {"train": (21.0, 30.0), "calibrate-tflite": (9.0, 12.0), "more": (2.0, 3.0), "everything": (35.0, 50.0)}


def test_stages_are_sorted_and_a_stage_that_a_version_lacks_takes_no_time():
    rows = measure_build.tabulate_costs({"old": [OLD, OLD, OLD], "new": [NEW, {**NEW, "train": (99.0, 99.0)}, NEW]})
    assert [row["stage"] for row in rows] == ["everything", "calibrate-tflite", "train", "more"]
    assert rows[2] == {
        "stage": "train",
        "rounds": 3,
        "old_s": 20.0,
        "old_processor_s": 0.0,
        "new_s": 21.0,
        "new_processor_s": 30.0,
    }
    assert rows[3]["old_s"] == 0.0
    table = render_build(rows)
    assert "| `train` | 20.0 | 21.0 (30.0) |" in table and "| stage | old: seconds" in table


def test_options_after_two_dashes_are_those_of_the_build(tmp_path):
    (tmp_path / "edgetl").mkdir()
    line = [str(tmp_path), "--checkout", f"old={tmp_path}", "--rounds", "1", "--", "--side", "224"]
    options = measure_build._parse_options(line)
    assert options.build == ["--side", "224"] and options.checkout == {"old": tmp_path}


def test_folder_without_edgetl_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        measure_build._parse_options([str(tmp_path), "--checkout", f"old={tmp_path}"])
    assert "has no folder edgetl" in capsys.readouterr().err
