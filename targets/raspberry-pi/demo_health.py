"""How the board feels: temperature, clock and throttling, looked at every few seconds on a thread of its own."""

from __future__ import annotations

import threading
from typing import Any

import board  # type: ignore[import-not-found]

EVERY_S = 2.0


class Health:
    """The newest look at a board.Board.

    Attributes:
        facts: name, temperature_c, clock_hz, throttled ({"now": [...], "since_boot": [...]}), and unwatched: what
            this board does not tell → why. Each is None where it is not known.
    """

    def __init__(self, machine: Any, stop: threading.Event) -> None:
        """Looks at `machine` until `stop` is set."""
        self._machine = machine
        self._stop = stop
        self._name = machine.facts()["name"]
        self.facts: dict[str, Any] = self._looked()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.facts = self._looked()

    def _looked(self) -> dict[str, Any]:
        look = self._machine.look()
        clock_hz = look.clock_hz if look.clock_hz is not None else look.frequency_hz
        return {
            "name": self._name,
            "temperature_c": look.temperature_c,
            "clock_hz": clock_hz,
            "throttled": board.decoded(look.throttled),
            "unwatched": dict(self._machine.unwatched),
        }
