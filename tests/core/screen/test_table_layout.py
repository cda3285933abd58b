"""table_layout.py: tables fit their width, wrap at spaces only, and print every word in full where it fits."""

import pytest
from rich.cells import cell_len

from edgetl.core.screen.table_layout import lay_out_table, shorten_word, wrap_words


def lay_out(columns, rows, width=None) -> list[str]:
    header, lines = lay_out_table(columns, rows, width)
    return [*header.split("\n"), *lines]


def test_columns_of_numbers_are_aligned_to_the_right():
    rows = [["a", "+1.5", "1", "10 kB"], ["bcd", "-20", "x", "2 kB"]]
    assert lay_out(["name", "n", "mixed", "size"], rows) == [
        "name     n  mixed   size",
        "a     +1.5  1      10 kB",
        "bcd    -20  x       2 kB",
    ]
    # Columns without rows are text.
    assert lay_out(["n", "m"], []) == ["n  m"]


def test_without_a_width_nothing_is_wrapped():
    rows = [["x" * 150, "many words " * 30 + "end"]]
    assert lay_out(["a", "b"], rows)[1] == f"{rows[0][0]}  {rows[0][1]}"


def test_headings_are_wrapped_before_cells():
    rows = [["int8", "0.01", "one two three four"]]
    assert lay_out(["method", "largest difference", "which"], rows, 36) == [
        "method     largest  which",
        "        difference",
        "int8          0.01  one two three",
        "                    four",
    ]


def test_last_column_is_wrapped_before_other_columns():
    rows = [["near duplicate of a photo", "12", "daisy/1.jpg, daisy/2.jpg, daisy/3.jpg"]]
    assert lay_out(["why", "files", "which"], rows, 56) == [
        "why                        files  which",
        "near duplicate of a photo     12  daisy/1.jpg,",
        "                                  daisy/2.jpg,",
        "                                  daisy/3.jpg",
    ]


def test_other_columns_are_wrapped_where_the_last_is_not_enough():
    rows = [["near duplicate of a photo in the validation part", "12", "daisy/a-long-name-1.jpg, …"]]
    lines = lay_out(["why", "files", "which"], rows, 60)
    assert max(map(cell_len, lines)) <= 60
    assert " ".join(lines).split().count("duplicate") == 1 and "daisy/a-long-name-1.jpg," in " ".join(lines)


@pytest.mark.parametrize("width", [20, 37, 60, 80])
def test_no_line_is_longer_than_the_width(width):
    rows = [["class-" + "x" * 90, "1", "/a/very/long/path/" * 5], ["百合" * 40, "2", "short words only"]]
    lines = lay_out(["class", "photos", "which"], rows, width)
    assert max(map(cell_len, lines)) <= width


def test_word_without_room_is_shortened_in_its_middle():
    assert lay_out(["path"], [["/home/user/photos/daisy/1.jpg"]], 15)[1] == "/home/u…y/1.jpg"


@pytest.mark.parametrize(
    ("word", "width", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc…fg"), ("abc", 2, "a…"), ("百合百合百合", 7, "百…合")],
)
def test_shortened_word_fits(word, width, expected):
    assert shorten_word(word, width) == expected
    assert cell_len(shorten_word(word, width)) <= width


def test_lines_are_wrapped_at_spaces_only():
    assert wrap_words("one two three", 7) == ["one two", "three"]
    assert wrap_words("a " + "x" * 20 + " b", 7) == ["a", "x" * 20, "b"]
    assert wrap_words("", 7) == [""]


def test_control_characters_in_cells_are_escaped():
    text = "\n".join(lay_out(["c\x1b[1m"], [["\x1b[2Jdaisy\r\u202e"]], 80))
    assert r"c\x1b[1m" in text and r"\x1b[2Jdaisy\r\u202e" in text and "\x1b" not in text


def test_wide_letters_are_aligned():
    assert lay_out(["c", "n"], [["百合", "1"], ["ab", "2"]]) == ["c     n", "百合  1", "ab    2"]
