"""measurement.py: measure.json is read completely or refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.core.device import measurement
from edgetl.core.device.measurement import read_measurement
from edgetl.core.errors import StageError
from tests.fixtures.special_files import SPECIAL_FILES, make_special

SHA256 = "m" * 64


@pytest.fixture
def write(tmp_path, measure_json) -> Callable[..., Path]:
    """Write a measure.json with some entries replaced."""

    def write_file(**changes: object) -> Path:
        path = tmp_path / measurement.NAME
        path.write_text(json.dumps({**measure_json, **changes}), encoding="utf-8")
        return path

    return write_file


def test_every_entry_is_read(write, measure_json):
    result = read_measurement(write(), SHA256)
    assert result.best.steady.p50.ms == 4.0 and result.photo.total.p50.ms == 7.5
    assert result.model_dump(mode="json", by_alias=True) == measure_json


def test_bundle_without_thresholds_has_no_decisions(write, measure_json):
    answers = [
        {name: row[name] for name in ("photo", "label", "probabilities")} for row in measure_json["accuracy"]["answers"]
    ]
    accuracy = {**measure_json["accuracy"], "answers": answers}
    del accuracy["decisions"]
    result = read_measurement(write(accuracy=accuracy), SHA256).accuracy
    assert result.decisions is None and result.answers[0].known is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_sha256": "n" * 64}, "is for a different model"),
        ({"best_threads": 3}, "is inconsistent"),
        ({"valid": True, "reasons": ["hot"]}, "is inconsistent"),
        ({"valid": False}, "is inconsistent"),
        ({"schema": 2}, "not a measure.json of bench.py: schema"),
        ({"sweep": []}, "not a measure.json of bench.py: sweep"),
        ({"photo": {}}, "not a measure.json of bench.py: photo.decode"),
        ({"more": 1}, "not a measure.json of bench.py: more"),
        ({"seconds": -1}, "not a measure.json of bench.py: seconds"),
    ],
)
def test_invalid_entry_is_refused(write, changes, message):
    path = write(**changes)
    with pytest.raises(StageError, match=message) as error:
        read_measurement(path, SHA256)
    assert error.value.where == (str(path),)


@pytest.mark.parametrize("content", ["", "[]", "{", "NaN"])
def test_file_that_is_not_a_json_object_is_refused(tmp_path, content):
    (tmp_path / measurement.NAME).write_text(content)
    with pytest.raises(StageError, match=r"not a measure\.json"):
        read_measurement(tmp_path / measurement.NAME, SHA256)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(StageError, match=r"bench\.py wrote no measure\.json: No such file"):
        read_measurement(tmp_path / measurement.NAME, SHA256)


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_is_refused(tmp_path, kind):
    with pytest.raises(StageError, match=SPECIAL_FILES[kind]):
        read_measurement(make_special(kind, tmp_path), SHA256)


def test_deep_json_is_refused(tmp_path):
    (tmp_path / measurement.NAME).write_text("[" * 100_000)
    with pytest.raises(StageError, match=r"not a measure\.json"):
        read_measurement(tmp_path / measurement.NAME, SHA256)


def test_file_over_the_limit_is_not_read(write, monkeypatch):
    monkeypatch.setattr(measurement, "LARGEST_RECORD_BYTES", 100)
    with pytest.raises(StageError, match="over the limit"):
        read_measurement(write(), SHA256)
