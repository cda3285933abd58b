"""Keeps a source open: reads it, detects that it failed or stopped delivering frames, and opens it again."""

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
POLL_S = 0.1
# A read that hangs in a driver cannot be ended from outside. Its thread is abandoned, but only this many threads are.
STUCK_LIMIT = 3


class SupervisedSource:
    """A source that is read on its own threads, and opened again if it fails or delivers nothing for SILENCE_S.

    Attributes:
        name: of the source.
    """

    def __init__(self, source: Source, sink: Callable[[Frame], None], stop: threading.Event) -> None:
        """Prepare to call `sink` with every frame of `source` until `stop` is set."""
        self.name = source.name
        self._source = source
        self._sink = sink
        self._stop = stop
        self._problem = ""
        self._last_frame_s = 0.0
        self._readers: list[_Reader] = []

    def run(self) -> None:
        """Keep the source open until `stop` is set."""
        while not self._stop.is_set():
            self._readers = [reader for reader in self._readers if reader.is_alive()]
            if len(self._readers) < STUCK_LIMIT:
                reader = _Reader(self._source, self._accept)
                reader.start()
                self._readers.append(reader)
                self._supervise(reader)
            self._stop.wait(RETRY_S)

    def close(self, timeout_s: float) -> None:
        """Wait until the source is closed, at most that long. Call it after `stop` was set."""
        deadline = time.perf_counter() + timeout_s
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.perf_counter()))

    def get_state(self) -> dict[str, Any]:
        """Return name, ok, and the message that explains why there is no frame."""
        silence_s = time.perf_counter() - self._last_frame_s
        message = self._problem
        if not message and not self._last_frame_s:
            message = "waiting for the first frame"
        elif not message and silence_s > SILENCE_S:
            message = f"no frame for {silence_s:.0f} s"
        return {"name": self.name, "ok": not message, "message": message}

    def _accept(self, frame: Frame) -> None:
        self._last_frame_s, self._problem = time.perf_counter(), ""
        self._sink(frame)

    def _supervise(self, reader: _Reader) -> None:
        """Return when the reader has ended or was abandoned because it delivers nothing."""
        while not reader.ended.wait(POLL_S):
            silence_s = time.perf_counter() - reader.last_frame_s
            if self._stop.is_set() or silence_s > (SILENCE_S if reader.opened else OPENING_S):
                break
        # A frame that arrives after all must not mix with those of the next reader.
        reader.abandoned.set()
        if not self._stop.is_set():
            timeout_s = SILENCE_S if reader.opened else OPENING_S
            self._problem = reader.problem or f"no frame for {timeout_s:.0f} s: opening it again"


class _Reader(threading.Thread):
    """Reads a source once, from opening to closing it."""

    def __init__(self, source: Source, sink: Callable[[Frame], None]) -> None:
        super().__init__(name="capture", daemon=True)
        self._source = source
        self._sink = sink
        self.opened = False
        self.last_frame_s = time.perf_counter()
        self.problem = ""
        self.abandoned, self.ended = threading.Event(), threading.Event()

    def run(self) -> None:
        # An exception of another class ends this thread: Python prints it, and the page shows this message.
        problem = "the source failed unexpectedly: see the output of the program"
        try:
            with closing(self._source.open_frames()) as frames:
                for frame in frames:
                    if self.abandoned.is_set():
                        return
                    self.opened, self.last_frame_s = True, time.perf_counter()
                    self._sink(frame)
            problem = "the source ended"
        except SourceError as error:
            problem = str(error)
        finally:
            self.problem = problem
            self.ended.set()
