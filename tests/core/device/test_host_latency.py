"""host_latency.py: the lowest of several medians, by a clock that stops while another process has the core."""

import itertools
import time

import pytest

from edgetl.core.device import host_latency
from edgetl.core.device.host_latency import measure_host_latency

# Of the product: conftest.py shortens the rounds of other tests, after this import.
ROUND_S = host_latency._ROUND_S


@pytest.fixture(autouse=True)
def rounds(monkeypatch):
    monkeypatch.setattr(host_latency, "_ROUND_S", ROUND_S)


@pytest.fixture
def clock(monkeypatch):
    """Replace both clocks by ones that only an invocation advances; `displaced` seconds pass on the wall beside it."""

    class Clock:
        now = displaced = 0.0

    replacement = Clock()
    monkeypatch.setattr(host_latency.time, "process_time", lambda: replacement.now)
    monkeypatch.setattr(host_latency.time, "perf_counter", lambda: replacement.now + replacement.displaced)
    return replacement


def make_invoke(clock, seconds):
    """Make a function that takes the next of these times on every call."""
    times = iter(seconds)

    def invoke() -> None:
        clock.now += next(times)

    return invoke


def test_latency_is_the_lowest_of_the_medians_of_the_rounds(clock):
    # Each round ends after 30 ms: one invocation of 40 ms, or three of 10 to 12 ms.
    rounds = [[0.040], [0.010, 0.012, 0.011], [0.040], [0.012, 0.012, 0.012], *([[0.040]] * 5)]
    latency = measure_host_latency(make_invoke(clock, itertools.chain(*rounds)))
    assert (latency.ms, latency.disturbed) == (11.0, True)


@pytest.mark.parametrize(("slowest", "disturbed"), [(0.049, False), (0.051, True)])
def test_rounds_that_differ_by_more_than_a_quarter_are_marked(clock, slowest, disturbed):
    latency = measure_host_latency(make_invoke(clock, [0.040, 0.042, slowest, *([0.041] * 6)]))
    assert (latency.ms, latency.disturbed) == (40.0, disturbed)


def test_single_slow_invocations_do_not_show(clock):
    times = itertools.cycle([0.001, 0.001, 0.001, 0.001, 0.020])
    latency = measure_host_latency(make_invoke(clock, times))
    assert (latency.ms, latency.disturbed) == (1.0, False)


@pytest.mark.parametrize(("seconds", "calls"), [(0.04, 9), (0.25, 4), (2.0, 3)])
def test_slow_model_is_invoked_once_in_each_round_and_has_fewer_rounds(clock, seconds, calls):
    times = itertools.count()

    def invoke() -> None:
        next(times)
        clock.now += seconds

    assert measure_host_latency(invoke).ms == 1000 * seconds and next(times) == calls


@pytest.mark.parametrize(("displaced", "disturbed"), [(0.01, False), (0.011, True)])
def test_measurement_without_the_core_for_a_fifth_of_the_time_is_marked(clock, displaced, disturbed):
    def invoke() -> None:
        clock.now += 0.040
        clock.displaced += displaced - 1e-9

    assert measure_host_latency(invoke).disturbed is disturbed


def test_time_without_the_core_does_not_count():
    """A process that waits is as one that another process has displaced."""

    def invoke() -> None:
        time.sleep(0.02)
        end = time.process_time() + 0.008
        while time.process_time() < end:
            pass

    assert 7 < measure_host_latency(invoke).ms < 16
