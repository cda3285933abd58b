"""Timing for bench.py: runs the golden photos through the model, step by step, and returns latencies in milliseconds.

Nothing else happens while a run is timed. Samples of the board are taken between two runs, and the run after a sample
does not count, because the sample displaced its data from the processor caches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import answers  # type: ignore[import-not-found]
import classify  # type: ignore[import-not-found]
import latency_statistics  # type: ignore[import-not-found]
import pixels  # type: ignore[import-not-found]
import runtime  # type: ignore[import-not-found]

STEPS = ("decode", "preprocess", "invoke", "postprocess")
RUNS_LIMIT = 5000
# The clock governor raises the clock only after some time under load.
WARM_UP_RUNS, WARM_UP_S = 10, 0.5


class Stopwatch:
    """Measures the latencies of one bundle.

    Attributes:
        photos: the golden photos, as the bytes of their files.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], monitor: Any) -> None:
        """Load the golden photos of the bundle in `folder`.

        Args:
            folder: the bundle.
            facts: the content of its model.json.
            monitor: a board.BoardMonitor.
        """
        self._model_path = folder / facts["model"]
        self._input_spec = classify.list_arguments(facts)
        self._labels = facts["output"]["labels"]
        self._thresholds = answers.Thresholds.load(facts, folder)
        self._monitor = monitor
        self.photos = [pixels.read_photo(folder / name) for name in facts["golden"]]
        self._images = [pixels.decode_photo(photo, *self._input_spec) for photo in self.photos]

    def load_model(self, threads: int) -> Any:
        """Load the model as a runtime.Model with that number of threads."""
        return runtime.Model(self._model_path, threads)

    def measure_invoke(self, threads: int, runs: int, seconds: float) -> dict[str, Any]:
        """Measure loading, the first invocation, and repeated invocations after a warm-up.

        Args:
            threads: number of threads of the runtime.
            runs: the smallest number of runs.
            seconds: the shortest total duration. More than RUNS_LIMIT runs are never made.

        Returns:
            threads, load_ms, first_ms, accelerated, and steady: see `latency_statistics.summarize_latencies`.
        """
        start = time.perf_counter()
        model = self.load_model(threads)
        load_ms = (time.perf_counter() - start) * 1e3
        first_ms = self._time_invoke(model, 0)
        self._warm_up(model)
        steady = self._repeat(lambda run: self._time_invoke(model, run), runs, seconds)
        return {
            "threads": threads,
            "load_ms": round(load_ms, 3),
            "first_ms": round(first_ms, 4),
            "accelerated": model.accelerated,
            "steady": latency_statistics.summarize_latencies(steady),
        }

    def measure_photo(self, model: Any, runs: int, seconds: float) -> dict[str, Any]:
        """Measure a photo from the bytes of its file to its labels: each of STEPS and the total, summarized.

        Setting the input tensor is part of "preprocess", reading the output tensor part of "postprocess", so "invoke"
        is the model alone. It is slower here than in `measure_invoke`, because decoding displaces the weights from the
        processor caches.
        """
        self._warm_up(model)
        rows = self._repeat(lambda run: self._time_steps(model, run), runs, seconds)
        columns = {name: [row[index] for row in rows] for index, name in enumerate(STEPS)}
        columns["total"] = [sum(row) for row in rows]
        return {name: latency_statistics.summarize_latencies(latencies) for name, latencies in columns.items()}

    def measure_soak(self, model: Any, seconds: float) -> dict[str, Any]:
        """Invoke without a pause for that long, to measure how heat slows the board down.

        Returns:
            start_s (on the clock of the board's samples), seconds, invokes, windows and drift: see
            `latency_statistics`.
        """
        self._monitor.take_sample()
        start = time.perf_counter()
        at_s, latencies_ms = [0.0], list[float]()
        while not latencies_ms or at_s[-1] < seconds:
            latencies_ms.append(self._time_invoke(model, len(latencies_ms)))
            at_s.append(time.perf_counter() - start)
            self._take_sample_if_due(model.invoke)
        windows = latency_statistics.split_into_windows(at_s[1:], latencies_ms)
        return {
            "start_s": self._monitor.convert_time_s(start),
            "seconds": round(at_s[-1], 3),
            "invokes": len(latencies_ms),
            "windows": windows,
            "drift": latency_statistics.compute_drift(windows),
        }

    def _warm_up(self, model: Any) -> None:
        """Invoke until the clock is at its highest and the caches are filled."""
        self._time_invoke(model, 0)
        start, runs = time.perf_counter(), 0
        while runs < WARM_UP_RUNS or time.perf_counter() - start < WARM_UP_S:
            model.invoke()
            runs += 1

    def _time_invoke(self, model: Any, run: int) -> float:
        """Return the milliseconds of one invocation. The golden photos are used in turn."""
        model.set_input(self._images[run % len(self._images)])
        start_ns = time.perf_counter_ns()
        model.invoke()
        return (time.perf_counter_ns() - start_ns) / 1e6

    def _time_steps(self, model: Any, run: int) -> list[float]:
        """Return the milliseconds of each of STEPS for one photo."""
        data = self.photos[run % len(self.photos)]
        clock_ns = [time.perf_counter_ns()]
        image = pixels.decode_image(pixels.open_image(data), self._input_spec[0])
        clock_ns.append(time.perf_counter_ns())
        model.set_input(pixels.fit_image(image, *self._input_spec))
        clock_ns.append(time.perf_counter_ns())
        model.invoke()
        clock_ns.append(time.perf_counter_ns())
        probabilities = classify.compute_probabilities(model.dequantize(model.get_output()), self._labels)
        if self._thresholds.is_set:
            self._thresholds.answer(probabilities, model.get_features())
        clock_ns.append(time.perf_counter_ns())
        return [(clock_ns[step + 1] - clock_ns[step]) / 1e6 for step in range(len(STEPS))]

    def _repeat(self, run_once: Callable[[int], Any], runs: int, seconds: float) -> Sequence[Any]:
        """Collect the results of at least `runs` runs and `seconds` seconds, but at most RUNS_LIMIT runs."""
        results: list[Any] = []
        start = time.perf_counter()
        while len(results) < min(runs, RUNS_LIMIT) or (
            len(results) < RUNS_LIMIT and time.perf_counter() - start < seconds
        ):
            results.append(run_once(len(results)))
            self._take_sample_if_due(lambda: run_once(len(results)))
        return results

    def _take_sample_if_due(self, run_uncounted: Callable[[], Any]) -> None:
        """Sample the board if due, and then run once without counting it: that run fills the caches again."""
        if self._monitor.is_due():
            self._monitor.take_sample()
            run_uncounted()
