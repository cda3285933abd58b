"""Facts about the host: the cores that this process may use, and the name of the processor."""

import os
import platform
from pathlib import Path


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
