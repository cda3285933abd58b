"""photo_groups.py: groups by path, folder, EXIF and CSV column, and rules that find none."""

from pathlib import Path

import pytest
from PIL import Image

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.photos.groups.photo_groups import group_photos
from edgetl.core.photos.groups.rules import parse_group_rule
from edgetl.core.photos.photo_folder import scan_photos


def make_files(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    return root


def group(source: Path, text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    folder = group_photos(scan_photos(source), source, parse_group_rule(text))
    return {file.path: file.group for file in folder.files}, folder.notes


def test_photos_without_a_group_are_named(tmp_path):
    make_files(tmp_path, "a/p1_1.jpg", "a/p1_2.jpg", "b/p2_1.jpg", "b/other.jpg")
    groups, notes = group(tmp_path, r"p(\d)")
    assert groups == {"a/p1_1.jpg": "1", "a/p1_2.jpg": "1", "b/p2_1.jpg": "2", "b/other.jpg": ""}
    assert notes == (r"--group-by p(\d) finds no group for 1 photos: b/other.jpg",)


def test_folders_below_the_classes_are_groups(tmp_path):
    make_files(tmp_path, "a/mon/1.jpg", "a/tue/1.jpg", "b/mon/1.jpg", "b/2.jpg")
    assert group(tmp_path, "folder")[0] == {
        "a/mon/1.jpg": "mon",
        "a/tue/1.jpg": "tue",
        "b/mon/1.jpg": "mon",
        "b/2.jpg": "",
    }


def test_exif_times_are_groups(tmp_path):
    for name, time in {"a/1.jpg": "12:00:00", "a/2.jpg": "12:00:30", "b/3.jpg": "18:00:00"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2024:05:06 {time}"
        Image.new("RGB", (8, 8)).save(tmp_path / name, exif=exif)
    names = list(group(tmp_path, "exif:60s")[0].values())
    assert names == ["2024-05-06 12:00:00", "2024-05-06 12:00:00", "2024-05-06 18:00:00"]


@pytest.mark.parametrize("source", ["photos.csv", "."])
def test_column_of_the_list_is_the_group(tmp_path, source):
    make_files(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    (tmp_path / "photos.csv").write_text("path,label,Plant\n./1.jpg,a,p1\n2.jpg,b, p1 \n3.jpg,b,\n")
    groups, notes = group(tmp_path / source, "csv:plant")
    assert groups == {"1.jpg": "p1", "2.jpg": "p1", "3.jpg": ""} and "1 photos: 3.jpg" in notes[-1]


def test_unknown_column_names_the_columns(tmp_path):
    make_files(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "photos.csv").write_text("path,label\n1.jpg,a\n2.jpg,b\n")
    with pytest.raises(DataError, match="no column 'plant'") as error:
        group(tmp_path / "photos.csv", "csv:plant")
    assert "path, label" in error.value.hint


def test_column_needs_a_list(tmp_path):
    with pytest.raises(DataError, match="needs photos listed in a CSV file"):
        group(make_files(tmp_path, "a/1.jpg", "b/1.jpg"), "csv:plant")


@pytest.mark.parametrize("text", ["folder", "exif:60s", "plant"])
def test_rule_that_finds_no_group_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match="finds no group for any of 2 photos"):
        group(make_files(tmp_path, "a/1.jpg", "b/1.jpg"), text)
