"""State of the board for the demo: temperature, clock and throttling, sampled every few seconds on its own thread."""

from __future__ import annotations

import threading
from typing import Any

import board  # type: ignore[import-not-found]

INTERVAL_S = 2.0


class BoardHealth:
    """The newest sample of a board.Board.

    Attributes:
        facts: name, temperature_c, clock_hz, throttled ({"now": [...], "since_boot": [...]}), each None where the
            board does not report it, and unwatched: quantity → why it is not available.
    """

    def __init__(self, machine: Any, stop: threading.Event) -> None:
        """Take the first sample of `machine`; after `start`, samples are taken until `stop` is set."""
        self._machine = machine
        self._stop = stop
        self._name = machine.describe()["name"]
        self.facts: dict[str, Any] = self._sample()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has ended, at most that long; return whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            self.facts = self._sample()

    def _sample(self) -> dict[str, Any]:
        sample = self._machine.read_sample()
        # The clock that the firmware measures is the real one; the kernel knows only the one that it requested.
        clock_hz = sample.clock_hz if sample.clock_hz is not None else sample.frequency_hz
        return {
            "name": self._name,
            "temperature_c": sample.temperature_c,
            "clock_hz": clock_hz,
            "throttled": board.decode_throttled(sample.throttled),
            "unwatched": dict(self._machine.unavailable),
        }
