"""rules.py: what --group-by accepts, and the group of a photo by its path."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.photos.groups.rules import find_path_group, parse_group_rule
from edgetl.core.photos.photo_folder import PhotoFile


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("folder", {"kind": "folder", "level": 1}),
        ("folder:2", {"kind": "folder", "level": 2}),
        ("exif:60s", {"kind": "exif", "gap_s": 60}),
        ("exif:90", {"kind": "exif", "gap_s": 90}),
        ("exif:5min", {"kind": "exif", "gap_s": 300}),
        ("exif:2h", {"kind": "exif", "gap_s": 7200}),
        ("exif:1d", {"kind": "exif", "gap_s": 86400}),
        ("csv:Plant id", {"kind": "csv", "column": "Plant id"}),
        (r"plant(\d+)", {"kind": "path", "pattern": r"plant(\d+)"}),
        ("(folder)", {"kind": "path", "pattern": "(folder)"}),
    ],
)
def test_rules(text, fields):
    rule = parse_group_rule(text)
    assert {name: getattr(rule, name) for name in fields} == fields and rule.text == text


@pytest.mark.parametrize(
    "text",
    ["", "folder:", "folder:0", "folder:x", "exif", "exif:", "exif:0s", "exif:1w", "csv:", "(", "(a+)+", "x" * 501],
)
def test_impossible_rules_are_refused(text):
    with pytest.raises(ConfigError, match="--group-by") as error:
        parse_group_rule(text)
    assert "exif:60s" in error.value.hint


CLASSES = ("daisy", "train")


@pytest.mark.parametrize(
    ("text", "path", "group"),
    [
        (r"plant(\d+)", "daisy/plant12_3.jpg", "12"),
        (r"plant\d+", "daisy/plant12_3.jpg", "plant12"),
        (r"plant(\d+)", "daisy/x.jpg", ""),
        (r"(x)|daisy", "daisy/1.jpg", ""),
        (r"^daisy/(\w+)/", "daisy/monday/1.jpg", "monday"),
        ("folder", "daisy/monday/cam1/1.jpg", "monday"),
        ("folder:2", "daisy/monday/cam1/1.jpg", "monday/cam1"),
        ("folder:3", "daisy/monday/cam1/1.jpg", ""),
        ("folder", "daisy/1.jpg", ""),
        ("folder", "data/daisy/monday/1.jpg", "monday"),
        # The class is in the file name or in a list.
        ("folder", "monday/daisy.1.jpg", "monday"),
    ],
)
def test_group_of_a_path(text, path, group):
    assert find_path_group(parse_group_rule(text), PhotoFile(path, 0, None), CLASSES) == group


def test_part_folder_is_no_class_folder():
    file = PhotoFile("train/train/monday/1.jpg", 1, "train")
    assert find_path_group(parse_group_rule("folder"), file, CLASSES) == "monday"
