"""State of the board during a benchmark: temperature, clocks, throttling, load, memory.

Input: /sys, /proc and vcgencmd, or replacements for them. Output: samples, read between two timed runs and never during
one. validity.py decides with them whether the benchmark is valid.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SAMPLE_INTERVAL_S = 1.0
VCGENCMD_TIMEOUT_S = 5

# Meaning of bits 0 to 3 of get_throttled. Bits 16 to 19 are the same conditions since the last boot.
# Source: Raspberry Pi documentation, "vcgencmd", get_throttled.
THROTTLED_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
SINCE_BOOT_BIT = 16
# `type` of the thermal zones that measure the processor. A board has others, such as that of its I/O chip (rp1_adc).
# Source: device trees of the Raspberry Pi kernel (cpu-thermal, soc-thermal) and Linux's x86 thermal drivers.
_PROCESSOR_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp", "k10temp")
# Columns of the line "cpu" in /proc/stat: user, nice, system, irq, softirq, steal. Idle (3) and iowait (4) are not
# work, and guest time (8, 9) is contained in user and nice. Source: proc(5).
_BUSY_COLUMNS = (0, 1, 2, 5, 6, 7)


@dataclass(frozen=True)
class BoardSample:
    """State at one moment. A field is None where the board does not report it; `Board.unavailable` has the reason.

    Attributes:
        at_s: seconds since the Board was created.
        temperature_c: of the processor.
        frequency_hz: the clock that the kernel requests, the highest of all cores.
        clock_hz: the clock that the firmware of a Raspberry Pi measures. The firmware throttles without notifying
            the kernel, so the two can differ. Source: Raspberry Pi documentation, "config.txt", frequency management.
        throttled: the bits of `vcgencmd get_throttled`.
        others_s: CPU seconds of all other programs since boot, summed over the cores.
        resident_bytes: memory of this process.
    """

    at_s: float
    temperature_c: float | None
    frequency_hz: int | None
    clock_hz: int | None
    throttled: int | None
    others_s: float | None
    resident_bytes: int | None


class Board:
    """The machine that runs this program.

    Attributes:
        model: its name in the device tree, empty on a PC.
        raspberry: whether it is a Raspberry Pi.
        unavailable: quantity → why it could not be read. It grows while samples are read.
    """

    def __init__(self, sysfs: Path = Path("/sys"), vcgencmd: str = "vcgencmd", proc: Path = Path("/proc")) -> None:
        self.sysfs = sysfs
        self.unavailable: dict[str, str] = {}
        self._proc = proc
        self._vcgencmd = vcgencmd
        self.start_s = time.perf_counter()
        self.model = self._read_model()
        self.raspberry = self.model.startswith("Raspberry Pi")

    def read_sample(self) -> BoardSample:
        """Read every quantity now."""
        return BoardSample(
            at_s=round(time.perf_counter() - self.start_s, 3),
            temperature_c=self._read_or_note("temperature", self._read_temperature_c),
            frequency_hz=self._read_or_note("frequency", lambda: max(self._read_clocks_hz("scaling_cur_freq"))),
            clock_hz=self._read_or_note("clock", lambda: self._query_firmware("frequency", "measure_clock", "arm")),
            throttled=self._read_or_note("throttling", lambda: self._query_firmware("throttled", "get_throttled")),
            others_s=self._read_or_note("load", self._read_others_s),
            resident_bytes=self._read_or_note("memory", lambda: self._read_status_bytes("VmRSS")),
        )

    def describe(self) -> dict[str, Any]:
        """Return the facts that do not change during a benchmark."""
        return {
            "name": self.model or self._read_processor(),
            "machine": platform.machine(),
            "processor": self._read_processor(),
            "cores": count_cores(),
            "kernel": platform.release(),
            "system": _read_system_name(),
            "highest_hz": self.read_highest_hz(),
            "governor": self._read_or_note("governor", lambda: self._read_cpufreq("scaling_governor")[0]),
        }

    def read_highest_hz(self) -> int | None:
        """Return the highest clock that the hardware supports, in Hz."""
        return self._read_or_note("highest frequency", lambda: max(self._read_clocks_hz("cpuinfo_max_freq")))

    def read_peak_bytes(self) -> int | None:
        """Return the largest resident memory of this process so far."""
        return self._read_or_note("peak memory", lambda: self._read_status_bytes("VmHWM"))

    def _read_or_note(self, quantity: str, read: Callable[[], T]) -> T | None:
        """Return what `read` returns. After its first failure the reason is noted and `read` is not called again.

        Otherwise every sample would try again to start a missing vcgencmd.
        """
        if quantity in self.unavailable:
            return None
        try:
            return read()
        except OSError as error:
            self.unavailable[quantity] = f"{error.strerror or error}: {error.filename or 'unknown file'}"
        except (ValueError, LookupError, subprocess.SubprocessError) as error:
            self.unavailable[quantity] = str(error)
        return None

    def _read_model(self) -> str:
        path = self.sysfs / "firmware" / "devicetree" / "base" / "model"
        # A PC has no device tree, so the file is missing. Strings in a device tree end with a zero byte.
        return path.read_text(encoding="utf-8").rstrip("\0\n") if path.is_file() else ""

    def _read_temperature_c(self) -> float:
        zones: dict[str, Path] = {}
        for zone in sorted((self.sysfs / "class" / "thermal").glob("thermal_zone*")):
            zones.setdefault((zone / "type").read_text(encoding="ascii").strip(), zone)
        name = next((name for name in _PROCESSOR_ZONES if name in zones), None)
        if name is None:
            raise LookupError(f"no thermal zone of the processor among {sorted(zones)}")
        # The kernel gives thousandths of a degree. Source: Linux, driver-api/thermal/sysfs-api.
        return int((zones[name] / "temp").read_text(encoding="ascii")) / 1000

    def _read_cpufreq(self, name: str) -> list[str]:
        """Read one file of the cpufreq policy of every core."""
        paths = sorted((self.sysfs / "devices" / "system" / "cpu").glob(f"cpu[0-9]*/cpufreq/{name}"))
        if not paths:
            raise LookupError(f"the kernel has no {name}")
        return [path.read_text(encoding="ascii").strip() for path in paths]

    def _read_clocks_hz(self, name: str) -> list[int]:
        # The files contain kHz. Source: Linux, admin-guide/pm/cpufreq.
        return [int(khz) * 1000 for khz in self._read_cpufreq(name)]

    def _query_firmware(self, name: str, *arguments: str) -> int:
        """Run vcgencmd and return the number in its output, "throttled=0x50000" or "frequency(48)=1800404352"."""
        completed = subprocess.run(
            [self._vcgencmd, *arguments], capture_output=True, text=True, timeout=VCGENCMD_TIMEOUT_S, check=False
        )
        key, _, value = completed.stdout.strip().partition("=")
        if completed.returncode or key.partition("(")[0] != name:
            lines = (completed.stderr or completed.stdout).strip().splitlines() or ["no output"]
            raise ValueError(f"vcgencmd {' '.join(arguments)} failed: {lines[0]}")
        # Base 0: get_throttled prints hexadecimal, measure_clock prints decimal.
        return int(value, 0)

    def _read_others_s(self) -> float:
        """Return the CPU seconds of all programs but this one and its children, since boot."""
        path = self._proc / "stat"
        name, *ticks = path.read_text(encoding="ascii").splitlines()[0].split()
        if name != "cpu" or len(ticks) < 8:
            raise ValueError(f"{path} begins with {name!r} and {len(ticks)} numbers, expected 'cpu' and at least 8")
        busy_s = sum(int(ticks[column]) for column in _BUSY_COLUMNS) / os.sysconf("SC_CLK_TCK")
        # os.times() begins with user and system time of this process and of its children.
        return round(busy_s - sum(os.times()[:4]), 3)

    def _read_status_bytes(self, name: str) -> int:
        """Read a line such as "VmRSS:  51200 kB" of /proc/self/status. Its kB are KiB. Source: proc(5)."""
        for line in (self._proc / "self" / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise LookupError(f"the kernel has no {name}")

    def _read_processor(self) -> str:
        path = self._proc / "cpuinfo"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        # 64-bit ARM kernels have no line "model name".
        names = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name")]
        return names[0] if names else platform.processor() or platform.machine()


class BoardMonitor:
    """Takes about one sample per second, only when the caller is not timing anything.

    The first sample is due at the first call of `is_due`, not before: then the board is working and runs at the clock
    that it has under load.

    Attributes:
        samples: in the order of time.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.samples: list[BoardSample] = []
        self._next_s = 0.0

    def is_due(self) -> bool:
        """Return whether there is no sample yet, or the last one is older than SAMPLE_INTERVAL_S."""
        return time.perf_counter() >= self._next_s

    def take_sample(self) -> None:
        """Read a sample now."""
        self.samples.append(self.board.read_sample())
        self._next_s = time.perf_counter() + SAMPLE_INTERVAL_S

    def take_sample_if_due(self) -> None:
        """Read a sample if one is due."""
        if self.is_due():
            self.take_sample()

    def convert_time_s(self, at: float) -> float:
        """Convert a value of time.perf_counter() to the clock of the samples (`at_s`)."""
        return round(at - self.board.start_s, 3)

    def compute_mean_resident_bytes(self) -> int | None:
        """Average the resident memory over the samples; None where no sample contains it."""
        sizes = [sample.resident_bytes for sample in self.samples if sample.resident_bytes is not None]
        return round(sum(sizes) / len(sizes)) if sizes else None

    def list_columns(self) -> dict[str, list[Any]]:
        """Return all samples as one list per field."""
        return {name: [getattr(sample, name) for sample in self.samples] for name in asdict(self.samples[0])}


def decode_throttled(bits: int | None) -> dict[str, list[str]] | None:
    """Convert the bits of `vcgencmd get_throttled` to words: the conditions now, and those since boot."""
    if bits is None:
        return None
    names = {
        index: THROTTLED_BITS[index] if index < len(THROTTLED_BITS) else f"bit {index}"
        for index in range(SINCE_BOOT_BIT)
    }
    return {
        "now": [name for index, name in names.items() if bits >> index & 1],
        "since_boot": [name for index, name in names.items() if bits >> (index + SINCE_BOOT_BIT) & 1],
    }


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_emulated() -> bool:
    """Return whether qemu emulates this processor. Times of an emulated processor do not even rank models correctly."""
    # The kernel registers qemu under its own name for the architecture: qemu-arm runs armv7l programs.
    handler = Path("/proc/sys/fs/binfmt_misc") / f"qemu-{platform.machine().replace('armv7l', 'arm')}"
    return "QEMU_CPU" in os.environ or handler.exists()


def _read_system_name() -> str:
    path = Path("/etc/os-release")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else platform.system()
