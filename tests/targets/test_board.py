"""board.py on boards made of files: what it reads, what it says it cannot, and what makes figures INVALID."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

HZ = 2_400_000_000


@pytest.fixture(scope="module")
def board(payload):
    return payload("board")


@pytest.fixture
def sysfs(tmp_path) -> Path:
    """The /sys of a Raspberry Pi 5 with two cores shown."""
    put(tmp_path, "firmware/devicetree/base/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    put(tmp_path, "class/thermal/thermal_zone0/type", "cpu-thermal\n")
    put(tmp_path, "class/thermal/thermal_zone0/temp", "61250\n")
    for core in (0, 1):
        put(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{2_300_000 + core * 100_000}\n")
        put(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq", "2400000\n")
        put(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/scaling_governor", "ondemand\n")
    return tmp_path


@pytest.fixture
def vcgencmd(tmp_path) -> str:
    answers = 'get_throttled) echo throttled=0x50000;; "measure_clock arm") echo "frequency(48)=1800404352";; *) exit 1'
    return program(tmp_path / "vcgencmd", f'case "$*" in {answers};; esac')


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def program(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_look_at_a_raspberry(board, sysfs, vcgencmd):
    machine = board.Board(sysfs, vcgencmd)
    look = machine.look()
    assert (look.temperature_c, look.frequency_hz, look.clock_hz) == (61.25, HZ, 1_800_404_352)
    assert look.throttled == 0x50000
    assert machine.raspberry and machine.highest_hz() == HZ
    facts = machine.facts()
    assert (facts["name"], facts["governor"]) == ("Raspberry Pi 5 Model B Rev 1.0", "ondemand")
    assert look.resident_bytes > 1_000_000 and machine.peak_bytes() >= look.resident_bytes
    assert look.others_s is not None and machine.unwatched == {}
    json.dumps(facts, allow_nan=False)


def test_what_a_machine_does_not_tell_is_named_and_not_asked_again(board, tmp_path):
    count = tmp_path / "count"
    refused = program(tmp_path / "vcgencmd", f"echo x >> {count}; echo VCHI initialization failed; exit 1")
    machine = board.Board(tmp_path / "nothing", refused, tmp_path / "nowhere")
    looks = [machine.look() for _ in range(3)]
    assert all(set(dataclasses.astuple(look)[1:]) == {None} for look in looks)
    assert not machine.raspberry
    assert machine.unwatched["throttling"] == "vcgencmd get_throttled said: VCHI initialization failed"
    assert set(machine.unwatched) == {"temperature", "frequency", "clock", "throttling", "load", "memory"}
    assert count.read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo nonsense", "said: nonsense"),
        ("true", "said: nothing"),
        ("echo throttled=zero", "zero"),
        ("echo 'throttled(1)='", "invalid literal"),
        ("echo 'frequency(48)=1800404352'", "said: frequency(48)=1800404352"),
    ],
)
def test_vcgencmd_says_something_else(board, sysfs, tmp_path, body, said):
    machine = board.Board(sysfs, program(tmp_path / "odd", body))
    assert machine.look().throttled is None
    assert said in machine.unwatched["throttling"]


def test_no_vcgencmd_at_all(board, sysfs):
    machine = board.Board(sysfs, "no-such-vcgencmd")
    machine.look()
    assert machine.unwatched["throttling"] == "No such file or directory: no-such-vcgencmd"


def test_a_vcgencmd_that_hangs_is_given_up(board, sysfs, tmp_path, monkeypatch):
    monkeypatch.setattr(board, "VCGENCMD_LIMIT_S", 0.2)
    machine = board.Board(sysfs, program(tmp_path / "hangs", "exec sleep 30"))
    assert machine.look().throttled is None
    assert "timed out" in machine.unwatched["throttling"]


def test_the_processors_own_zone_is_read(board, sysfs, vcgencmd):
    put(sysfs, "class/thermal/thermal_zone0/type", "rp1_adc\n")
    put(sysfs, "class/thermal/thermal_zone1/type", "cpu-thermal\n")
    put(sysfs, "class/thermal/thermal_zone1/temp", "48000\n")
    assert board.Board(sysfs, vcgencmd).look().temperature_c == 48.0


def test_time_of_others_leaves_ours_out(board, tmp_path):
    put(tmp_path, "stat", "cpu  1000 200 300 99999 50 10 20 30 7 8\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    look = board.Board(tmp_path, "none", tmp_path).look()
    busy_s = (1000 + 200 + 300 + 10 + 20 + 30) / os.sysconf("SC_CLK_TCK")
    assert look.others_s == pytest.approx(busy_s - sum(os.times()[:4]), abs=0.5)


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
def test_throttle_bits(board, bits, now, since_boot):
    assert board.decoded(bits) == {"now": now, "since_boot": since_boot}


def test_unknown_bits_stay_unknown(board):
    assert board.decoded(None) is None


def looks(board, **fields):
    """Looks a second apart; each field is a list, one value for each."""
    count = len(next(iter(fields.values())))
    calm = {
        "temperature_c": 50.0,
        "frequency_hz": HZ,
        "clock_hz": HZ,
        "throttled": 0,
        "others_s": 100.0,
        "resident_bytes": 1,
    }
    rows = [{name: values[index] for name, values in fields.items()} for index in range(count)]
    return [board.Look(**{**calm, "at_s": float(index), **row}) for index, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"throttled": [0, 0, 0]}, []),
        # What happened before the run is history; what holds during it is not.
        ({"throttled": [0x50000, 0x50000]}, []),
        ({"throttled": [0x50000, 0x50005]}, ["throttled during the run", "under-voltage during the run"]),
        # It came and went between two looks: only the bits since boot have seen it.
        ({"throttled": [0x0, 0x0, 0x10000]}, ["under-voltage during the run"]),
        ({"throttled": [0x0, 0x8, 0x80000]}, ["soft temperature limit during the run"]),
        ({"throttled": [0, None]}, ["whether the board throttled is not known"]),
        ({"throttled": [None, None]}, ["whether the board throttled is not known"]),
        ({"frequency_hz": [HZ, 2_200_000_000]}, []),
        ({"frequency_hz": [HZ, 1_500_000_000, HZ]}, ["the processor's clock was down to 1.50 of 2.40 GHz"]),
        # A governor that never leaves the lowest clock shows no change, only a clock that is not the highest.
        ({"frequency_hz": [1_500_000_000] * 3}, ["the processor's clock was down to 1.50 of 2.40 GHz"]),
        ({"frequency_hz": [None, None]}, []),
        # The firmware throttles behind the kernel's back.
        ({"clock_hz": [HZ, 1_000_000_000]}, ["the processor's clock was down to 1.00 of 2.40 GHz"]),
        ({"others_s": [100.0, 100.1, 100.3]}, []),
        ({"others_s": [100.0, 100.5, 101.0]}, ["other programs kept 0.50 cores busy"]),
        ({"others_s": [100.0, 99.9]}, []),
        ({"others_s": [None, None]}, []),
    ],
)
def test_what_spoils_a_run_on_a_raspberry(board, fields, reasons):
    assert board.reasons(looks(board, **fields), HZ, raspberry=True) == reasons


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"throttled": [None, None]}, []),
        # A PC's highest clock does not last; what it did reach is the measure.
        ({"frequency_hz": [1_800_000_000, 1_790_000_000], "clock_hz": [None, None]}, []),
        (
            {"frequency_hz": [1_800_000_000, 900_000_000], "clock_hz": [None, None]},
            ["the processor's clock was down to 0.90 of 1.80 GHz"],
        ),
        ({"others_s": [0.0, 1.0]}, ["other programs kept 1.00 cores busy"]),
    ],
)
def test_what_spoils_a_run_elsewhere(board, fields, reasons):
    assert board.reasons(looks(board, **fields), HZ, raspberry=False) == reasons


def test_several_reasons_are_all_given(board):
    spoilt = looks(board, throttled=[0, 4], frequency_hz=[HZ, HZ // 2], others_s=[0.0, 2.0])
    assert len(board.reasons(spoilt, HZ, raspberry=True)) == 3


def test_one_look_tells_no_load(board):
    assert board.others_cores(looks(board, others_s=[5.0])) is None


def test_the_watch_keeps_every_look(board, sysfs, vcgencmd, monkeypatch):
    watch = board.Watch(board.Board(sysfs, vcgencmd))
    assert watch.due() and watch.looks == []
    watch.look_if_due()
    assert not watch.due()
    monkeypatch.setattr(board, "EVERY_S", 0.0)
    watch.look()
    assert watch.due()
    watch.look_if_due()
    series = watch.series()
    assert series["throttled"] == [0x50000] * 3 and series["at_s"] == sorted(series["at_s"])
    assert watch.mean_resident_bytes() > 1_000_000


def test_emulation_is_seen(board, monkeypatch):
    monkeypatch.delenv("QEMU_CPU", raising=False)
    assert board.emulated() is False
    monkeypatch.setenv("QEMU_CPU", "cortex-a72")
    assert board.emulated() is True
