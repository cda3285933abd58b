"""What the board does while it is measured: temperature, clock, throttling, load; and whether that spoils the figures.

In: /sys, /proc and vcgencmd, or others in their place. Out: looks, taken between two measurements and never during one,
and the reasons why figures taken meanwhile must not be compared with others.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

EVERY_S = 1.0
VCGENCMD_LIMIT_S = 5
# Above this much of one core, taken by other programs on average, latencies are not the model's alone.
OTHERS_LIMIT_CORES = 0.2
# Below this part of the highest clock the board is not running as it could.
CLOCK_LIMIT = 0.9

# Source: Raspberry Pi documentation, "vcgencmd", get_throttled: bits 0-3 are now, bits 16-19 since the last boot.
BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
SINCE_BOOT = 16
# A thermal zone names what it measures. Source: the Raspberry Pi kernel's device tree, and Linux's x86 drivers.
_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp", "k10temp")


@dataclass(frozen=True)
class Look:
    """One look. None is what this board does not tell; `Board.unwatched` says why.

    `frequency_hz` is what the kernel asks for, the highest of all cores; `clock_hz` is what the processor really does,
    as a Raspberry Pi's firmware knows it: that throttles without telling the kernel. `others_s` is CPU seconds spent by
    all other programs since boot.

    Source of the difference: Raspberry Pi documentation, "config.txt", monitoring core temperature and clocks.
    """

    at_s: float
    temperature_c: float | None
    frequency_hz: int | None
    clock_hz: int | None
    throttled: int | None
    others_s: float | None
    resident_bytes: int | None


class Board:
    """The machine this runs on. `unwatched` grows: what could not be seen → why."""

    def __init__(self, sysfs: Path = Path("/sys"), vcgencmd: str = "vcgencmd", proc: Path = Path("/proc")) -> None:
        self.sysfs = sysfs
        self.unwatched: dict[str, str] = {}
        self._proc = proc
        self._vcgencmd = vcgencmd
        self.start_s = time.perf_counter()
        self.model = self._model()
        self.raspberry = self.model.startswith("Raspberry Pi")

    def look(self) -> Look:
        """Everything at this moment."""
        return Look(
            at_s=round(time.perf_counter() - self.start_s, 3),
            temperature_c=self._told("temperature", self._temperature_c),
            frequency_hz=self._told("frequency", lambda: max(self._clocks("scaling_cur_freq"))),
            clock_hz=self._told("clock", lambda: self._firmware("frequency", "measure_clock", "arm")),
            throttled=self._told("throttling", lambda: self._firmware("throttled", "get_throttled")),
            others_s=self._told("load", self._others_s),
            resident_bytes=self._told("memory", lambda: self._status_bytes("VmRSS")),
        )

    def facts(self) -> dict[str, Any]:
        """What does not change while it is measured."""
        return {
            "name": self.model or self._processor(),
            "machine": platform.machine(),
            "processor": self._processor(),
            "cores": cores(),
            "kernel": platform.release(),
            "system": _system(),
            "highest_hz": self.highest_hz(),
            "governor": self._told("governor", lambda: self._cpufreq("scaling_governor")[0]),
        }

    def highest_hz(self) -> int | None:
        """The highest clock that the processor is made for."""
        return self._told("highest frequency", lambda: max(self._clocks("cpuinfo_max_freq")))

    def peak_bytes(self) -> int | None:
        """The most memory that this process had resident so far."""
        return self._told("peak memory", lambda: self._status_bytes("VmHWM"))

    def _told(self, what: str, read: Callable[[], T]) -> T | None:
        """What `read` gives; once it could not, why is kept and it is not asked again."""
        if what in self.unwatched:
            return None
        try:
            return read()
        except OSError as error:
            self.unwatched[what] = f"{error.strerror or error}: {error.filename or 'unknown file'}"
        except (ValueError, LookupError, subprocess.SubprocessError) as error:
            self.unwatched[what] = str(error)
        return None

    def _model(self) -> str:
        path = self.sysfs / "firmware" / "devicetree" / "base" / "model"
        # A PC has no device tree, and so no such file.
        return path.read_text(encoding="utf-8").rstrip("\0\n") if path.is_file() else ""

    def _temperature_c(self) -> float:
        zones: dict[str, Path] = {}
        for zone in sorted((self.sysfs / "class" / "thermal").glob("thermal_zone*")):
            zones.setdefault((zone / "type").read_text(encoding="ascii").strip(), zone)
        name = next((name for name in _ZONES if name in zones), None)
        if name is None:
            raise LookupError(f"no thermal zone of the processor among {sorted(zones)}")
        return int((zones[name] / "temp").read_text(encoding="ascii")) / 1000

    def _cpufreq(self, name: str) -> list[str]:
        paths = sorted((self.sysfs / "devices" / "system" / "cpu").glob(f"cpu[0-9]*/cpufreq/{name}"))
        if not paths:
            raise LookupError(f"the kernel shows no {name}")
        return [path.read_text(encoding="ascii").strip() for path in paths]

    def _clocks(self, name: str) -> list[int]:
        return [int(khz) * 1000 for khz in self._cpufreq(name)]

    def _firmware(self, what: str, *question: str) -> int:
        """A number out of vcgencmd's answers, which are like "throttled=0x50000" and "frequency(48)=1800404352"."""
        command = [self._vcgencmd, *question]
        done = subprocess.run(command, capture_output=True, text=True, timeout=VCGENCMD_LIMIT_S, check=False)
        name, _, value = done.stdout.strip().partition("=")
        if done.returncode or name.partition("(")[0] != what:
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise ValueError(f"vcgencmd {' '.join(question)} said: {said[0]}")
        return int(value, 0)

    def _others_s(self) -> float:
        """CPU seconds of every program but this one and its children: user, nice, system, irq, softirq, steal."""
        path = self._proc / "stat"
        name, *ticks = path.read_text(encoding="ascii").splitlines()[0].split()
        if name != "cpu" or len(ticks) < 8:
            raise ValueError(f"{path} begins with {name!r} and {len(ticks)} numbers")
        busy = sum(int(ticks[index]) for index in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")
        return round(busy - sum(os.times()[:4]), 3)

    def _status_bytes(self, name: str) -> int:
        for line in (self._proc / "self" / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise LookupError(f"the kernel shows no {name}")

    def _processor(self) -> str:
        path = self._proc / "cpuinfo"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        names = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name")]
        return names[0] if names else platform.processor() or platform.machine()


class Watch:
    """Looks, about one a second, whenever `due` says so and the caller has a moment that is not being timed.

    There is none at the beginning: the first is due when the caller first asks, and then the board has work and runs
    at the clock that it has under load.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.looks: list[Look] = []
        self._next_s = 0.0

    def due(self) -> bool:
        """Whether there was no look yet, or the last one is a second old."""
        return time.perf_counter() >= self._next_s

    def look(self) -> None:
        """Look now."""
        self.looks.append(self.board.look())
        self._next_s = time.perf_counter() + EVERY_S

    def look_if_due(self) -> None:
        """Look if a look is due."""
        if self.due():
            self.look()

    def clock_s(self, at: float) -> float:
        """A time of time.perf_counter() on the clock of the looks."""
        return round(at - self.board.start_s, 3)

    def mean_resident_bytes(self) -> int | None:
        """The mean over the looks; None if it is not known."""
        known = [look.resident_bytes for look in self.looks if look.resident_bytes is not None]
        return round(sum(known) / len(known)) if known else None

    def series(self) -> dict[str, list[Any]]:
        """Every look, field by field."""
        return {name: [getattr(look, name) for look in self.looks] for name in asdict(self.looks[0])}


def decoded(bits: int | None) -> dict[str, list[str]] | None:
    """The bits of `vcgencmd get_throttled` as words: what holds now, and what has held since boot."""
    if bits is None:
        return None
    names = {index: BITS[index] if index < len(BITS) else f"bit {index}" for index in range(SINCE_BOOT)}
    return {
        "now": [name for index, name in names.items() if bits >> index & 1],
        "since_boot": [name for index, name in names.items() if bits >> (index + SINCE_BOOT) & 1],
    }


def others_cores(looks: Sequence[Look]) -> float | None:
    """How many cores other programs kept busy on average between first and last look; None if it is not known."""
    first, last = looks[0], looks[-1]
    if first.others_s is None or last.others_s is None or last.at_s <= first.at_s:
        return None
    return round(max(0.0, last.others_s - first.others_s) / (last.at_s - first.at_s), 3)


def reasons(looks: Sequence[Look], highest_hz: int | None, *, raspberry: bool) -> list[str]:
    """Why figures taken between these looks must not be compared: empty if the board ran as it should.

    Args:
        looks: at least one, in order.
        highest_hz: the clock that the processor is made for, if it is known.
        raspberry: whether this is a Raspberry Pi. There that clock is reached under load, and the throttle bits must
            be known; elsewhere clocks above what lasts are usual, so the highest clock of the run is the measure.
    """
    return [*_throttling(looks, raspberry), *_clock(looks, highest_hz if raspberry else None), *_load(looks)]


def _throttling(looks: Sequence[Look], raspberry: bool) -> list[str]:
    known = [words for words in (decoded(look.throttled) for look in looks) if words is not None]
    if len(known) < len(looks):
        return ["whether the board throttled is not known"] if raspberry or known else []
    found = {name for words in known for name in words["now"]}
    # What came and went between two looks has left its bit.
    found |= set(known[-1]["since_boot"]) - set(known[0]["since_boot"])
    return [f"{name} during the run" for name in sorted(found)]


def _clock(looks: Sequence[Look], highest_hz: int | None) -> list[str]:
    clocks = [hz for look in looks for hz in (look.frequency_hz, look.clock_hz) if hz is not None]
    top = highest_hz or max(clocks, default=0)
    if not clocks or min(clocks) >= CLOCK_LIMIT * top:
        return []
    return [f"the processor's clock was down to {min(clocks) / 1e9:.2f} of {top / 1e9:.2f} GHz"]


def _load(looks: Sequence[Look]) -> list[str]:
    busy = others_cores(looks)
    return [f"other programs kept {busy:.2f} cores busy"] if busy is not None and busy > OTHERS_LIMIT_CORES else []


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def emulated() -> bool:
    """Whether qemu pretends to be this processor: then times rank nothing and are nobody's speed."""
    mine = Path("/proc/sys/fs/binfmt_misc") / f"qemu-{platform.machine().replace('armv7l', 'arm')}"
    return "QEMU_CPU" in os.environ or mine.exists()


def _system() -> str:
    path = Path("/etc/os-release")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else platform.system()
