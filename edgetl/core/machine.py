"""Facts about the host: its operating system, the cores that this process may use, and the name of the processor."""

import os
import platform
import sys
from pathlib import Path

from edgetl.core.errors import ConfigError


def check_system() -> None:
    """Check that edgetl runs on this operating system.

    The pixel store and the run folder use posix_fallocate, prctl and flock, which only Linux has together.

    Raises:
        ConfigError: it is not Linux.
    """
    if sys.platform != "linux":
        raise ConfigError(
            f"edgetl runs on Linux only, and this is {platform.system() or sys.platform}",
            hint="use a Linux machine, a container, or on Windows the Windows Subsystem for Linux",
        )


def count_cores() -> int:
    """Return the number of cores that this process may use. In a container it can be less than the host has."""
    # sched_getaffinity does not exist on macOS and Windows. cpu_count can return None.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_processor_name() -> str:
    """Return the model name of the processor from /proc/cpuinfo, or the architecture if it is not there."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    # The kernel of an ARM board lists no model name, and platform.processor() is often empty.
    return names[0] if names else platform.processor() or platform.machine()
