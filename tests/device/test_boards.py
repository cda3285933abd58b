"""The long ways: setup.sh with a real pip on each system, the 32-bit board, a full disk, a board that throttles."""

import json

import numpy as np
import pytest

from tests.device.test_answers import ANSWERS, answers_here, answers_there, largest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["bookworm", "trixie"])
def test_setup_installs_from_a_folder_of_wheels(answering, built_for, name):
    bundle = built_for("raspberry-pi-4", "int8").bundle.root
    with answering(name) as board:
        board.copy(bundle)
        done = board.ssh(f"sh {bundle.name}/setup.sh")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith("This device gives what the build gave.\n")
        again = board.ssh(f"sh {bundle.name}/setup.sh")
        assert again.returncode == 0 and again.stdout == done.stdout


def test_a_full_disk_leaves_nothing_half_installed(answering, built_for):
    bundle = built_for("raspberry-pi-4", "int8").bundle.root
    with answering("bookworm", disk_bytes=60 << 20) as board:
        board.copy(bundle)
        done = board.ssh(f"sh {bundle.name}/setup.sh")
        assert done.returncode == 2, done.stdout + done.stderr
        assert "No space left on device" in done.stderr
        assert board.ssh(f"test -e {bundle.name}/.venv").returncode == 1


def test_a_system_that_no_runtime_is_made_for(answering, built_for):
    bundle = built_for("raspberry-pi-armv7", "int8").bundle.root
    with answering("trixie") as board:
        board.copy(bundle)
        done = board.ssh(f"sh {bundle.name}/setup.sh")
        assert done.returncode == 2
        assert done.stderr.startswith("There is no runtime for Python 3.13 on aarch64.")
        assert "32-bit Raspberry Pi OS bookworm (Python 3.11)" in done.stderr


def test_32_bit(answering, built_for):
    bundle = built_for("raspberry-pi-armv7", "int8").bundle.root
    with answering("armv7") as board:
        board.copy(ANSWERS)
        here, there = answers_here_on_reference_kernels(built_for), answers_there(board, bundle, "int8")
        # tflite-runtime has the plain kernels alone, and those are the same code everywhere.
        assert there["accelerated"] is False
        assert largest(there["bundled"], here) == 0
        checked = board.ssh(f"PYTHONPATH=/opt/site python3 int8/{bundle.name}/selfcheck.py --json")
        found = json.loads(checked.stdout)
        assert checked.returncode == 0 and found["ok"] is True, checked.stdout
        assert found["versions"]["machine"] == "armv7l" and found["versions"]["numpy"].startswith("1.")
        named = board.ssh(
            f"PYTHONPATH=/opt/site python3 int8/{bundle.name}/classify.py --json int8/{bundle.name}/golden"
        )
        assert named.returncode == 0 and len(named.stdout.splitlines()) == len(here)


def answers_here_on_reference_kernels(built_for) -> list:
    """The 64-bit bundle has the same model file, with a runtime that is installed here."""
    plain, ours = built_for("raspberry-pi-armv7", "int8"), built_for("raspberry-pi-4", "int8")
    assert plain.artifact.sha256 == ours.artifact.sha256
    found = answers_here(ours.bundle.root)["reference"]
    assert len(np.unique(np.argmax(found, 1))) > 1
    return found


# What a Raspberry Pi's firmware answers while its supply sags and it is throttled, bits 0 and 2.
VCGENCMD = """#!/bin/sh
case "$1" in
get_throttled) echo throttled=0x50005;;
measure_clock) echo "frequency(48)=600000000";;
esac
"""


def test_a_throttled_board_is_marked(answering, built_for, tmp_path):
    bundle = built_for("raspberry-pi-4", "int8").bundle.root
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vcgencmd").write_text(VCGENCMD)
    (tmp_path / "bin" / "vcgencmd").chmod(0o755)
    with answering("bookworm") as board:
        board.copy(bundle, tmp_path / "bin")
        short = "--soak 0 --runs 5 --seconds 0.1 --threads 1 --out measured"
        done = board.ssh(f"PYTHONPATH=/opt/site python3 {bundle.name}/bench.py {short}")
        assert done.returncode == 1, done.stderr
        (last,) = [line for line in done.stdout.splitlines() if line.startswith("INVALID: ")]
        assert "throttled during the run; under-voltage during the run" in last
        assert "the processor is emulated: these times are no board's speed" in last
        measure = json.loads(board.ssh("cat measured/measure.json").stdout)
        assert measure["valid"] is False and measure["throttled"]["now"] == ["under-voltage", "throttled"]
