"""Limits of a child process: memory and processor time."""

import subprocess
import sys

import pytest

from edgetl.engines.processes.limits import is_out_of_memory, signal

CODE = """
import sys
from edgetl.engines.processes.limits import set_limits
set_limits(2**30, 1, 60)
try:
    bytearray(2**31)
except MemoryError:
    print("refused", flush=True)
while True:
    pass
"""


def test_limits_end_a_process():
    """A process that takes 2 GB of 1 GB gets an error, and one that computes for ever is ended."""
    completed = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (completed.stdout, -completed.returncode) == ("refused\n", signal.SIGXCPU), completed.stderr


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (ValueError("OOM when allocating tensor with shape[1,2]"), True),
        (RuntimeError("std::bad_alloc"), True),
        (ValueError("wrong"), False),
        (None, False),
    ],
)
def test_lack_of_memory_is_recognized(error, expected):
    assert is_out_of_memory(error) is expected


def test_lack_of_memory_is_recognized_in_a_cause():
    error = ValueError("could not load")
    error.__cause__ = MemoryError()
    assert is_out_of_memory(error)
