"""demo_loop.py: steps overlap, dropped frames are counted, and the model gets the pixels of pixels.py."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from edgetl.core.photos import pixels

FACTS = {"input": {"height_px": 8, "width_px": 8, "fit": "crop"}, "output": {"labels": ["dark", "light"]}}


@pytest.fixture(scope="module")
def demo_loop(import_payload):
    return import_payload("demo_loop")


@pytest.fixture(scope="module")
def demo_frames(import_payload):
    return import_payload("demo_frames")


class BrightnessModel:
    """Predicts the brightness of a frame; an invocation takes `invoke_s`."""

    def __init__(self, invoke_s=0.0):
        self.invoke_s, self.inputs, self.threads = invoke_s, [], set()

    def set_input(self, image):
        self.inputs.append(image)
        self.threads.add(threading.get_ident())

    def invoke(self):
        time.sleep(self.invoke_s)

    def get_output(self):
        light = self.inputs[-1].mean() / 255
        return np.array([1 - light, light])

    def dequantize(self, output):
        return output


def make_image(number: int) -> Image.Image:
    """An image whose red and green are the low and the high byte of a number."""
    return Image.new("RGB", (12, 8), (number % 256, number // 256, 0))


def read_number(image: Image.Image) -> int:
    red, green, _ = image.getpixel((0, 0))
    return red + 256 * green


def make_source(demo_frames, pause_s: float, delivered: list[int]):
    """A source of numbered frames. The numbers are appended to `delivered`."""

    def generate() -> Iterator:
        while True:
            delivered.append(len(delivered))
            yield demo_frames.Frame(make_image(delivered[-1]), 5.0)
            time.sleep(pause_s)

    return demo_frames.Source("fake", generate)


@pytest.fixture
def start_loop(demo_loop, import_payload):
    """Start a PredictionLoop, without thresholds unless it gets some; it is stopped at the end of the test."""
    without = import_payload("answers").Thresholds({}, None)
    loops = []

    def start(source, model, facts, thresholds=without):
        loop = demo_loop.PredictionLoop(source, model, facts, thresholds)
        loops.append(loop)
        loop.start()
        return loop

    yield start
    for loop in loops:
        loop.stop()


def wait_until(condition, timeout_s=30.0):
    deadline = time.perf_counter() + timeout_s
    while not condition():
        assert time.perf_counter() < deadline, "the condition did not become true"
        time.sleep(0.005)


def test_slow_model_predicts_the_newest_frame_and_drops_older_ones(demo_frames, start_loop):
    delivered: list[int] = []
    model = BrightnessModel(invoke_s=0.05)
    loop = start_loop(make_source(demo_frames, 0.005, delivered), model, FACTS)
    wait_until(lambda: loop.prediction and loop.prediction.number >= 12)
    loop.stop()
    drops = loop.get_statistics()["drops"]
    # Every frame is predicted or counted as dropped, except for one in each of the two slots and one in the model.
    assert 0 <= len(delivered) - drops - loop.prediction.number <= 3
    assert drops > 2 * loop.prediction.number
    # With a queue in place of the slots, the model would be behind by all the frames that it did not predict.
    assert delivered[-1] - read_number(loop.prediction.frame.image) < drops / 2
    assert len(model.threads) == 1 and not loop.failed


def test_fast_model_drops_no_frame(demo_frames, start_loop):
    """The source delivers a frame only after the one before was predicted, so that the test does not depend on time."""
    loops = []

    def generate() -> Iterator:
        for number in range(9):
            if number:
                wait_until(lambda number=number: loops[0].prediction and loops[0].prediction.number >= number)
            yield demo_frames.Frame(make_image(number), 5.0)
        loops[0].stopped.wait(30)

    def open_after_start() -> Iterator:
        wait_until(lambda: loops)
        return generate()

    loops.append(start_loop(demo_frames.Source("fake", open_after_start), BrightnessModel(), FACTS))
    wait_until(lambda: loops[0].prediction and loops[0].prediction.number >= 9)
    assert loops[0].get_statistics()["drops"] == 0


def test_capture_continues_while_the_model_runs(demo_frames, start_loop):
    delivered: list[int] = []
    release = threading.Event()
    model = BrightnessModel()
    model.invoke = lambda: release.wait(60)
    start_loop(make_source(demo_frames, 0.002, delivered), model, FACTS)
    wait_until(lambda: model.inputs)
    before = len(delivered)
    wait_until(lambda: len(delivered) > before + 20)
    release.set()


def test_labels_belong_to_the_frame_of_the_prediction(demo_frames, start_loop, tmp_path):
    model = BrightnessModel()
    loop = start_loop(make_source(demo_frames, 0.01, []), model, FACTS)
    wait_until(lambda: loop.prediction and loop.prediction.number >= 5)
    loop.stop()
    prediction = loop.prediction
    brightness = np.asarray(prediction.frame.image).mean() / 255
    assert dict(prediction.labels)["light"] == pytest.approx(brightness)
    probabilities = [probability for _, probability in prediction.labels]
    assert probabilities == sorted(probabilities, reverse=True)
    prediction.frame.image.save(tmp_path / "frame.png")
    assert np.array_equal(model.inputs[-1], pixels.load_photo(tmp_path / "frame.png", 8, 8, "crop"))


def test_statistics_contain_the_latency_of_each_step(demo_loop, demo_frames, start_loop):
    loop = start_loop(make_source(demo_frames, 0.02, []), BrightnessModel(invoke_s=0.01), FACTS)
    wait_until(lambda: loop.prediction and loop.prediction.number >= 6)
    statistics = loop.get_statistics()
    assert tuple(statistics["latency_ms"]) == demo_loop.STEPS
    assert statistics["latency_ms"]["capture"] == 5.0 and statistics["latency_ms"]["invoke"] >= 10
    # A prediction takes 0.01 s at least. On a busy machine frames may arrive together, or late.
    assert 0 < statistics["rate_hz"] < 100 and statistics["camera"]["ok"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_failed_step_ends_all_threads(demo_frames, start_loop):
    model = BrightnessModel()
    model.invoke = lambda: 1 / 0
    loop = start_loop(make_source(demo_frames, 0.01, []), model, FACTS)
    assert loop.stopped.wait(30) and loop.failed


def test_stop_closes_the_source_and_is_not_a_failure(demo_frames, start_loop):
    closed = threading.Event()

    def generate():
        try:
            while True:
                yield demo_frames.Frame(make_image(1), 0.0)
                time.sleep(0.01)
        finally:
            closed.set()

    loop = start_loop(demo_frames.Source("fake", generate), BrightnessModel(), FACTS)
    wait_until(lambda: loop.prediction)
    loop.stop()
    assert closed.is_set() and not loop.failed


def test_prediction_has_the_answer_where_the_bundle_has_thresholds(demo_frames, start_loop, import_payload):
    facts = {"answers": {"least_probability": 0.9, "least_similarities": {"dark": 0.5, "light": 0.5}}}
    thresholds = import_payload("answers").Thresholds(facts, np.array([[127, 0]], np.int8))
    model = BrightnessModel()
    model.get_features = lambda: np.float32([0, 1])
    loop = start_loop(make_source(demo_frames, 0.01, []), model, FACTS, thresholds)
    wait_until(lambda: loop.prediction)
    assert loop.prediction.answer.describe() == "none of these"


def test_prediction_has_no_answer_without_thresholds(demo_frames, start_loop):
    loop = start_loop(make_source(demo_frames, 0.01, []), BrightnessModel(), FACTS)
    wait_until(lambda: loop.prediction)
    assert loop.prediction.answer is None
