"""What doctor finds on this machine, and what it reports where something is missing."""

import platform
import re
import shutil
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

from edgetl.engines.tflite import runtime as tflite_runtime
from edgetl.stages import doctor

Usage = namedtuple("Usage", "total used free")


def check():
    return {finding.subject: finding for finding in doctor.check_machine()}


def test_this_machine_has_what_edgetl_needs():
    findings = check()
    assert {"system", "python", "tensorflow", "keras", "XNNPACK", "ImageNet weights", "cache"} <= set(findings)
    # The disk may be nearly full, and edgetl may run from its source without being installed.
    problems = {finding.subject for finding in findings.values() if not finding.ok}
    assert problems <= {"cache", "edgetl"}
    assert findings["Keras computes on"].detail.startswith("tensorflow ")
    assert findings["XNNPACK"].detail == "runs"


def test_every_dependency_is_checked():
    project = Path(__file__).parents[2] / "pyproject.toml"
    dependencies = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {re.match(r"[A-Za-z0-9_.-]+", line).group() for line in dependencies}
    assert names <= set(doctor.PACKAGES)


def test_missing_parts_are_problems(monkeypatch, tmp_path):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(doctor, "installed_version", lambda package: "absent" if package == "keras" else "1.0")
    monkeypatch.setattr(tflite_runtime, "runs_xnnpack", lambda _: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, 1))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    findings = check()
    assert not findings["system"].ok and "Linux only" in findings["system"].detail
    assert not findings["keras"].ok and findings["keras"].detail == "absent" and findings["tensorflow"].ok
    assert not findings["XNNPACK"].ok and "/sys" in findings["XNNPACK"].detail
    assert not findings["cache"].ok and "0 GB free" in findings["cache"].detail
    # Weights can be downloaded.
    assert findings["ImageNet weights"].ok and "will be downloaded" in findings["ImageNet weights"].detail


def test_weights_files_are_counted(monkeypatch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "some_no_top.h5").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert check()["ImageNet weights"].detail == f"1 weights files in {tmp_path / 'models'}"


@pytest.mark.parametrize(("version", "ok"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_supported_versions_of_python_are_ok(monkeypatch, version, ok):
    monkeypatch.setattr(doctor.sys, "version_info", (*version, 1))
    assert doctor._check_python().ok is ok
