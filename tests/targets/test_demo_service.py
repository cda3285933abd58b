"""edgetl-demo.service: systemd reads it without a word, and it is as closed as DESIGN asks for."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "targets" / "raspberry-pi" / "edgetl-demo.service"


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_it_gains_nothing_and_writes_nowhere():
    found = settings()
    for name in ("NoNewPrivileges", "DynamicUser", "PrivateTmp", "RestrictNamespaces", "ProtectKernelTunables"):
        assert found[name] == ["yes"], name
    assert found["ProtectSystem"] == ["strict"] and found["ProtectHome"] == ["read-only"]
    assert found["CapabilityBoundingSet"] == [""] and "ReadWritePaths" not in found
    assert found["DevicePolicy"] == ["closed"] and "char-video4linux rw" in found["DeviceAllow"]
    assert found["RestrictAddressFamilies"] == ["AF_INET AF_INET6 AF_UNIX AF_NETLINK"]


def test_it_starts_what_the_bundle_holds():
    assert settings()["ExecStart"][0].split()[:2] == ["/opt/edgetl-demo/.venv/bin/python", "/opt/edgetl-demo/demo.py"]
    assert (UNIT.parent / "demo.py").is_file()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_understands_all_of_it(tmp_path):
    text = UNIT.read_text(encoding="utf-8").replace("/opt/edgetl-demo/.venv/bin/python", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / UNIT.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / UNIT.name).write_text(text.replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"), encoding="utf-8")
    assert "NoNewPrivilege" in subprocess.run(command, capture_output=True, text=True, check=False).stderr
