"""Decides whether a benchmark is valid: samples of the board in, reasons for INVALID out.

A benchmark is INVALID if the board did not run at full speed, or if other programs used it meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import board  # type: ignore[import-not-found]

# Above this average load by other programs, in cores, the latencies are no longer those of the model alone.
OTHERS_LIMIT_CORES = 0.2
# Below this fraction of the highest clock, the board runs slower than it can.
CLOCK_LIMIT = 0.9


def compute_others_cores(samples: Sequence[board.BoardSample]) -> float | None:
    """Return the average load by other programs between the first and the last sample, in cores; None if unknown."""
    first, last = samples[0], samples[-1]
    if first.others_s is None or last.others_s is None or last.at_s <= first.at_s:
        return None
    # The difference of two rounded clocks may be slightly negative on an idle board.
    cores: float = round(max(0.0, last.others_s - first.others_s) / (last.at_s - first.at_s), 3)
    return cores


def list_invalid_reasons(samples: Sequence[board.BoardSample], highest_hz: int | None, *, raspberry: bool) -> list[str]:
    """Return why a benchmark with these samples is INVALID; empty if the board ran at full speed.

    Args:
        samples: at least one, in the order of time.
        highest_hz: the highest clock that the hardware supports, None if unknown.
        raspberry: whether the board is a Raspberry Pi. A Raspberry Pi reaches its highest clock under load, and its
            throttle bits must be known. A PC does not sustain its highest clock: the highest clock of the samples is
            the reference there.
    """
    return [
        *_check_throttling(samples, raspberry),
        *_check_clock(samples, highest_hz if raspberry else None),
        *_check_load(samples),
    ]


def _check_throttling(samples: Sequence[board.BoardSample], raspberry: bool) -> list[str]:
    decoded = [board.decode_throttled(sample.throttled) for sample in samples]
    known = [conditions for conditions in decoded if conditions is not None]
    if len(known) < len(samples):
        return ["the throttling state of the board is unknown"] if raspberry or known else []
    names = {name for conditions in known for name in conditions["now"]}
    # A condition that began and ended between two samples leaves its bit since boot.
    names |= set(known[-1]["since_boot"]) - set(known[0]["since_boot"])
    return [f"{name} during the run" for name in sorted(names)]


def _check_clock(samples: Sequence[board.BoardSample], highest_hz: int | None) -> list[str]:
    clocks = [hz for sample in samples for hz in (sample.frequency_hz, sample.clock_hz) if hz is not None]
    reference_hz = highest_hz or max(clocks, default=0)
    if not clocks or min(clocks) >= CLOCK_LIMIT * reference_hz:
        return []
    return [f"the processor clock dropped to {min(clocks) / 1e9:.2f} GHz of {reference_hz / 1e9:.2f} GHz"]


def _check_load(samples: Sequence[board.BoardSample]) -> list[str]:
    cores = compute_others_cores(samples)
    return [f"other programs used {cores:.2f} cores"] if cores is not None and cores > OTHERS_LIMIT_CORES else []
