"""demo_log.py: bad requests do not fill the log, and errors of the demo keep their traceback."""

import io
import logging
import sys

import pytest


@pytest.fixture(scope="module")
def demo_log(import_payload):
    return import_payload("demo_log")


class Log:
    """A LimitedHandler whose clock the test sets."""

    def __init__(self, demo_log):
        self.now_s = 100.0
        self.out = io.StringIO()
        self.handler = demo_log.LimitedHandler((ConnectionError,), self.out, lambda: self.now_s)

    def write(self, text, error=None):
        info = (type(error), error, error.__traceback__) if error else None
        self.handler.handle(logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, text, (), info))

    def lines(self):
        return self.out.getvalue().splitlines()


@pytest.fixture
def log(demo_log):
    return Log(demo_log)


def test_error_of_a_request_is_one_line_without_a_traceback(log):
    log.write("Error handling request", ConnectionResetError("reset\nby \x1b[2Jpeer"))
    assert log.lines() == ["Error handling request: ConnectionResetError: reset by ?[2Jpeer"]


def test_error_of_the_demo_keeps_its_traceback(log):
    try:
        raise ZeroDivisionError("a defect")
    except ZeroDivisionError as error:
        log.write("Error handling request", error)
    assert log.lines()[0].endswith("ZeroDivisionError: a defect") and "Traceback" in log.lines()[1]


def test_many_messages_are_counted_instead_of_printed(log, demo_log):
    for index in range(1000):
        log.write(f"message {index}")
    assert log.lines() == [f"message {index}" for index in range(demo_log.LINES_PER_INTERVAL)]
    log.now_s += demo_log.INTERVAL_S
    log.write("later")
    assert log.lines()[-2:] == ["995 more messages of the web server in 10 s", "later"]
    log.write("x" * 1000)
    assert len(log.lines()[-1]) == demo_log.LENGTH


def test_loggers_of_the_server_have_no_other_handler(demo_log, monkeypatch, capsys):
    for name in ("aiohttp", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    demo_log.limit_messages((ConnectionError,))
    logging.getLogger("aiohttp.server").error("bad request")
    logging.getLogger("asyncio").info("not shown")
    assert capsys.readouterr().err == "bad request\n" and sys.stderr is not None
