"""durations.py: durations are read from finished stages, and anything else in the folder is passed over."""

import os

from edgetl.core.run.durations import read_costs, read_durations
from edgetl.core.run.stage_cost import StageCost
from edgetl.core.storage.files import write_json


def test_durations_of_finished_stages(tmp_path):
    for name, seconds in {"train": 12.5, "convert-tflite-int8": 3}.items():
        (tmp_path / name).mkdir()
        file = tmp_path / name / f"{name.partition('-')[0]}.json"
        write_json(file, {"fingerprint": "a" * 64, "seconds": seconds, "record": {"seconds": 99}})
    assert read_durations(tmp_path) == {"train": 12.5, "convert-tflite-int8": 3.0}


def test_costs_of_earlier_versions_have_seconds_alone(tmp_path):
    costs = {"seconds": 12.5, "processor_s": 20.25, "peak_bytes": 3_000}
    for name, fields in {"train": costs, "answers": {"seconds": 2}}.items():
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / f"{name}.json", {"fingerprint": "a" * 64, **fields, "record": costs})
    assert read_costs(tmp_path) == {"train": StageCost(12.5, 20.25, 3_000), "answers": StageCost(2.0, 0.0, 0)}


def test_other_files_have_no_duration(tmp_path):
    (tmp_path / "log.txt").write_text("text")
    (tmp_path / "train").mkdir()
    (tmp_path / "score").mkdir()
    (tmp_path / "score" / "score.json").write_bytes(b"\xff{}")
    (tmp_path / "verify").mkdir()
    os.mkfifo(tmp_path / "verify" / "verify.json")
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"seconds": 1.0}')
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.json").symlink_to(elsewhere)
    assert read_durations(tmp_path) == {} and read_durations(tmp_path / "absent") == {}
