"""left_out.py: reasons with their numbers and first files, and a CSV file that no name can break."""

import csv
import io

import pytest

from edgetl.core.records import LeftOut
from edgetl.core.report.left_out import count_reasons, describe_left_out, format_left_out, tabulate_left_out


def make_files(reasons: dict[str, str]) -> list[LeftOut]:
    return [LeftOut(path=path, reason=reason) for path, reason in reasons.items()]


FILES = make_files(
    {
        "a/1.jpg": "same photo as a/0.jpg",
        "a/2.jpg": "same photo as b/9 in it.jpg",
        "a/3.jpg": "near duplicate of a/0 in b.jpg in train",
        "a/4.jpg": "near duplicate of a/7.jpg in train",
        "a/5.jpg": "near duplicate of a/7.jpg in validation",
        "a/6.txt": "no photo",
        "a/7.jpg": "of group plant 7, also in train",
        "a/8.jpg": "of group plant 8, also in train",
        **{f"b/{number}.jpg": "truncated" for number in range(7)},
    }
)


def test_files_are_grouped_by_reason_and_the_most_frequent_reason_is_first():
    title, columns, rows = tabulate_left_out(FILES)
    assert title == "15 files are left out" and columns == ["why", "files", "which"]
    assert rows == [
        ["truncated", "7", "b/0.jpg, b/1.jpg, b/2.jpg, b/3.jpg, b/4.jpg, …"],
        ["near duplicate of a photo in train", "2", "a/3.jpg, a/4.jpg"],
        ["of a group that is also in train", "2", "a/7.jpg, a/8.jpg"],
        ["same photo as another, counted once", "2", "a/1.jpg, a/2.jpg"],
        ["near duplicate of a photo in validation", "1", "a/5.jpg"],
        ["no photo", "1", "a/6.txt"],
    ]
    assert list(count_reasons(FILES).values()) == [7, 2, 2, 2, 1, 1]


def test_photo_in_two_classes_has_a_reason_of_its_own():
    title, _, rows = tabulate_left_out(make_files({"a/1.jpg": "same photo also under b"}))
    assert title == "one file is left out"
    assert rows == [["same photo also under b", "1", "a/1.jpg"]]


def test_sizes_of_large_photos_make_one_reason():
    files = make_files({f"{size}.png": f"{size} megapixels: over the limit of 100" for size in (120, 800)})
    assert count_reasons(files) == {"more megapixels: over the limit of 100": 2}


def test_many_reasons_do_not_fill_the_screen():
    files = make_files({f"{number}.x": f".x{number}: not a photo" for number in range(40)})
    rows = tabulate_left_out(files)[2]
    assert len(rows) == 13 and rows[-1] == ["28 further reasons", "28", ""]


def test_sentence_has_the_most_frequent_reasons():
    assert describe_left_out(FILES) == (
        "15 files are left out: 7 truncated; 2 near duplicate of a photo in train; 2 of a group that is also in train; "
        "3 further reasons"
    )
    assert describe_left_out(FILES[5:6]) == "one file is left out: 1 no photo"


def read_back(files: list[LeftOut]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(format_left_out(files))))


def test_csv_has_a_line_for_each_file_and_can_be_read_back():
    files = make_files({"a/1.jpg": "empty file", 'b/"x", y.jpg': "truncated", "c;=1+1.jpg": "truncated"})
    assert read_back(files) == [["path", "reason"], *([file.path, file.reason] for file in files)]
    assert format_left_out(files).startswith('"path","reason"\n"a/1.jpg","empty file"\n')
    assert format_left_out([]) == '"path","reason"\n'


@pytest.mark.parametrize("name", ["=HYPERLINK(1).jpg", "+1.jpg", "-1.jpg", "@SUM(A1).jpg", "=a/b.jpg"])
def test_path_that_begins_as_a_formula_is_the_same_path_with_dot_and_slash(name):
    assert read_back(make_files({name: "truncated"}))[1] == [f"./{name}", "truncated"]


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\x1b", "\u202e", "\x00"])
def test_control_characters_are_escaped_so_that_each_file_has_one_line(character):
    text = format_left_out(make_files({f"a{character}=1.jpg": "truncated"}))
    assert text.count("\n") == 2 and character not in text.removesuffix("\n").partition("\n")[2]


def test_reason_that_begins_as_a_formula_is_text():
    assert read_back(make_files({"a.jpg": "=1: not a photo"}))[1] == ["a.jpg", "'=1: not a photo"]
