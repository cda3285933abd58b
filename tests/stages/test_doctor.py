"""doctor: what this machine has, and what is said where something is missing."""

import shutil
from collections import namedtuple

import pytest

from edgetl.engines.tflite import runtime as tflite_runtime
from edgetl.stages import doctor

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def findings(monkeypatch):
    """Subject → finding, after `changes` to the machine."""

    def examine():
        return {finding.subject: finding for finding in doctor.check_machine()}

    return examine


def test_this_machine(findings):
    found = findings()
    assert {"python", "tensorflow", "keras", "XNNPACK", "ImageNet weights", "cache"} <= set(found)
    assert not [
        finding for finding in found.values() if not finding.good and finding.subject not in ("cache", "edgetl")
    ]
    assert found["keras computes on"].found.startswith("tensorflow ")
    assert found["XNNPACK"].found == "runs"


def test_what_is_missing_is_said(findings, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "version", lambda package: "absent" if package == "keras" else "1.0")
    monkeypatch.setattr(tflite_runtime, "runs_xnnpack", lambda _: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, 1))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    found = findings()
    assert not found["keras"].good and found["keras"].found == "absent" and found["tensorflow"].good
    assert not found["XNNPACK"].good and "/sys" in found["XNNPACK"].found
    assert not found["cache"].good and "0 GB free" in found["cache"].found
    assert found["ImageNet weights"].good and "will be downloaded" in found["ImageNet weights"].found


def test_weights_that_are_here_are_counted(findings, monkeypatch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "some_no_top.h5").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert findings()["ImageNet weights"].found == f"1 weights files in {tmp_path / 'models'}"
