"""Slow tests on boards: setup.sh with a real pip, a 32-bit board, a full disk, a throttled board."""

import json

import numpy as np
import pytest

from edgetl.core.device import bundle_files
from tests.device.test_predictions import WITH_WHEELS, compute_largest_difference, predict_here, predict_on

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["bookworm", "trixie"])
def test_setup_installs_from_a_folder_of_wheels_and_can_be_repeated(board, built_for, name):
    bundle = built_for("raspberry-pi-4", "int8").targets[0].bundle.root
    device = board(name)
    device.copy(bundle)
    first = device.ssh(f"sh {bundle.name}/setup.sh")
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.endswith(f"{bundle_files.format_closing_line((bundle / 'SHA256SUMS').read_bytes())}\n")
    second = device.ssh(f"sh {bundle.name}/setup.sh")
    assert second.returncode == 0 and second.stdout == first.stdout


def test_installation_on_a_full_disk_is_removed(start_board, built_for):
    bundle = built_for("raspberry-pi-4", "int8").targets[0].bundle.root
    with start_board("bookworm", disk_bytes=60 << 20) as device:
        device.copy(bundle)
        completed = device.ssh(f"sh {bundle.name}/setup.sh")
        assert completed.returncode == 2, completed.stdout + completed.stderr
        assert "No space left on device" in completed.stderr
        assert device.ssh(f"test -e {bundle.name}/.venv").returncode == 1


def test_bundle_for_32_bit_is_refused_on_a_64_bit_system(board, built_for):
    bundle = built_for("raspberry-pi-armv7", "int8").targets[0].bundle.root
    trixie = board("trixie")
    trixie.copy(bundle)
    completed = trixie.ssh(f"sh {bundle.name}/setup.sh")
    assert completed.returncode == 2
    assert completed.stderr.startswith("There is no runtime for Python 3.13 on aarch64.")
    assert "32-bit Raspberry Pi OS bookworm (Python 3.11)" in completed.stderr


def test_32_bit_board_outputs_what_the_reference_kernels_output(board, built_for):
    bundle = built_for("raspberry-pi-armv7", "int8").targets[0].bundle.root
    armv7 = board("armv7")
    here, there = predict_here_on_reference_kernels(built_for), predict_on(armv7, bundle)
    # tflite-runtime has the reference kernels alone, which are the same code everywhere.
    assert there["accelerated"] is False
    assert compute_largest_difference(there["bundled"], here) == 0
    checked = armv7.ssh(f"{WITH_WHEELS} python3 {bundle.name}/selfcheck.py --json")
    report = json.loads(checked.stdout)
    assert checked.returncode == 0 and report["ok"] is True, checked.stdout
    assert report["versions"]["machine"] == "armv7l" and report["versions"]["numpy"].startswith("1.")
    classified = armv7.ssh(f"{WITH_WHEELS} python3 {bundle.name}/classify.py --json {bundle.name}/golden")
    assert classified.returncode == 0 and len(classified.stdout.splitlines()) == len(here)


def predict_here_on_reference_kernels(built_for) -> list:
    """Predict with the 64-bit bundle: it contains the same model file, and a runtime that is installed here."""
    delivered_32 = built_for("raspberry-pi-armv7", "int8").targets[0]
    delivered_64 = built_for("raspberry-pi-4", "int8").targets[0]
    assert delivered_32.artifact.sha256 == delivered_64.artifact.sha256
    outputs = predict_here(delivered_64.bundle.root)["reference"]
    assert len(np.unique(np.argmax(outputs, 1))) > 1
    return outputs


# The output of a Raspberry Pi with under-voltage that is throttled: bits 0 and 2, now and since boot.
VCGENCMD = """#!/bin/sh
case "$1" in
get_throttled) echo throttled=0x50005;;
measure_clock) echo "frequency(48)=600000000";;
esac
"""


def test_benchmark_of_a_throttled_board_is_invalid(board, built_for, tmp_path):
    bundle = built_for("raspberry-pi-4", "int8").targets[0].bundle.root
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vcgencmd").write_text(VCGENCMD)
    (tmp_path / "bin" / "vcgencmd").chmod(0o755)
    bookworm = board("bookworm")
    # ~/bin is the first folder of PATH on the board.
    bookworm.copy(bundle, tmp_path / "bin")
    options = "--soak 0 --runs 5 --seconds 0.1 --threads 1 --out measured"
    completed = bookworm.ssh(f"{WITH_WHEELS} python3 {bundle.name}/bench.py {options}")
    assert completed.returncode == 1, completed.stderr
    (line,) = [line for line in completed.stdout.splitlines() if line.startswith("INVALID: ")]
    assert "throttled during the run; under-voltage during the run" in line
    assert "the processor is emulated: these times are not those of any board" in line
    measurement = json.loads(bookworm.ssh("cat measured/measure.json").stdout)
    assert measurement["valid"] is False and measurement["throttled"]["now"] == ["under-voltage", "throttled"]
