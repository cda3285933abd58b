"""printable.py: no text of a stranger controls the terminal, and ordinary text of all languages is unchanged."""

import json

import pytest

from edgetl.core.screen.printable import escape_controls, format_json_line

HOSTILE = {
    "\x1b[31m": r"\x1b[31m",
    "\x9b2J": r"\x9b2J",
    "a\rb": r"a\rb",
    "a\nPASS": r"a\nPASS",
    "\u202ecod.exe": r"\u202ecod.exe",
    "\u2066x\u2069": r"\u2066x\u2069",
    "\ufeffx": r"\ufeffx",
    "x\u2028y": r"x\u2028y",
    "\x00\x07\x08\x7f": r"\x00\x07\x08\x7f",
    "bad\udcff": r"bad\udcff",
    "\U000e0041": r"\U000e0041",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_escaped(text):
    assert escape_controls(text) == HOSTILE[text]


@pytest.mark.parametrize(
    "text", ["", "Gänseblümchen", "一二三", "\u0645\u06cc\u200c\u062e", "👩\u200d🌾", "a b\u00a0c", r"C:\x1b", "→ …"]
)
def test_ordinary_text_is_unchanged(text):
    assert escape_controls(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_json_has_no_control_character_and_the_same_value(text):
    line = format_json_line({text: [text]})
    assert json.loads(line) == {text: [text]}
    assert escape_controls(line) == line and "\n" not in line


def test_json_keeps_letters():
    assert format_json_line({"k": "ä"}) == '{"k": "ä"}'
