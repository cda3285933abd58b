"""demo_readers.py with sources that fail, stop delivering frames, or hang: the message, and that they are reopened."""

import threading
import time

import pytest


@pytest.fixture(scope="module")
def demo_readers(import_payload):
    return import_payload("demo_readers")


@pytest.fixture(autouse=True)
def short_times(demo_readers, monkeypatch):
    """Detect silence within fractions of a second."""
    monkeypatch.setattr(demo_readers, "SILENCE_S", 0.2)
    monkeypatch.setattr(demo_readers, "OPENING_S", 0.4)
    monkeypatch.setattr(demo_readers, "RETRY_S", 0.05)
    monkeypatch.setattr(demo_readers, "POLL_S", 0.02)


class FakeSource:
    """A source whose n-th opening runs the n-th generator function; the last one is used for all later openings."""

    def __init__(self, *openings):
        self.name = "fake"
        self.openings, self.opened, self.closed = list(openings), 0, 0

    def open_frames(self):
        generate = self.openings[min(self.opened, len(self.openings) - 1)]
        self.opened += 1
        try:
            yield from generate()
        finally:
            self.closed += 1


def repeat(frame="good"):
    while True:
        yield frame
        time.sleep(0.01)


@pytest.fixture
def supervise(demo_readers):
    """Start a SupervisedSource; it is stopped at the end of the test."""
    stop, started = threading.Event(), []

    def start(source):
        frames: list[str] = []
        supervised = demo_readers.SupervisedSource(source, frames.append, stop)
        thread = threading.Thread(target=supervised.run)
        thread.start()
        started.append((supervised, thread))
        return supervised, frames

    yield start
    stop.set()
    for supervised, thread in started:
        thread.join(30)
        supervised.close(1)
        assert not thread.is_alive()


def wait_until(condition, timeout_s=30.0):
    deadline = time.perf_counter() + timeout_s
    while not condition():
        assert time.perf_counter() < deadline, "the condition did not become true"
        time.sleep(0.005)


def test_state_is_ok_while_frames_arrive(supervise, demo_readers, monkeypatch):
    monkeypatch.setattr(demo_readers, "SILENCE_S", 30.0)
    supervised, frames = supervise(FakeSource(repeat))
    wait_until(lambda: len(frames) > 3)
    assert supervised.get_state() == {"name": "fake", "ok": True, "message": ""}


def test_failed_source_is_reported_and_reopened(supervise, import_payload, demo_readers, monkeypatch):
    monkeypatch.setattr(demo_readers, "OPENING_S", 30.0)
    error = import_payload("demo_frames").SourceError
    reopening_allowed, connected = threading.Event(), threading.Event()

    def fail_after_one_frame():
        yield "first"
        raise error("it was disconnected")

    def fail_until_connected():
        reopening_allowed.wait(60)
        if not connected.is_set():
            raise error("it is still disconnected")
        yield from repeat("second")

    source = FakeSource(fail_after_one_frame, fail_until_connected)
    supervised, frames = supervise(source)
    wait_until(lambda: supervised.get_state()["message"] == "it was disconnected")
    reopening_allowed.set()
    expected = {"name": "fake", "ok": False, "message": "it is still disconnected"}
    wait_until(lambda: supervised.get_state() == expected)
    opened = source.opened
    wait_until(lambda: source.opened > opened + 1)
    connected.set()
    wait_until(lambda: "second" in frames)
    wait_until(lambda: supervised.get_state()["ok"])
    assert source.closed == source.opened - 1


def test_silent_source_is_reported_and_reopened(supervise):
    release, opening_allowed = threading.Event(), threading.Event()

    def hang_after_one_frame():
        yield "first"
        release.wait(60)
        yield "too late"

    def wait_for_permission():
        opening_allowed.wait(60)
        yield from repeat("second")

    source = FakeSource(hang_after_one_frame, wait_for_permission)
    supervised, frames = supervise(source)
    wait_until(lambda: "no frame for" in supervised.get_state()["message"])
    opening_allowed.set()
    wait_until(lambda: "second" in frames)
    release.set()
    wait_until(lambda: source.closed >= 1)
    wait_until(lambda: supervised.get_state()["ok"])
    assert "too late" not in frames


def test_hanging_source_is_opened_a_limited_number_of_times(supervise, demo_readers, monkeypatch):
    release = threading.Event()
    waits_at_limit = []

    def hang():
        release.wait(60)
        yield "too late"

    source = FakeSource(hang, hang, hang, repeat)
    supervised, frames = supervise(source)
    wait_until(lambda: source.opened == demo_readers.STUCK_LIMIT)
    # Each round of run() waits once: further rounds at the limit must not open the source.
    wait = supervised._stop.wait
    monkeypatch.setattr(supervised._stop, "wait", lambda timeout: waits_at_limit.append(timeout) or wait(timeout))
    wait_until(lambda: len(waits_at_limit) > 5)
    assert source.opened == demo_readers.STUCK_LIMIT and not supervised.get_state()["ok"] and not frames
    release.set()
    wait_until(lambda: "good" in frames)
    assert "too late" not in frames


def test_state_before_the_first_frame_is_waiting(demo_readers):
    supervised = demo_readers.SupervisedSource(FakeSource(repeat), print, threading.Event())
    assert supervised.get_state() == {"name": "fake", "ok": False, "message": "waiting for the first frame"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_unexpected_exception_is_printed_reported_and_the_source_reopened(supervise, demo_readers, monkeypatch):
    monkeypatch.setattr(demo_readers, "OPENING_S", 30.0)
    printed, reopening_allowed = [], threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: printed.append(arguments.exc_type))

    def fail_after_one_frame():
        yield "first"
        raise ZeroDivisionError

    def wait_for_permission():
        reopening_allowed.wait(60)
        yield from repeat("second")

    supervised, frames = supervise(FakeSource(fail_after_one_frame, wait_for_permission))
    wait_until(lambda: "failed unexpectedly" in supervised.get_state()["message"])
    assert printed == [ZeroDivisionError]
    reopening_allowed.set()
    wait_until(lambda: "second" in frames)
    wait_until(lambda: supervised.get_state()["ok"])


def test_source_that_ends_is_opened_again(supervise):
    _, frames = supervise(FakeSource(lambda: iter(["one", "two"])))
    wait_until(lambda: frames.count("two") > 1)
    assert frames[:3] == ["one", "two", "one"]
