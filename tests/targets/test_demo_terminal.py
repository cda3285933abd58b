"""demo_terminal.py: the text of its lines, redrawn on a terminal and appended elsewhere."""

import io
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def demo_terminal(import_payload):
    return import_payload("demo_terminal")


STATE = {
    "number": 7,
    "several_labels": False,
    "answer": None,
    "labels": [["ox-eye ☼", 0.75], ["rose", 0.25]],
    "photo": {"name": "", "true_label": ""},
    "rate_hz": 29.97,
    "drops": 12,
    "latency_ms": {"capture": 3.14, "preprocess": 1.0, "invoke": 4.5, "postprocess": 0.1},
    "camera": {"name": "photos", "ok": True, "message": ""},
    "board": {"temperature_c": 61.25, "clock_hz": 1_800_000_000, "throttled": {"now": [], "since_boot": []}},
}


def test_lines_contain_labels_rate_latency_board_and_source(demo_terminal):
    assert demo_terminal.format_lines(STATE) == [
        f"  ox-eye ☼  {'█' * 18}{'░' * 6}   75.0%",
        f"  rose      {'█' * 6}{'░' * 18}   25.0%",
        "  30.0 frames/s, 12 dropped",
        "  capture 3.1, preprocess 1.0, invoke 4.5, postprocess 0.1 ms",
        "  61.2 °C, 1.80 GHz, not throttled",
        "  photos",
    ]
    assert demo_terminal.format_line(STATE).startswith("ox-eye ☼ 75.0% · 30.0 frames/s, 12 dropped · capture 3.1")


def test_without_frames_the_reason_is_shown(demo_terminal):
    unknown = {"temperature_c": None, "clock_hz": None, "throttled": None}
    camera = {"name": "camera", "ok": False, "message": "it was disconnected"}
    state = {**STATE, "labels": [], "rate_hz": None, "latency_ms": {}, "camera": camera, "board": unknown}
    texts = ["no frames, 12 dropped", "no latencies", "throttling unknown", "NO FRAME (camera): it was disconnected"]
    assert demo_terminal.format_line(state) == " · ".join(texts)
    assert [line.strip() for line in demo_terminal.format_lines(state)] == texts


@pytest.mark.parametrize(
    ("photo", "text"),
    [
        (None, ""),
        ({"name": "", "true_label": ""}, ""),
        ({"name": "a.jpg", "true_label": ""}, "a.jpg"),
        ({"name": "ox-eye ☼/a.jpg", "true_label": "ox-eye ☼"}, "ox-eye ☼/a.jpg, true class ox-eye ☼: right"),
        ({"name": "rose/\x1b[2J.jpg", "true_label": "rose"}, "rose/?[2J.jpg, true class rose: wrong"),
    ],
)
def test_photo_is_shown_with_its_name_and_its_true_class(demo_terminal, photo, text):
    state = {**STATE, "photo": photo}
    assert demo_terminal.format_photo(state) == text
    assert (f" · {text} · " in demo_terminal.format_line(state)) == bool(text)
    assert (f"  photo {text}" in demo_terminal.format_lines(state)) == bool(text)


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ({"now": ["throttled"], "since_boot": ["throttled"]}, "NOW: throttled"),
        ({"now": [], "since_boot": ["under-voltage", "throttled"]}, "since boot: under-voltage, throttled"),
    ],
)
def test_throttling_now_is_shown_before_throttling_since_boot(demo_terminal, conditions, text):
    assert demo_terminal.format_throttling(conditions) == text


def test_control_characters_of_a_label_are_replaced(demo_terminal):
    state = {**STATE, "labels": [["\x1b[2Jrose\x07", 1.0]]}
    assert "\x1b" not in demo_terminal.format_line(state)
    assert "?[2Jrose?" in "\n".join(demo_terminal.format_lines(state))


def test_bars_have_the_same_length_for_every_probability(demo_terminal):
    assert {len(demo_terminal.format_bar(value)) for value in (-1, 0, 0.5, 1, 2)} == {demo_terminal.BAR_CELLS}


