"""Two small things that keep the demo in the present: a slot for the newest item, and figures of the last seconds."""

from __future__ import annotations

import statistics
import threading
from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

WINDOW_S = 3.0


class Latest(Generic[T]):
    """Holds one item at most. A newer one takes the place of one that nobody took, and that is counted.

    Attributes:
        dropped: how many items nobody took.
    """

    def __init__(self) -> None:
        self._item: T | None = None
        self._arrival = threading.Condition()
        self.dropped = 0

    def put(self, item: T) -> None:
        """Leave an item. Never waits."""
        with self._arrival:
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._arrival.notify()

    def take(self, limit_s: float) -> T | None:
        """The newest item, waiting for it so long; None if none comes."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._item is not None, limit_s)
            item, self._item = self._item, None
            return item


class Figures:
    """Rate and median times of what was done in the last WINDOW_S seconds."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, Mapping[str, float]]] = deque()

    def add(self, at_s: float, times_ms: Mapping[str, float]) -> None:
        """One more was done at this moment, and took so long step by step."""
        self._rows.append((at_s, times_ms))
        self._forget(at_s)

    def rate_hz(self, at_s: float) -> float | None:
        """How many a second; None if fewer than two are known."""
        self._forget(at_s)
        if len(self._rows) < 2:
            return None
        span_s = self._rows[-1][0] - self._rows[0][0]
        return (len(self._rows) - 1) / span_s if span_s > 0 else None

    def medians_ms(self, at_s: float) -> dict[str, float]:
        """Step → median; empty if nothing was done."""
        self._forget(at_s)
        names = self._rows[-1][1] if self._rows else ()
        return {name: statistics.median(times[name] for _, times in self._rows) for name in names}

    def _forget(self, at_s: float) -> None:
        while self._rows and self._rows[0][0] < at_s - WINDOW_S:
            self._rows.popleft()
