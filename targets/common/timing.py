"""The stopwatch of bench.py: golden photos through the model, step by step. Times come out, in milliseconds.

Nothing else happens while a run is timed: looks at the board fall between two runs, and the run after a look, which
finds cold caches, does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import classify  # type: ignore[import-not-found]
import figures  # type: ignore[import-not-found]
import pixels  # type: ignore[import-not-found]
import runtime  # type: ignore[import-not-found]

STAGES = ("decode", "preprocess", "invoke", "postprocess")
MOST_RUNS = 5000
WARM_RUNS, WARM_S = 10, 0.5


class Stopwatch:
    """Times one bundle.

    Attributes:
        photos: the golden photos, as the bytes of their files.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], watch: Any) -> None:
        """For the bundle in `folder`, whose model.json holds `facts`; `watch` is a board.Watch."""
        self._model_path = folder / facts["model"]
        self._shape = facts["input"]["side_px"], facts["input"]["fit"]
        self._labels = facts["output"]["labels"]
        self._watch = watch
        self.photos = [pixels.read(folder / name) for name in facts["golden"]]
        self._pixels = [pixels.decode(photo, *self._shape) for photo in self.photos]

    def model(self, threads: int) -> Any:
        """A runtime.Model of the bundle's file."""
        return runtime.Model(self._model_path, threads)

    def invoke(self, threads: int, runs: int, seconds: float) -> dict[str, Any]:
        """Load the model, invoke it once, warm it up, and invoke it again and again.

        Args:
            threads: that the runtime may use.
            runs: at least so many, and
            seconds: at least so long; but never more than MOST_RUNS.

        Returns:
            threads, load_ms, first_ms, accelerated, and steady: a `figures.summary`.
        """
        start = time.perf_counter()
        model = self.model(threads)
        load_ms = (time.perf_counter() - start) * 1e3
        first_ms = self._invoked(model, 0)
        self.warm(model)
        steady = self._repeated(lambda run: self._invoked(model, run), runs, seconds)
        return {
            "threads": threads,
            "load_ms": round(load_ms, 3),
            "first_ms": round(first_ms, 4),
            "accelerated": model.accelerated,
            "steady": figures.summary(steady),
        }

    def photo(self, model: Any, runs: int, seconds: float) -> dict[str, Any]:
        """A photo's way from the bytes of its file to its labels: STAGES and their total, each a `figures.summary`.

        Handing the pixels over belongs to "preprocess", fetching the numbers to "postprocess": "invoke" is the model
        alone, here after the caches held a photo, so a little slower than one invocation right after another.
        """
        self.warm(model)
        rows = self._repeated(lambda run: self._stages(model, run), runs, seconds)
        columns = {name: [row[index] for row in rows] for index, name in enumerate(STAGES)}
        columns["total"] = [sum(row) for row in rows]
        return {name: figures.summary(times) for name, times in columns.items()}

    def soak(self, model: Any, seconds: float) -> dict[str, Any]:
        """Invoke without a pause for so long, to see what heat does to it.

        Returns:
            start_s (on the watch's clock), seconds, invokes, windows and drift: see `figures`.
        """
        self._watch.look()
        start = time.perf_counter()
        at_s, times_ms = [0.0], list[float]()
        while not times_ms or at_s[-1] < seconds:
            times_ms.append(self._invoked(model, len(times_ms)))
            at_s.append(time.perf_counter() - start)
            self._looked(model.invoke)
        stretches = figures.windows(at_s[1:], times_ms)
        return {
            "start_s": self._watch.clock_s(start),
            "seconds": round(at_s[-1], 3),
            "invokes": len(times_ms),
            "windows": stretches,
            "drift": figures.drift(stretches),
        }

    def warm(self, model: Any) -> None:
        """Invoke until clocks and caches are where they stay."""
        self._invoked(model, 0)
        start, done = time.perf_counter(), 0
        while done < WARM_RUNS or time.perf_counter() - start < WARM_S:
            model.invoke()
            done += 1

    def _invoked(self, model: Any, run: int) -> float:
        """Milliseconds of one invocation, on the golden photo whose turn it is."""
        model.fill(self._pixels[run % len(self._pixels)])
        start = time.perf_counter_ns()
        model.invoke()
        return (time.perf_counter_ns() - start) / 1e6

    def _stages(self, model: Any, run: int) -> list[float]:
        """Milliseconds of each of STAGES."""
        data = self.photos[run % len(self.photos)]
        clock = [time.perf_counter_ns()]
        image = pixels.decoded(pixels.opened(data), self._shape[0])
        clock.append(time.perf_counter_ns())
        model.fill(pixels.fitted(image, *self._shape))
        clock.append(time.perf_counter_ns())
        model.invoke()
        clock.append(time.perf_counter_ns())
        classify.probabilities(model.numbers(model.answer()), self._labels)
        clock.append(time.perf_counter_ns())
        return [(clock[step + 1] - clock[step]) / 1e6 for step in range(len(STAGES))]

    def _repeated(self, one: Callable[[int], Any], runs: int, seconds: float) -> Sequence[Any]:
        found: list[Any] = []
        start = time.perf_counter()
        while len(found) < min(runs, MOST_RUNS) or (len(found) < MOST_RUNS and time.perf_counter() - start < seconds):
            found.append(one(len(found)))
            self._looked(lambda: one(len(found)))
        return found

    def _looked(self, again: Callable[[], Any]) -> None:
        if self._watch.due():
            self._watch.look()
            again()
