"""Latency of a model on this machine, measured so that the load of other processes does not show in it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

_MOST_ROUNDS, _FEWEST_ROUNDS = 9, 3
# Long enough for a median over many invocations of a small model, short enough that scoring takes most of the time.
_ROUND_S = 0.03
# No round starts later, except the first three. A model on reference kernels takes long.
_LAST_START_S = 0.9
# On a quiet machine, medians of rounds differ by a few percent, and so do both clocks.
_DISTURBED = 1.25


@dataclass(frozen=True, kw_only=True, slots=True)
class HostLatency:
    """Latency of one invocation.

    Attributes:
        ms: milliseconds.
        disturbed: whether other processes disturbed the measurement, so that the figure may be too high.
    """

    ms: float
    disturbed: bool


def measure_host_latency(invoke: Callable[[], object]) -> HostLatency:
    """Measure the latency of a function that computes on one thread: the lowest of the medians of several rounds.

    The clock is the processor time of this process. It stops while another process has the core; on a quiet machine it
    shows the same as a clock on the wall. What is left of a load, such as a smaller share of the cache or a busy
    sibling of the core, varies with time: the lowest median has least of it. A measurement is marked as disturbed where
    the medians differ by more than a quarter, or other processes had the core for more than a fifth of the time.

    Args:
        invoke: the function. It is called at least three times.
    """
    wall_start_s, start_s = time.perf_counter(), time.process_time()
    medians: list[float] = []
    while len(medians) < _FEWEST_ROUNDS or (
        len(medians) < _MOST_ROUNDS and time.process_time() - start_s < _LAST_START_S
    ):
        medians.append(_measure_round(invoke))
    wall_s, processor_s = time.perf_counter() - wall_start_s, time.process_time() - start_s
    lowest = min(medians)
    displaced = wall_s > _DISTURBED * processor_s
    return HostLatency(ms=round(lowest * 1e3, 4), disturbed=displaced or max(medians) > _DISTURBED * lowest)


def _measure_round(invoke: Callable[[], object]) -> float:
    """Return the median time of the invocations of one round, in seconds."""
    times_s: list[float] = []
    while not times_s or sum(times_s) < _ROUND_S:
        start = time.process_time()
        invoke()
        times_s.append(time.process_time() - start)
    return statistics.median(times_s)
