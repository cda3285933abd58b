"""Facts about the host: its operating system, cores and memory that this process may use, and its processor."""

import os
import platform
import sys
from pathlib import Path

from edgetl.core.errors import ConfigError

# Limits of a container. A file has the word "max" where there is none. Source: Linux kernel documentation, cgroup v2
# (memory.max) and v1 (memory.limit_in_bytes).
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


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


def count_memory_bytes() -> int:
    """Return the memory that this process may use: that of the host, or of its container if that has less."""
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text(encoding="utf-8").strip() for path in map(Path, _MEMORY_LIMITS) if path.is_file()]
    return min([host, *(int(limit) for limit in limits if limit.isdecimal())])


def read_host_name() -> str:
    """Return the name of this machine in its network."""
    return platform.node() or "this machine"


def read_processor_name() -> str:
    """Return the model name of the processor from /proc/cpuinfo, or the architecture if it is not there."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    # The kernel of an ARM board lists no model name, and platform.processor() is often empty.
    return names[0] if names else platform.processor() or platform.machine()
