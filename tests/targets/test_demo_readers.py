"""demo_readers.py with sources that fail, fall silent and hang: what is said, and that it goes on by itself."""

import threading
import time

import pytest


@pytest.fixture(scope="module")
def readers(demo):
    return demo("demo_readers")


@pytest.fixture(autouse=True)
def quick(readers, monkeypatch):
    monkeypatch.setattr(readers, "SILENCE_S", 0.2)
    monkeypatch.setattr(readers, "OPENING_S", 0.4)
    monkeypatch.setattr(readers, "RETRY_S", 0.05)


class Fake:
    """A source whose n-th opening does what the n-th function does; the last one's again and again."""

    def __init__(self, *openings):
        self.name = "fake"
        self.openings, self.opened, self.closed = list(openings), 0, 0

    def frames(self):
        does = self.openings[min(self.opened, len(self.openings) - 1)]
        self.opened += 1
        try:
            yield from does()
        finally:
            self.closed += 1


def steady(value="good", pause_s=0.01):
    while True:
        yield value
        time.sleep(pause_s)


@pytest.fixture
def running(readers):
    """Start a Camera on a source; it is stopped at the end."""
    stop, started = threading.Event(), []

    def start(source):
        seen: list[str] = []
        camera = readers.Camera(source, seen.append, stop)
        thread = threading.Thread(target=camera.run)
        thread.start()
        started.append((camera, thread))
        return camera, seen

    yield start
    stop.set()
    for camera, thread in started:
        thread.join(5)
        camera.close(1)
        assert not thread.is_alive()


def until(what, limit_s=5.0):
    end = time.perf_counter() + limit_s
    while not what():
        assert time.perf_counter() < end, "it did not happen"
        time.sleep(0.005)


def test_frames_arrive_and_all_is_well(running):
    camera, seen = running(Fake(steady))
    until(lambda: len(seen) > 3)
    assert camera.state() == {"name": "fake", "ok": True, "message": ""}


def test_a_source_that_fails_is_shown_and_opened_again(running, demo):
    error = demo("demo_frames").SourceError
    back = threading.Event()

    def fails():
        yield "first"
        raise error("it was pulled")

    def still_gone():
        if not back.is_set():
            raise error("it is still away")
        yield from steady("second")

    source = Fake(fails, still_gone)
    camera, seen = running(source)
    until(lambda: camera.state()["message"] == "it was pulled")
    until(lambda: camera.state() == {"name": "fake", "ok": False, "message": "it is still away"})
    opened = source.opened
    until(lambda: source.opened > opened + 1)
    back.set()
    until(lambda: "second" in seen)
    until(lambda: camera.state()["ok"])
    assert source.closed == source.opened - 1


def test_a_source_that_falls_silent_is_shown_and_opened_again(running):
    release = threading.Event()

    def hangs():
        yield "first"
        release.wait(10)
        yield "too late"

    gate = threading.Event()

    def waits():
        gate.wait(10)
        yield from steady("second")

    source = Fake(hangs, waits)
    camera, seen = running(source)
    until(lambda: "no picture for" in camera.state()["message"])
    gate.set()
    until(lambda: "second" in seen)
    release.set()
    until(lambda: source.closed == 1)
    assert camera.state()["ok"] and "too late" not in seen


def test_what_hangs_is_not_opened_without_end(running, readers):
    release = threading.Event()

    def hangs():
        release.wait(10)
        yield "too late"

    source = Fake(hangs, hangs, hangs, steady)
    camera, seen = running(source)
    until(lambda: source.opened == readers.STUCK_LIMIT)
    time.sleep(0.6)
    assert source.opened == readers.STUCK_LIMIT and not camera.state()["ok"] and not seen
    release.set()
    until(lambda: "good" in seen)
    assert "too late" not in seen


def test_before_the_first_picture(readers):
    camera = readers.Camera(Fake(steady), print, threading.Event())
    assert camera.state() == {"name": "fake", "ok": False, "message": "waiting for the first picture"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_foresaw_is_printed_shown_and_tried_again(running):
    def breaks():
        yield "first"
        raise ZeroDivisionError

    camera, seen = running(Fake(breaks, lambda: steady("second", 0.01)))
    until(lambda: "unforeseen" in camera.state()["message"] or "second" in seen)
    until(lambda: "second" in seen)


def test_a_source_that_ends_is_begun_again(running):
    _, seen = running(Fake(lambda: iter(["one", "two"])))
    until(lambda: seen.count("two") > 1)
    assert seen[:3] == ["one", "two", "one"]