class Output(io.StringIO):
    """A text stream that is a terminal, or not."""

    def __init__(self, is_terminal: bool):
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal


def show_twice(demo_terminal, *, is_terminal: bool) -> str:
    waits = iter([False, False, True])
    demo = SimpleNamespace(
        loop=SimpleNamespace(stopped=SimpleNamespace(wait=lambda _: next(waits))), get_state=lambda: STATE
    )
    output = Output(is_terminal)
    demo_terminal.show_in_terminal(demo, output)
    return output.getvalue()


def test_lines_are_redrawn_in_place_on_a_terminal(demo_terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = show_twice(demo_terminal, is_terminal=True)
    assert text.count("\x1b[6F\x1b[J") == 1 and text.startswith("\x1b[J")
    assert max(len(row) for row in text.replace("\x1b[6F", "").replace("\x1b[J", "").splitlines()) == 39


def test_one_line_per_state_is_appended_elsewhere(demo_terminal):
    text = show_twice(demo_terminal, is_terminal=False)
    assert "\x1b" not in text and text == f"{demo_terminal.format_line(STATE)}\n" * 2


def test_all_labels_of_a_frame_are_shown_or_none(demo_terminal):
    several = {**STATE, "several_labels": True, "photo": {"name": "1.jpg", "true_label": "rose"}}
    line = demo_terminal.format_line(several)
    assert line.startswith("ox-eye ☼ 75.0%, rose 25.0% · 1.jpg, label rose: found · ")
    without = {**several, "labels": []}
    assert demo_terminal.format_line(without).startswith("none · 1.jpg, label rose: not found · ")
    assert demo_terminal.format_lines(without)[0] == "  none"
    # Before the first frame nothing is known.
    assert "none" not in demo_terminal.format_line({**without, "number": 0})


UNSURE = {
    "accepted": False,
    "known": True,
    "text": "unsure: ox-eye ☼ or rose",
    "reason": "probability 75.0%, a label needs 90.0%",
}
NONE = {"accepted": False, "known": False, "text": "none of these", "reason": "similarity 0.412, a label needs 0.650"}


def test_unsure_frame_has_the_reason_and_the_labels(demo_terminal):
    state = {**STATE, "answer": UNSURE}
    lines = demo_terminal.format_lines(state)
    assert lines[0] == "  unsure: ox-eye ☼ or rose (probability 75.0%, a label needs 90.0%)"
    assert lines[1:] == demo_terminal.format_lines(STATE)
    assert demo_terminal.format_line(state).startswith(f"{lines[0].strip()} · 30.0 frames/s")


def test_frame_that_shows_none_of_the_labels_has_no_bars(demo_terminal):
    state = {**STATE, "answer": NONE}
    lines = demo_terminal.format_lines(state)
    assert lines[0] == "  none of these (similarity 0.412, a label needs 0.650)"
    assert lines[1:] == demo_terminal.format_lines(STATE)[2:]
    assert demo_terminal.format_line(state).startswith(f"{lines[0].strip()} · 30.0 frames/s")


def test_label_is_shown_as_without_thresholds(demo_terminal):
    state = {**STATE, "answer": {"accepted": True, "known": True, "text": "ox-eye ☼", "reason": ""}}
    assert demo_terminal.format_lines(state) == demo_terminal.format_lines(STATE)
    assert demo_terminal.format_line(state) == demo_terminal.format_line(STATE)


@pytest.mark.parametrize(("answer", "text"), [(UNSURE, "unsure"), (NONE, "none of these")])
def test_photo_without_a_label_is_neither_right_nor_wrong(demo_terminal, answer, text):
    state = {**STATE, "photo": {"name": "1.jpg", "true_label": "rose"}, "answer": answer}
    assert demo_terminal.format_photo(state) == f"1.jpg, true class rose: {text}"
    assert demo_terminal.format_photo({**state, "several_labels": True}) == f"1.jpg, label rose: {text}"
