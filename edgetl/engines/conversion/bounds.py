"""Bounds of the child process: its memory, and that it ends with its parent."""

import ctypes
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h.
_WORST_CANDIDATE = "1000"  # Source: Linux kernel documentation, proc/pid/oom_score_adj.


def set_bounds(memory_bytes: int) -> None:
    """Limit the memory of this process. Where the memory of the machine runs out, the kernel ends this process first.

    Args:
        memory_bytes: private memory, RLIMIT_DATA.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    Path("/proc/self/oom_score_adj").write_text(_WORST_CANDIDATE, encoding="utf-8")
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
