"""Keeps a source open: reads it, sees that it failed or fell silent, and opens it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from demo_frames import Frame, Source, SourceError

SILENCE_S = 2.0
# Opening a camera takes seconds.
OPENING_S = 10.0
RETRY_S = 1.0
# A read that hangs inside a driver cannot be ended from outside: it is left alone, but not without end.
STUCK_LIMIT = 3


class Camera:
    """A source read on threads of its own, and opened again whenever it fails or gives nothing for SILENCE_S."""

    def __init__(self, source: Source, sink: Callable[[Frame], None], stop: threading.Event) -> None:
        """Hands every frame of `source` to `sink`, until `stop` is set."""
        self.name = source.name
        self._source = source
        self._sink = sink
        self._stop = stop
        self._trouble = ""
        self._seen_s = 0.0
        self._readers: list[_Reader] = []

    def run(self) -> None:
        """Keep it open until `stop`."""
        while not self._stop.is_set():
            self._readers = [reader for reader in self._readers if reader.is_alive()]
            if len(self._readers) < STUCK_LIMIT:
                reader = _Reader(self._source, self._arrived)
                reader.start()
                self._readers.append(reader)
                self._watch(reader)
            self._stop.wait(RETRY_S)

    def close(self, limit_s: float) -> None:
        """After `stop`: wait so long, at most, for the source to be closed."""
        end = time.perf_counter() + limit_s
        for reader in self._readers:
            reader.join(max(0.0, end - time.perf_counter()))

    def state(self) -> dict[str, Any]:
        """name, ok, and a message where there is no picture."""
        silent_s = time.perf_counter() - self._seen_s
        message = self._trouble
        if not message and not self._seen_s:
            message = "waiting for the first picture"
        elif not message and silent_s > SILENCE_S:
            message = f"no picture for {silent_s:.0f} s"
        return {"name": self.name, "ok": not message, "message": message}

    def _arrived(self, frame: Frame) -> None:
        self._seen_s, self._trouble = time.perf_counter(), ""
        self._sink(frame)

    def _watch(self, reader: _Reader) -> None:
        """Return when the reader came to an end or is silent, having told it to give up."""
        while not reader.ended.wait(0.1):
            silent_s = time.perf_counter() - reader.seen_s
            if self._stop.is_set() or silent_s > (SILENCE_S if reader.opened else OPENING_S):
                break
        reader.given_up.set()
        if not self._stop.is_set():
            seconds = SILENCE_S if reader.opened else OPENING_S
            self._trouble = reader.trouble or f"no picture for {seconds:.0f} s: opening it again"


class _Reader(threading.Thread):
    """Reads a source once, from opening it to closing it."""

    def __init__(self, source: Source, sink: Callable[[Frame], None]) -> None:
        super().__init__(name="capture", daemon=True)
        self._source = source
        self._sink = sink
        self.opened = False
        self.seen_s = time.perf_counter()
        self.trouble = ""
        self.given_up, self.ended = threading.Event(), threading.Event()

    def run(self) -> None:
        trouble = "the source failed in an unforeseen way: the program's own output says how"
        try:
            with closing(self._source.frames()) as frames:
                for frame in frames:
                    if self.given_up.is_set():
                        return
                    self.opened, self.seen_s = True, time.perf_counter()
                    self._sink(frame)
            trouble = "the source came to its end"
        except SourceError as error:
            trouble = str(error)
        finally:
            self.trouble = trouble
            self.ended.set()
