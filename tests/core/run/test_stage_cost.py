"""stage_cost.py: time and memory of this process and of a child, which still runs or has ended."""

import subprocess
import sys

import pytest

from edgetl.core.run.stage_cost import list_process_tree, measure_cost

MEGABYTES = 200
# Each page is written, so that it counts.
USE_MEMORY = f"memory = bytearray(b'x') * ({MEGABYTES} << 20); print(flush=True); input(); sum(range(10**7))"


def start_child():
    child = subprocess.Popen([sys.executable, "-c", USE_MEMORY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    return child


def test_memory_and_time_of_a_child_count():
    with measure_cost() as cost:
        child = start_child()
        assert child.pid in list_process_tree()
        # The watch reads the memory five times a second.
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.communicate(b"\n")
    assert cost.peak_bytes > MEGABYTES << 20
    assert cost.seconds > 0.5 and cost.processor_s > 0.1


def test_cost_of_a_body_that_fails_is_known_and_a_child_that_has_ended_before_does_not_count():
    child = start_child()
    child.communicate(b"\n")
    with pytest.raises(ValueError, match="no"), measure_cost() as cost:
        raise ValueError("no")
    assert cost.seconds < 10 and cost.peak_bytes > 0 and cost.processor_s < 0.1
