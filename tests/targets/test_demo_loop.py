"""demo_loop.py: steps overlap, frames are dropped and counted, one model sees the pixels of pixels.py."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels

FACTS = {"input": {"side_px": 8, "fit": "crop"}, "output": {"labels": ["dark", "light"]}}


@pytest.fixture(scope="module")
def loops(demo):
    return demo("demo_loop")


@pytest.fixture(scope="module")
def frames(demo):
    return demo("demo_frames")


class Model:
    """Answers by brightness, in a given time."""

    def __init__(self, invoke_s=0.0):
        self.invoke_s, self.seen, self.threads = invoke_s, [], set()

    def fill(self, image):
        self.seen.append(image)
        self.threads.add(threading.get_ident())

    def invoke(self):
        time.sleep(self.invoke_s)

    def answer(self):
        light = self.seen[-1].mean() / 255
        return np.array([1 - light, light])

    def numbers(self, outputs):
        return outputs


def picture(level: int) -> Image.Image:
    return Image.new("RGB", (12, 8), (level, level, level))


def source(frames, pause_s: float, given: list[int]):
    def taken() -> Iterator:
        while True:
            given.append(len(given) % 250)
            yield frames.Frame(picture(given[-1]), 5.0)
            time.sleep(pause_s)

    return frames.Source("fake", taken)


@pytest.fixture
def started(loops):
    running = []

    def start(*arguments):
        loop = loops.Loop(*arguments)
        running.append(loop)
        loop.start()
        return loop

    yield start
    for loop in running:
        loop.stop()


def until(what, limit_s=10.0):
    end = time.perf_counter() + limit_s
    while not what():
        assert time.perf_counter() < end, "it did not happen"
        time.sleep(0.005)


def test_a_slow_model_drops_frames_counts_them_and_stays_in_the_present(loops, frames, started):
    given: list[int] = []
    model = Model(invoke_s=0.05)
    loop = started(source(frames, 0.005, given), model, FACTS)
    until(lambda: loop.answer and loop.answer.number >= 12)
    loop.stop()
    drops = loop.figures()["drops"]
    # All but the few that were on their way at the end were either answered or counted.
    assert 0 <= len(given) - drops - loop.answer.number <= 3
    assert drops > 2 * loop.answer.number
    # A queue would be hundreds of milliseconds behind by now: one wait for the model, one frame and its own turn.
    assert loop.answer.delay_ms < 400
    assert len(model.threads) == 1 and not loop.failed


def test_a_fast_model_drops_next_to_nothing(loops, frames, started):
    given: list[int] = []
    loop = started(source(frames, 0.05, given), Model(), FACTS)
    until(lambda: loop.answer and loop.answer.number >= 8)
    assert loop.figures()["drops"] <= 2


def test_capture_goes_on_while_the_model_works(loops, frames, started):
    given: list[int] = []
    release = threading.Event()
    model = Model()
    model.invoke = lambda: release.wait(10)
    started(source(frames, 0.002, given), model, FACTS)
    until(lambda: model.seen)
    before = len(given)
    until(lambda: len(given) > before + 20)
    release.set()


def test_the_answer_belongs_to_its_picture(loops, frames, started, tmp_path):
    model = Model()
    loop = started(source(frames, 0.01, []), model, FACTS)
    until(lambda: loop.answer and loop.answer.number >= 5)
    loop.stop()
    answer = loop.answer
    level = np.asarray(answer.image)[0, 0, 0]
    assert dict(answer.labels)["light"] == pytest.approx(level / 255)
    assert [probability for _, probability in answer.labels] == sorted((p for _, p in answer.labels), reverse=True)
    answer.image.save(tmp_path / "picture.png")
    assert np.array_equal(model.seen[-1], pixels.load_photo(tmp_path / "picture.png", 8, "crop"))


def test_the_latency_split(loops, frames, started):
    loop = started(source(frames, 0.02, []), Model(invoke_s=0.01), FACTS)
    until(lambda: loop.answer and loop.answer.number >= 6)
    figures = loop.figures()
    assert tuple(figures["latency_ms"]) == loops.STEPS
    assert figures["latency_ms"]["capture"] == 5.0 and figures["latency_ms"]["invoke"] >= 10
    assert 5 < figures["rate_hz"] < 60 and figures["camera"]["ok"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_step_that_fails_ends_everything(loops, frames, started):
    model = Model()
    model.invoke = lambda: 1 / 0
    loop = started(source(frames, 0.01, []), model, FACTS)
    assert loop.stopped.wait(5) and loop.failed


def test_stopping_closes_the_source_and_is_no_failure(loops, frames, started):
    closed = threading.Event()

    def taken():
        try:
            while True:
                yield frames.Frame(picture(1), 0.0)
                time.sleep(0.01)
        finally:
            closed.set()

    loop = started(frames.Source("fake", taken), Model(), FACTS)
    until(lambda: loop.answer)
    loop.stop()
    assert closed.is_set() and not loop.failed
