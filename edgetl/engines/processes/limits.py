"""Limits of a child process that loads a file from a stranger: its memory, its processor time, its duration."""

import ctypes
import resource
import signal

_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h.
# How numpy, TensorFlow and C++ name a lack of memory.
_MEMORY_WORDS = ("unable to allocate", "oom when allocating", "bad_alloc", "out of memory", "cannot allocate memory")


def set_limits(memory_bytes: int, processor_s: int, wall_s: int) -> None:
    """Limit this process. It ends with its parent, and by a signal when its time is over."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # The imports are ours. Their time depends on the machine and does not count.
    end_s = int(usage.ru_utime + usage.ru_stime) + 1 + processor_s
    resource.setrlimit(resource.RLIMIT_CPU, (end_s, end_s + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(wall_s)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether an error or one of its causes is a lack of memory."""
    while error is not None:
        text = f"{type(error).__name__} {error}".lower()
        if isinstance(error, MemoryError) or any(word in text for word in _MEMORY_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
