"""Values as C source text."""

import math

import pytest

from edgetl.core.microcontroller import c_text


def test_strings_have_octal_escapes():
    assert c_text.format_string('a"b') == r'"a\042b"'
    assert c_text.format_string("ö1\\\n?") == r'"\303\2661\134\012\077"'


def test_comments_end_where_they_should():
    assert c_text.format_comment("a */ b /* c\nö??") == "a * / b / * c?? ?" or "*/" not in c_text.format_comment("*/")
    assert "*/" not in c_text.format_comment("**//") and "\n" not in c_text.format_comment("a\nb")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_an_error(value):
    with pytest.raises(ValueError, match="cannot be a constant"):
        c_text.format_double(value)


def test_doubles_are_read_as_they_were():
    for value in (0.1, 1 / 3, 1e-300, 0.896484375, -5.0):
        assert float(c_text.format_double(value)) == value
    assert c_text.format_float(0.5) == "0.5f"


def test_integers_are_broken_into_lines():
    lines = c_text.format_integers(range(100)).splitlines()
    assert max(map(len, lines)) <= 116 and "".join(lines) == "".join(f"{value}," for value in range(100))
    assert c_text.format_integers([]) == ""
