"""What doctor finds on this machine, and what it reports where something is missing."""

import platform
import re
import shutil
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

from edgetl.core.network import bases
from edgetl.core.network.base_table import BASES
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
    assert findings["ImageNet weights"].ok and findings["ImageNet weights"].detail.startswith("0 of ")
    assert findings["absent weights"].ok and "mobilenet_v2 0.35 0.5" in findings["absent weights"].detail


def test_weights_at_hand_and_absent_ones_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "other.h5").touch()
    for name, alpha in (("mobilenet_v2", 0.35), ("mobilenet_v2", 1.0), ("resnet50", 1.0)):
        (tmp_path / "models" / bases.find_published_weights(name, alpha)[0]).touch()
    present, absent = doctor._check_weights()
    count = sum(len(base.alphas) for base in BASES.values())
    assert present.detail == f"3 of {count} files in {tmp_path / 'models'}: mobilenet_v2 0.35 1, resnet50"
    names = absent.detail.removeprefix("downloaded when a build needs them: ").split(", ")
    assert "mobilenet_v2 0.5 0.75 1.3 1.4" in names and "vgg16" in names and "resnet50" not in names


@pytest.mark.parametrize(("version", "ok"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_supported_versions_of_python_are_ok(monkeypatch, version, ok):
    monkeypatch.setattr(doctor.sys, "version_info", (*version, 1))
    assert doctor._check_python().ok is ok
