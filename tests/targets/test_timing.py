"""timing.py with a model that takes no time: which runs count, and which steps the clock includes."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels

FACTS = {
    "model": "model.tflite",
    "golden": ["0.png", "1.png"],
    "input": {"height_px": 8, "width_px": 8, "fit": "crop"},
    "output": {"labels": ["daisy", "rose"]},
}


class FakeModel:
    """Outputs the first pixel of its input, and records its calls."""

    accelerated = True

    def __init__(self, path, threads) -> None:
        self.path, self.threads = path, threads
        self.inputs: list[int] = []
        self.invocations = 0

    def set_input(self, image) -> None:
        self.inputs.append(int(image[0, 0, 0]))

    def invoke(self) -> None:
        self.invocations += 1

    def get_output(self):
        return np.array([self.inputs[-1], 0])

    def dequantize(self, output):
        return output / 255


class FakeMonitor:
    """A board.BoardMonitor that is due at every third call."""

    def __init__(self) -> None:
        self.calls = self.samples = 0

    def is_due(self) -> bool:
        self.calls += 1
        return self.calls % 3 == 0

    def take_sample(self) -> None:
        self.samples += 1

    def convert_time_s(self, at: float) -> float:
        return at


@pytest.fixture
def timing(import_payload, monkeypatch):
    module = import_payload("timing")
    monkeypatch.setattr(module, "runtime", SimpleNamespace(Model=FakeModel))
    monkeypatch.setattr(module, "WARM_UP_S", 0.0)
    return module


@pytest.fixture
def monitor():
    return FakeMonitor()


@pytest.fixture
def stopwatch(timing, monitor, tmp_path):
    for index in (0, 1):
        Image.new("RGB", (9, 9), (100 + index, 0, 0)).save(tmp_path / f"{index}.png")
    return timing.Stopwatch(tmp_path, FACTS, monitor)


@pytest.fixture
def clock(timing, monkeypatch):
    """A clock that advances only by `clock.s`, so that durations are exact."""
    fake = SimpleNamespace(s=0.0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: fake.s)
    monkeypatch.setattr(timing.time, "perf_counter_ns", lambda: round(fake.s * 1e9))
    return fake


def test_measure_invoke_summarizes_the_requested_runs(stopwatch):
    row = stopwatch.measure_invoke(2, 20, 0.0)
    assert set(row) == {"threads", "load_ms", "first_ms", "accelerated", "steady"}
    assert (row["threads"], row["accelerated"], row["steady"]["runs"]) == (2, True, 20)
    assert row["steady"]["p50"]["ms"] >= 0


def test_golden_photos_alternate_and_the_run_after_a_sample_does_not_count(stopwatch, timing, monitor, monkeypatch):
    models = []
    monkeypatch.setattr(timing.runtime, "Model", lambda *arguments: models.append(FakeModel(*arguments)) or models[0])
    row = stopwatch.measure_invoke(1, 6, 0.0)
    assert row["steady"]["runs"] == 6 and monitor.samples == 2
    # The first invocation, and one at the beginning of the warm-up; then six that count and two that do not, each
    # after every third. The run that does not count uses the photo of the next one.
    assert models[0].inputs == [100, 100, *(100, 101, 100, 101), *(101, 100, 101, 100)]
    assert models[0].invocations == 2 + timing.WARM_UP_RUNS + 8


def test_steps_of_a_photo_sum_up_to_its_total(stopwatch, timing):
    photo = stopwatch.measure_photo(stopwatch.load_model(1), 12, 0.0)
    assert tuple(photo) == (*timing.STEPS, "total")
    assert {summary["runs"] for summary in photo.values()} == {12}
    assert photo["total"]["mean_ms"] == pytest.approx(sum(photo[name]["mean_ms"] for name in timing.STEPS), abs=1e-3)


def test_each_step_includes_exactly_its_own_work(stopwatch, timing, clock, monkeypatch):
    def delay(ms, function):
        def delayed(*arguments):
            clock.s += ms / 1e3
            return function(*arguments)

        return delayed

    model = stopwatch.load_model(1)
    monkeypatch.setattr(timing.pixels, "decode_image", delay(1, pixels.decode_image))
    monkeypatch.setattr(timing.pixels, "fit_image", delay(1.5, pixels.fit_image))
    monkeypatch.setattr(model, "set_input", delay(0.5, model.set_input))
    monkeypatch.setattr(model, "invoke", delay(4, model.invoke))
    monkeypatch.setattr(model, "get_output", delay(3, model.get_output))
    monkeypatch.setattr(model, "dequantize", delay(5, model.dequantize))
    photo = stopwatch.measure_photo(model, 3, 0.0)
    assert {name: summary["p50"]["ms"] for name, summary in photo.items()} == {
        "decode": 1,
        "preprocess": 2,
        "invoke": 4,
        "postprocess": 8,
        "total": 15,
    }
    monkeypatch.setattr(timing.runtime, "Model", lambda *_: model)
    assert stopwatch.measure_invoke(1, 3, 0.0)["steady"]["p50"]["ms"] == 4


def test_runs_and_seconds_are_lower_bounds_and_the_limit_an_upper_one(stopwatch, timing, clock, monitor, monkeypatch):
    monitor.is_due = lambda: False
    model = stopwatch.load_model(1)
    model.invoke = lambda: setattr(clock, "s", clock.s + 0.1)
    monkeypatch.setattr(timing.runtime, "Model", lambda *_: model)

    def count_runs(runs: int, seconds: float) -> int:
        return stopwatch.measure_invoke(1, runs, seconds)["steady"]["runs"]

    assert count_runs(5, 0.0) == 5
    assert count_runs(5, 2.05) == 21
    monkeypatch.setattr(timing, "RUNS_LIMIT", 12)
    assert count_runs(5, 2.05) == 12
    assert count_runs(50, 0.0) == 12


def test_soak_lasts_at_least_as_long_as_requested(stopwatch):
    soak = stopwatch.measure_soak(stopwatch.load_model(1), 0.05)
    assert soak["seconds"] >= 0.05 and soak["invokes"] > 5
    assert soak["windows"][-1]["at_s"] == soak["seconds"] and isinstance(soak["drift"], float)


def test_very_short_soak_is_one_run(stopwatch):
    assert stopwatch.measure_soak(stopwatch.load_model(1), 1e-9)["invokes"] == 1
