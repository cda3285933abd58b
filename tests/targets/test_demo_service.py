"""edgetl-demo.service: systemd accepts it, and it restricts the demo as far as possible."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "targets" / "raspberry-pi" / "edgetl-demo.service"


def read_settings() -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def test_service_has_no_privileges_and_writes_no_files():
    settings = read_settings()
    for name in ("NoNewPrivileges", "DynamicUser", "PrivateTmp", "RestrictNamespaces", "ProtectKernelTunables"):
        assert settings[name] == ["yes"], name
    assert settings["ProtectSystem"] == ["strict"] and settings["ProtectHome"] == ["read-only"]
    assert settings["CapabilityBoundingSet"] == [""] and "ReadWritePaths" not in settings
    assert settings["DevicePolicy"] == ["closed"] and "char-video4linux rw" in settings["DeviceAllow"]
    assert settings["RestrictAddressFamilies"] == ["AF_INET AF_INET6 AF_UNIX AF_NETLINK"]


def test_service_starts_the_demo_of_the_bundle():
    command = read_settings()["ExecStart"][0].split()
    assert command[:2] == ["/opt/edgetl-demo/.venv/bin/python", "/opt/edgetl-demo/demo.py"]
    assert (UNIT.parent / "demo.py").is_file()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_every_setting(tmp_path):
    text = UNIT.read_text(encoding="utf-8").replace("/opt/edgetl-demo/.venv/bin/python", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / UNIT.name)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stderr) == (0, "")
    (tmp_path / UNIT.name).write_text(text.replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"), encoding="utf-8")
    assert "NoNewPrivilege" in subprocess.run(command, capture_output=True, text=True, check=False).stderr
