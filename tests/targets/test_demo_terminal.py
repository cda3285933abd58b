"""demo_terminal.py: what its lines say, redrawn on a terminal and one by one elsewhere."""

import io
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def terminal(demo):
    return demo("demo_terminal")


STATE = {
    "labels": [["ox-eye ☼", 0.75], ["rose", 0.25]],
    "rate_hz": 29.97,
    "drops": 12,
    "latency_ms": {"capture": 3.14, "preprocess": 1.0, "invoke": 4.5, "postprocess": 0.1},
    "camera": {"name": "photos", "ok": True, "message": ""},
    "board": {"temperature_c": 61.25, "clock_hz": 1_800_000_000, "throttled": {"now": [], "since_boot": []}},
}


def test_the_lines(terminal):
    assert terminal.lines(STATE) == [
        f"  ox-eye ☼  {'█' * 18}{'░' * 6}   75.0%",
        f"  rose      {'█' * 6}{'░' * 18}   25.0%",
        "  30.0 frames/s, 12 dropped",
        "  capture 3.1, preprocess 1.0, invoke 4.5, postprocess 0.1 ms",
        "  61.2 °C, 1.80 GHz, not throttled",
        "  photos",
    ]
    assert terminal.line(STATE).startswith("ox-eye ☼ 75.0% · 30.0 frames/s, 12 dropped · capture 3.1")


def test_without_a_picture(terminal):
    nothing = {"temperature_c": None, "clock_hz": None, "throttled": None}
    camera = {"name": "camera", "ok": False, "message": "it was pulled"}
    state = {**STATE, "labels": [], "rate_hz": None, "latency_ms": {}, "camera": camera, "board": nothing}
    lines = ["no frames, 12 dropped", "no latencies", "throttling not known", "NO PICTURE (camera): it was pulled"]
    assert terminal.line(state) == " · ".join(lines)
    assert [line.strip() for line in terminal.lines(state)] == lines


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ({"now": ["throttled"], "since_boot": ["throttled"]}, "NOW: throttled"),
        ({"now": [], "since_boot": ["under-voltage", "throttled"]}, "since boot: under-voltage, throttled"),
    ],
)
def test_throttling(terminal, words, shown):
    assert terminal.throttling(words) == shown


def test_a_label_cannot_move_the_cursor(terminal):
    state = {**STATE, "labels": [["\x1b[2Jrose\x07", 1.0]]}
    assert "\x1b" not in terminal.line(state) and "?[2Jrose?" in "\n".join(terminal.lines(state))


def test_bars_stay_in_their_cells(terminal):
    assert {len(terminal.bar(value)) for value in (-1, 0, 0.5, 1, 2)} == {terminal.BAR_CELLS}


class Out(io.StringIO):
    def __init__(self, terminal: bool):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


def shown(terminal, *, tty: bool) -> str:
    turns = iter([False, False, True])
    demo = SimpleNamespace(
        loop=SimpleNamespace(stopped=SimpleNamespace(wait=lambda _: next(turns))), state=lambda: STATE
    )
    out = Out(tty)
    terminal.run(demo, out)
    return out.getvalue()


def test_on_a_terminal_it_is_redrawn_in_place(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = shown(terminal, tty=True)
    assert text.count("\x1b[6F\x1b[J") == 1 and text.startswith("\x1b[J")
    assert max(len(row) for row in text.replace("\x1b[6F", "").replace("\x1b[J", "").splitlines()) == 39


def test_elsewhere_it_is_a_line_each(terminal):
    text = shown(terminal, tty=False)
    assert "\x1b" not in text and text == f"{terminal.line(STATE)}\n" * 2
