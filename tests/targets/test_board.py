"""board.py on boards made of files: what it reads, and what it reports as not available."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

HZ = 2_400_000_000


@pytest.fixture(scope="module")
def board(import_payload):
    return import_payload("board")


@pytest.fixture
def sysfs(tmp_path) -> Path:
    """The /sys of a Raspberry Pi 5 that shows two cores."""
    write(tmp_path, "firmware/devicetree/base/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    write(tmp_path, "class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write(tmp_path, "class/thermal/thermal_zone0/temp", "61250\n")
    for core in (0, 1):
        write(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{2_300_000 + core * 100_000}\n")
        write(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq", "2400000\n")
        write(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/scaling_governor", "ondemand\n")
    return tmp_path


@pytest.fixture
def vcgencmd(tmp_path) -> str:
    cases = 'get_throttled) echo throttled=0x50000;; "measure_clock arm") echo "frequency(48)=1800404352";; *) exit 1'
    return write_program(tmp_path / "vcgencmd", f'case "$*" in {cases};; esac')


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def write_program(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_sample_of_a_raspberry_pi_contains_every_quantity(board, sysfs, vcgencmd):
    machine = board.Board(sysfs, vcgencmd)
    sample = machine.read_sample()
    assert (sample.temperature_c, sample.frequency_hz, sample.clock_hz) == (61.25, HZ, 1_800_404_352)
    assert sample.throttled == 0x50000
    assert machine.raspberry and machine.read_highest_hz() == HZ
    facts = machine.describe()
    assert (facts["name"], facts["governor"]) == ("Raspberry Pi 5 Model B Rev 1.0", "ondemand")
    assert sample.resident_bytes > 1_000_000 and machine.read_peak_bytes() >= sample.resident_bytes
    assert sample.others_s is not None and machine.unavailable == {}
    json.dumps(facts, allow_nan=False)


def test_unavailable_quantity_has_its_reason_and_is_read_once(board, tmp_path):
    count = tmp_path / "count"
    failing = write_program(tmp_path / "vcgencmd", f"echo x >> {count}; echo VCHI initialization failed; exit 1")
    machine = board.Board(tmp_path / "nothing", failing, tmp_path / "nowhere")
    samples = [machine.read_sample() for _ in range(3)]
    assert all(set(dataclasses.astuple(sample)[1:]) == {None} for sample in samples)
    assert not machine.raspberry
    assert machine.unavailable["throttling"] == "vcgencmd get_throttled failed: VCHI initialization failed"
    assert set(machine.unavailable) == {"temperature", "frequency", "clock", "throttling", "load", "memory"}
    # Once for the clock and once for throttling, not once per sample.
    assert count.read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo nonsense", "failed: nonsense"),
        ("true", "failed: no output"),
        ("echo throttled=zero", "zero"),
        ("echo 'throttled(1)='", "invalid literal"),
        ("echo 'frequency(48)=1800404352'", "failed: frequency(48)=1800404352"),
    ],
)
def test_unexpected_output_of_vcgencmd_is_the_reason(board, sysfs, tmp_path, body, reason):
    machine = board.Board(sysfs, write_program(tmp_path / "odd", body))
    assert machine.read_sample().throttled is None
    assert reason in machine.unavailable["throttling"]


def test_missing_vcgencmd_is_the_reason(board, sysfs):
    machine = board.Board(sysfs, "no-such-vcgencmd")
    machine.read_sample()
    assert machine.unavailable["throttling"] == "No such file or directory: no-such-vcgencmd"


def test_vcgencmd_that_hangs_is_ended_after_the_timeout(board, sysfs, tmp_path, monkeypatch):
    monkeypatch.setattr(board, "VCGENCMD_TIMEOUT_S", 0.2)
    machine = board.Board(sysfs, write_program(tmp_path / "hangs", "exec sleep 30"))
    assert machine.read_sample().throttled is None
    assert "timed out" in machine.unavailable["throttling"]


def test_temperature_is_that_of_the_processor_zone(board, sysfs, vcgencmd):
    write(sysfs, "class/thermal/thermal_zone0/type", "rp1_adc\n")
    write(sysfs, "class/thermal/thermal_zone1/type", "cpu-thermal\n")
    write(sysfs, "class/thermal/thermal_zone1/temp", "48000\n")
    assert board.Board(sysfs, vcgencmd).read_sample().temperature_c == 48.0


def test_cpu_time_of_others_excludes_idle_iowait_guests_and_this_process(board, tmp_path):
    write(tmp_path, "stat", "cpu  1000 200 300 99999 50 10 20 30 7 8\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    sample = board.Board(tmp_path, "none", tmp_path).read_sample()
    busy_s = (1000 + 200 + 300 + 10 + 20 + 30) / os.sysconf("SC_CLK_TCK")
    assert sample.others_s == pytest.approx(busy_s - sum(os.times()[:4]), abs=0.5)


@pytest.mark.parametrize(
    ("bits", "now", "since_boot"),
    [
        (0x0, [], []),
        (0x1, ["under-voltage"], []),
        (0x50005, ["under-voltage", "throttled"], ["under-voltage", "throttled"]),
        (0xE0008, ["soft temperature limit"], ["frequency capped", "throttled", "soft temperature limit"]),
        (0x100010, ["bit 4"], ["bit 4"]),
    ],
)
def test_throttle_bits_become_words(board, bits, now, since_boot):
    assert board.decode_throttled(bits) == {"now": now, "since_boot": since_boot}


def test_unknown_throttle_bits_stay_unknown(board):
    assert board.decode_throttled(None) is None


def test_monitor_is_due_at_first_and_keeps_every_sample(board, sysfs, vcgencmd, monkeypatch):
    monitor = board.BoardMonitor(board.Board(sysfs, vcgencmd))
    assert monitor.is_due() and monitor.samples == []
    monkeypatch.setattr(board, "SAMPLE_INTERVAL_S", 1000.0)
    monitor.take_sample_if_due()
    assert not monitor.is_due()
    monitor.take_sample_if_due()
    assert len(monitor.samples) == 1
    monkeypatch.setattr(board, "SAMPLE_INTERVAL_S", 0.0)
    monitor.take_sample()
    assert monitor.is_due()
    monitor.take_sample_if_due()
    columns = monitor.list_columns()
    assert columns["throttled"] == [0x50000] * 3 and columns["at_s"] == sorted(columns["at_s"])
    assert monitor.compute_mean_resident_bytes() > 1_000_000


def test_qemu_is_detected_by_its_environment_variable(board, monkeypatch):
    monkeypatch.delenv("QEMU_CPU", raising=False)
    assert board.is_emulated() is False
    monkeypatch.setenv("QEMU_CPU", "cortex-a72")
    assert board.is_emulated() is True
