"""Capture, preprocess and infer, each on its own thread, with one interpreter. The newest prediction comes out.

Between two steps there is a slot for one frame: a newer frame replaces it, and the replaced one counts as dropped.
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
from demo_readers import SupervisedSource

STEPS = ("capture", "preprocess", "invoke", "postprocess")
# How often a waiting thread checks whether it should end.
POLL_S = 0.2
JOIN_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Prediction:
    """What the model predicted for one frame.

    Attributes:
        number: counts the predictions from 1.
        frame: the frame.
        labels: all labels with their probabilities, the most probable first; of a model with several labels, those
            that the frame has.
        answer: an answers.Answer; None for a bundle without thresholds.
        delay_ms: from the arrival of the frame to its labels.
    """

    number: int
    frame: Frame
    labels: tuple[tuple[str, float], ...]
    answer: Any
    delay_ms: float


@dataclass(frozen=True)
class _ModelInput:
    """A preprocessed frame, which waits for the model."""

    frame: Frame
    arrived_s: float
    pixels: np.ndarray[Any, Any]
    preprocess_ms: float


class PredictionLoop:
    """The three threads of the demo.

    Attributes:
        prediction: the newest Prediction; None before the first.
        source: the supervised source.
        stopped: set when the loop ended, by `stop` or because a step failed.
        failed: whether a step failed. Python has printed the exception then.
    """

    def __init__(self, source: Source, model: Any, facts: dict[str, Any], thresholds: Any) -> None:
        """Prepare the threads.

        Args:
            source: of the frames.
            model: a runtime.Model.
            facts: the content of model.json.
            thresholds: an answers.Thresholds.
        """
        self.stopped = threading.Event()
        self.failed = False
        self.prediction: Prediction | None = None
        self._model = model
        self._input_spec = classify.list_arguments(facts)
        self._output = facts["output"]
        self._thresholds = thresholds
        self._captured: demo_pace.LatestSlot[tuple[Frame, float]] = demo_pace.LatestSlot()
        self._preprocessed: demo_pace.LatestSlot[_ModelInput] = demo_pace.LatestSlot()
        self._latencies, self._lock = demo_pace.RecentLatencies(), threading.Lock()
        self.source = SupervisedSource(source, self._accept, self.stopped)
        steps = (self.source.run, self._preprocess, self._infer)
        self._threads = [threading.Thread(target=self._run_step, args=(step,), daemon=True) for step in steps]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads and wait until the source is closed; a driver that hangs is not waited for."""
        self.stopped.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(JOIN_TIMEOUT_S)
        self.source.close(JOIN_TIMEOUT_S)

    def get_statistics(self) -> dict[str, Any]:
        """Return rate_hz, drops, latency_ms (median per step over the last seconds), and camera, the source's state."""
        now_s = time.perf_counter()
        with self._lock:
            rate_hz, latency_ms = self._latencies.compute_rate_hz(now_s), self._latencies.compute_medians_ms(now_s)
        return {
            "rate_hz": rate_hz,
            "drops": self._captured.dropped + self._preprocessed.dropped,
            "latency_ms": latency_ms,
            "camera": self.source.get_state(),
        }

    def _run_step(self, step: Callable[[], None]) -> None:
        """Run a step until the loop is stopped. If it fails, all threads end: a page must not show a frozen frame."""
        try:
            step()
        finally:
            self.failed = self.failed or not self.stopped.is_set()
            self.stopped.set()

    def _accept(self, frame: Frame) -> None:
        self._captured.put((frame, time.perf_counter()))

    def _preprocess(self) -> None:
        while not self.stopped.is_set():
            item = self._captured.take(POLL_S)
            if item is not None:
                start = time.perf_counter()
                image = pixels.fit_image(item[0].image, *self._input_spec)
                self._preprocessed.put(_ModelInput(*item, image, (time.perf_counter() - start) * 1e3))

    def _infer(self) -> None:
        while not self.stopped.is_set():
            item = self._preprocessed.take(POLL_S)
            if item is not None:
                self._predict(item)

    def _predict(self, item: _ModelInput) -> None:
        clock_s = [time.perf_counter()]
        self._model.set_input(item.pixels)
        clock_s.append(time.perf_counter())
        self._model.invoke()
        clock_s.append(time.perf_counter())
        output = self._model.dequantize(self._model.get_output())
        probabilities = classify.compute_probabilities(output, self._output["labels"])
        answer = self._answer(probabilities)
        labels = tuple(sorted(probabilities.items(), key=lambda pair: -pair[1]))
        if self._output.get("thresholds"):
            labels = tuple(classify.select_labels(labels, self._output))
        clock_s.append(time.perf_counter())
        set_input_ms, invoke_ms, postprocess_ms = ((clock_s[step + 1] - clock_s[step]) * 1e3 for step in range(3))
        # Setting the input tensor is part of "preprocess", as in bench.py.
        latencies_ms = (item.frame.capture_ms, item.preprocess_ms + set_input_ms, invoke_ms, postprocess_ms)
        with self._lock:
            self._latencies.add(clock_s[-1], dict(zip(STEPS, latencies_ms)))  # noqa: B905  (strict= needs Python 3.10)
        number = self.prediction.number + 1 if self.prediction else 1
        # One assignment of a complete object: other threads read it without a lock.
        self.prediction = Prediction(number, item.frame, labels, answer, (clock_s[-1] - item.arrived_s) * 1e3)

    def _answer(self, probabilities: dict[str, float]) -> Any:
        return self._thresholds.answer(probabilities, self._model.get_features()) if self._thresholds.is_set else None
