"""What keeps the demo real-time: a slot for the newest item instead of a queue, and statistics of the last seconds."""

from __future__ import annotations

import statistics
import threading
from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

WINDOW_S = 3.0


class LatestSlot(Generic[T]):
    """Contains at most one item. A newer item replaces one that was not taken, which counts as dropped.

    Attributes:
        dropped: number of items that were replaced.
    """

    def __init__(self) -> None:
        self._item: T | None = None
        self._arrival = threading.Condition()
        self.dropped = 0

    def put(self, item: T) -> None:
        """Put an item into the slot, without waiting."""
        with self._arrival:
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._arrival.notify()

    def take(self, timeout_s: float) -> T | None:
        """Take the item, waiting for one at most that long; None if there is none."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._item is not None, timeout_s)
            item, self._item = self._item, None
            return item


class RecentLatencies:
    """Rate and median latencies of the last WINDOW_S seconds."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, Mapping[str, float]]] = deque()

    def add(self, at_s: float, latencies_ms: Mapping[str, float]) -> None:
        """Add the latencies of the steps of one frame that was finished at that time."""
        self._rows.append((at_s, latencies_ms))
        self._remove_old(at_s)

    def compute_rate_hz(self, at_s: float) -> float | None:
        """Compute the frames per second; None with fewer than two frames."""
        self._remove_old(at_s)
        if len(self._rows) < 2:
            return None
        span_s = self._rows[-1][0] - self._rows[0][0]
        # n frames have n - 1 intervals. Two frames at the same time have no rate.
        return (len(self._rows) - 1) / span_s if span_s > 0 else None

    def compute_medians_ms(self, at_s: float) -> dict[str, float]:
        """Map each step to its median latency; empty without frames."""
        self._remove_old(at_s)
        names = self._rows[-1][1] if self._rows else ()
        return {name: statistics.median(latencies[name] for _, latencies in self._rows) for name in names}

    def _remove_old(self, at_s: float) -> None:
        while self._rows and self._rows[0][0] < at_s - WINDOW_S:
            self._rows.popleft()
