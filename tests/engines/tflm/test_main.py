"""The child process that measures an arena."""

import subprocess
import sys

import pytest


def test_allocations_are_printed_and_a_small_arena_is_a_failure(tflite_files):
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: pip install 'edgetl[micro]'")
    command = [sys.executable, "-m", "edgetl.engines.tflm", str(tflite_files["int8"])]
    enough = subprocess.run([*command, "10000000"], capture_output=True, text=True, check=False)
    assert enough.returncode == 0 and "Arena allocation total" in enough.stderr
    small = subprocess.run([*command, "512"], capture_output=True, text=True, check=False)
    assert small.returncode == 1 and "cannot run the file" in small.stderr
