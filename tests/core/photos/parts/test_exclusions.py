"""Photos that a CSV file names are left out of a folder, and nothing else is."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.parts.exclusions import exclude_photos, read_exclusions
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.records import LeftOut
from edgetl.core.report.left_out import format_left_out

NAMES = (
    "a/1.jpg",
    "a/two words.jpg",
    "a/=3.jpg",
    'a/qu"ote;,.jpg',
    "b/line\nbreak.jpg",
    "-b/4.jpg",
    "b/ü.jpg",
    "b/5.jpg ",
)


@pytest.fixture
def folder(tmp_path):
    files = tuple(PhotoFile(name, 0, None) for name in NAMES)
    return PhotoFolder(tmp_path, ("a", "b"), (), files, (LeftOut(path="a/notes.txt", reason=".txt"),))


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "suspects.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_named_photos_are_left_out_with_the_file_as_reason(folder, write):
    rest = exclude_photos(folder, write("path,label\na/1.jpg,a\nb/ü.jpg,b\na/1.jpg,a\n\n"))
    assert [file.path for file in rest.files] == [name for name in NAMES if name not in ("a/1.jpg", "b/ü.jpg")]
    assert rest.left_out[1:] == (
        LeftOut(path="a/1.jpg", reason="excluded by suspects.csv"),
        LeftOut(path="b/ü.jpg", reason="excluded by suspects.csv"),
    )
    assert rest.classes == folder.classes


def test_every_name_survives_the_way_through_a_file(folder, write):
    text = format_left_out([LeftOut(path=name, reason="") for name in NAMES])
    assert exclude_photos(folder, write(text)).files == ()


@pytest.mark.parametrize(
    "text",
    [
        "PATH;label\r\na/1.jpg;a\r\n",
        "\ufefflabel\tPath\nx\ta/1.jpg\n",
        "path\n./a/1.jpg\n",
        "path\na\\1.jpg\n",
        "path\n a/1.jpg\n",
    ],
)
def test_spreadsheets_and_systems_write_the_same_file_in_other_ways(folder, write, text):
    assert "a/1.jpg" not in exclude_photos(folder, write(text)).paths


def test_absolute_path_names_a_photo_of_the_folder(folder, write):
    assert "a/1.jpg" not in exclude_photos(folder, write(f"path\n{folder.root}/a/1.jpg\n")).paths


def test_file_without_photos_excludes_nothing(folder, write):
    assert exclude_photos(folder, write("path,label\n")) == folder


def test_file_that_is_left_out_already_may_be_named(folder, write):
    assert exclude_photos(folder, write("path\na/notes.txt\n")) == folder


def test_unknown_paths_are_an_error_that_names_the_first_five(folder, write):
    with pytest.raises(DataError, match="7 paths are not among the photos") as caught:
        exclude_photos(folder, write("path\na/1.jpg\n" + "".join(f"x{number}.jpg\n" for number in range(7))))
    where = caught.value.where
    assert where[2:] == (*(f"x{number}.jpg" for number in range(5)), "and 2 more") and "PHOTOS" in caught.value.hint
    with pytest.raises(DataError, match="one path is not among the photos"):
        exclude_photos(folder, write("path\n../a/1.jpg\n"))


@pytest.mark.parametrize(
    ("text", "encoding", "message"),
    [
        ("", "utf-8", "no column path"),
        ("a/1.jpg\n", "utf-8", "no column path"),
        ("path\nb/ü.jpg\n", "latin-1", "not a CSV file in UTF-8"),
        ('path\n"a/1.jpg\n', "utf-8", "not a CSV file in UTF-8"),
        ("label,path\na\n", "utf-8", "lines without a path"),
    ],
)
def test_file_that_is_no_such_list_is_an_error(write, text, encoding, message):
    with pytest.raises(DataError, match=message):
        read_exclusions(write(text, encoding))


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_exclusions(tmp_path / "missing.csv")
