"""Capture, preprocess and infer, each on a thread of its own, with one interpreter. The newest answer comes out.

Between two steps lies one frame at most: a newer one takes its place, and the one dropped is counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import classify  # type: ignore[import-not-found]
import demo_pace
import numpy as np
import pixels  # type: ignore[import-not-found]
from demo_frames import Frame, Source
from demo_readers import Camera
from PIL import Image

STEPS = ("capture", "preprocess", "invoke", "postprocess")
WAIT_S = 0.2
STOP_S = 3.0


@dataclass(frozen=True)
class Answer:
    """What the model said about one picture; `number` counts answers from 1."""

    number: int
    image: Image.Image
    labels: tuple[tuple[str, float], ...]
    delay_ms: float


@dataclass(frozen=True)
class _Fitted:
    frame: Frame
    arrived_s: float
    pixels: np.ndarray[Any, Any]
    preprocess_ms: float


class Loop:
    """The program's heart.

    Attributes:
        answer: the newest Answer; None before the first.
        stopped: set when it ended, by `stop` or because a step failed.
        failed: whether a step failed; Python has then printed how.
    """

    def __init__(self, source: Source, model: Any, facts: dict[str, Any]) -> None:
        """`model` is a runtime.Model, `facts` the content of model.json."""
        self.stopped = threading.Event()
        self.failed = False
        self.answer: Answer | None = None
        self._model = model
        self._shape = facts["input"]["side_px"], facts["input"]["fit"]
        self._labels = facts["output"]["labels"]
        self._captured: demo_pace.Latest[tuple[Frame, float]] = demo_pace.Latest()
        self._fitted: demo_pace.Latest[_Fitted] = demo_pace.Latest()
        self._figures, self._lock = demo_pace.Figures(), threading.Lock()
        self.camera = Camera(source, self._arrived, self.stopped)
        steps = (self.camera.run, self._preprocess, self._infer)
        self._threads = [threading.Thread(target=self._kept, args=(step,), daemon=True) for step in steps]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait until the source is closed; a driver that hangs is not waited for."""
        self.stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(STOP_S)
        self.camera.close(STOP_S)

    def figures(self) -> dict[str, Any]:
        """rate_hz, drops, latency_ms step by step (medians of the last seconds), and the camera's state."""
        now_s = time.perf_counter()
        with self._lock:
            rate_hz, latency_ms = self._figures.rate_hz(now_s), self._figures.medians_ms(now_s)
        return {
            "rate_hz": rate_hz,
            "drops": self._captured.dropped + self._fitted.dropped,
            "latency_ms": latency_ms,
            "camera": self.camera.state(),
        }

    def _kept(self, step: Callable[[], None]) -> None:
        """Run a step until the end; if it fails, everything ends, rather than a page that stands still."""
        try:
            step()
        finally:
            self.failed = self.failed or not self.stopped.is_set()
            self.stopped.set()

    def _arrived(self, frame: Frame) -> None:
        self._captured.put((frame, time.perf_counter()))

    def _preprocess(self) -> None:
        while not self.stopped.is_set():
            item = self._captured.take(WAIT_S)
            if item is not None:
                start = time.perf_counter()
                fitted = pixels.fitted(item[0].image, *self._shape)
                self._fitted.put(_Fitted(*item, fitted, (time.perf_counter() - start) * 1e3))

    def _infer(self) -> None:
        while not self.stopped.is_set():
            item = self._fitted.take(WAIT_S)
            if item is not None:
                self._answered(item)

    def _answered(self, item: _Fitted) -> None:
        clock = [time.perf_counter()]
        self._model.fill(item.pixels)
        clock.append(time.perf_counter())
        self._model.invoke()
        clock.append(time.perf_counter())
        found = classify.probabilities(self._model.numbers(self._model.answer()), self._labels)
        labels = tuple(sorted(found.items(), key=lambda pair: -pair[1]))
        clock.append(time.perf_counter())
        fill_ms, invoke_ms, post_ms = ((clock[step + 1] - clock[step]) * 1e3 for step in range(3))
        # Handing the pixels over belongs to "preprocess", as in bench.py.
        times_ms = (item.frame.capture_ms, item.preprocess_ms + fill_ms, invoke_ms, post_ms)
        with self._lock:
            self._figures.add(clock[-1], dict(zip(STEPS, times_ms)))  # noqa: B905  (strict= needs Python 3.10)
        number = self.answer.number + 1 if self.answer else 1
        self.answer = Answer(number, item.frame.image, labels, (clock[-1] - item.arrived_s) * 1e3)
