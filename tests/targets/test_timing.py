"""timing.py with a model that takes no time: what is counted, what is not, and what the model is given."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from edgetl.core.photos import pixels

FACTS = {
    "model": "model.tflite",
    "golden": ["0.png", "1.png"],
    "input": {"side_px": 8, "fit": "crop"},
    "output": {"labels": ["daisy", "rose"]},
}


class Model:
    """Answers with the first pixel, and keeps what was done with it."""

    accelerated = True

    def __init__(self, path, threads) -> None:
        self.path, self.threads = path, threads
        self.filled: list[int] = []
        self.invoked = 0

    def fill(self, image) -> None:
        self.filled.append(int(image[0, 0, 0]))

    def invoke(self) -> None:
        self.invoked += 1

    def answer(self):
        return np.array([self.filled[-1], 0])

    def numbers(self, outputs):
        return outputs / 255


class Watch:
    """Due at every third question."""

    def __init__(self) -> None:
        self.asked = self.looks = 0

    def due(self) -> bool:
        self.asked += 1
        return self.asked % 3 == 0

    def look(self) -> None:
        self.looks += 1

    def clock_s(self, at: float) -> float:
        return at


@pytest.fixture
def timing(payload, monkeypatch) -> ModuleType:
    runtime = SimpleNamespace(Model=Model)
    for name, module in (("pixels", pixels), ("runtime", runtime), ("figures", payload("figures"))):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "classify", payload("classify"))
    loaded = payload("timing")
    loaded.WARM_S = 0.0
    return loaded


@pytest.fixture
def stopwatch(timing, tmp_path):
    from PIL import Image

    for index in (0, 1):
        Image.new("RGB", (9, 9), (100 + index, 0, 0)).save(tmp_path / f"{index}.png")
    return timing.Stopwatch(tmp_path, FACTS, Watch())


def test_invoke(stopwatch, tmp_path):
    found = stopwatch.invoke(2, 20, 0.0)
    assert set(found) == {"threads", "load_ms", "first_ms", "accelerated", "steady"}
    assert (found["threads"], found["accelerated"], found["steady"]["runs"]) == (2, True, 20)
    assert 0 <= found["steady"]["p50"]["ms"] < 5


def test_golden_photos_take_turns_and_a_run_after_a_look_does_not_count(stopwatch):
    model = stopwatch.model(1)
    counted = stopwatch._repeated(lambda run: stopwatch._invoked(model, run), 6, 0.0)
    assert len(counted) == 6 and stopwatch._watch.looks == 2
    assert model.invoked == 8
    assert model.filled == [100, 101, 100, 101, 101, 100, 101, 100]


def test_a_photo_step_by_step(stopwatch, timing):
    found = stopwatch.photo(stopwatch.model(1), 12, 0.0)
    assert tuple(found) == (*timing.STAGES, "total")
    assert {figure["runs"] for figure in found.values()} == {12}
    assert found["total"]["mean_ms"] == pytest.approx(sum(found[name]["mean_ms"] for name in timing.STAGES), abs=1e-3)


def test_the_clock_is_where_it_is_said_to_be(stopwatch, timing, monkeypatch):
    # Each step is made to take a time of its own: 1, 2, 4 and 8 ms on a clock that only moves when told to.
    now = {"ns": 0}

    def takes(ms, work):
        def done(*arguments):
            now["ns"] += int(ms * 1e6)
            return work(*arguments)

        return done

    model = stopwatch.model(1)
    monkeypatch.setattr(timing.time, "perf_counter_ns", lambda: now["ns"])
    monkeypatch.setattr(timing.pixels, "decoded", takes(1, pixels.decode_image))
    monkeypatch.setattr(timing.pixels, "fitted", takes(1.5, pixels.fit_image))
    monkeypatch.setattr(model, "fill", takes(0.5, model.fill))
    monkeypatch.setattr(model, "invoke", takes(4, model.invoke))
    monkeypatch.setattr(model, "answer", takes(3, model.answer))
    monkeypatch.setattr(model, "numbers", takes(5, model.numbers))
    assert stopwatch._stages(model, 0) == [1, 2, 4, 8]
    assert stopwatch._invoked(model, 0) == 4


def test_at_least_so_many_and_so_long_and_never_too_many(stopwatch, timing, monkeypatch):
    now = {"s": 0.0}

    def one(run):
        now["s"] += 0.1
        return run

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now["s"])
    stopwatch._watch.due = lambda: False
    assert len(stopwatch._repeated(one, 5, 0.0)) == 5
    assert len(stopwatch._repeated(one, 5, 2.05)) == 21
    monkeypatch.setattr(timing, "MOST_RUNS", 12)
    assert len(stopwatch._repeated(one, 5, 2.05)) == 12
    assert len(stopwatch._repeated(one, 50, 0.0)) == 12


def test_soak(stopwatch):
    found = stopwatch.soak(stopwatch.model(1), 0.05)
    assert found["seconds"] >= 0.05 and found["invokes"] > 5
    assert found["windows"][-1]["at_s"] == found["seconds"] and isinstance(found["drift"], float)


def test_a_short_soak_is_one_run(stopwatch):
    assert stopwatch.soak(stopwatch.model(1), 1e-9)["invokes"] == 1
