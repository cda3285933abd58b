"""measure_interrupts.py: what counts as a failure, and the table of the tries."""

from dataclasses import replace

import pytest

from tools.measure_interrupts import Build, Ending, tabulate_endings

ENDING = Ending(
    signal="^C, group", at_s=3.0, exit_code=130, seconds=0.5, unfinished=(), processes=0, noise=False, same=True
)


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({}, True),
        ({"exit_code": 0}, True),
        ({"exit_code": 1}, True),
        ({"signal": "SIGTERM", "exit_code": 143}, True),
        ({"signal": "SIGTERM"}, False),
        ({"exit_code": 3}, False),
        ({"exit_code": -2}, False),
        ({"unfinished": ("run/.train.tmp",)}, False),
        ({"processes": 1}, False),
        ({"noise": True}, False),
        ({"same": False}, False),
    ],
)
def test_ending_is_ok_or_not(changes, ok):
    assert replace(ENDING, **changes).ok == ok


def test_table_has_a_row_for_each_signal():
    endings = [
        ENDING,
        replace(ENDING, seconds=2.5, unfinished=("a", "b")),
        replace(ENDING, exit_code=0, seconds=90.0),
        replace(ENDING, signal="SIGTERM", exit_code=143, noise=True, same=False),
    ]
    assert tabulate_endings(endings) == [
        ["^C, group", "3", "0: 1, 130: 2", "1.5", "2.5", "1", "0", "0", "0"],
        ["^C, process", "0", "", "", "", "0", "0", "0", "0"],
        ["SIGTERM", "1", "143: 1", "0.5", "0.5", "0", "0", "1", "1"],
    ]


def test_unfinished_files_and_temporary_folders_are_listed(tmp_path):
    build = Build(folder=tmp_path, options=())
    for name in ("run/train/model.keras", "run/.train.tmp/model.keras", "temporary/edgetl-x/job.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    assert build.list_unfinished() == ("run/.train.tmp", "temporary/edgetl-x")
    assert list(build.hash_models()) == [".train.tmp/model.keras", "train/model.keras"]
