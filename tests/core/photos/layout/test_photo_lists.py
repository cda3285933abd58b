"""photo_lists.py: CSV files with labels, and files that are none."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.photo_lists import ListedPhoto, is_photo_list, read_list_column, read_photo_list


@pytest.fixture
def make_list(tmp_path):
    def make(text: str, name: str = "list.csv"):
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return tmp_path / name

    return make


@pytest.mark.parametrize("header", ["path,label", "Filename;Class", "image_path\tspecies", '"file","category"'])
def test_columns_are_found_by_their_names(make_list, header):
    delimiter = next(mark for mark in ",;\t" if mark in header)
    file = make_list(f"{header}\na b.jpg{delimiter}x\n")
    assert is_photo_list(file) and read_photo_list(file) == (ListedPhoto("a b.jpg", "x", None),)


def test_paths_of_windows_and_empty_labels(make_list):
    photos = read_photo_list(make_list('path,label\r\nx\\1.jpg,a\r\n./2.jpg,\r\n\r\n"3,4.jpg",b\r\n'))
    assert [(photo.path, photo.label, photo.problem) for photo in photos] == [
        ("x/1.jpg", "a", ""),
        ("2.jpg", "", "no label in the list"),
        ("3,4.jpg", "b", ""),
    ]


def test_one_hot_list_names_the_class_of_each_photo(make_list):
    photos = read_photo_list(make_list("filename, a, b\n1.jpg,0,1\n2.jpg,0,0\n", "_classes.csv"))
    assert [(photo.label, photo.problem) for photo in photos] == [("b", ""), ("", "0 labels in the list")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no path and label columns"),
        ("id,breed\n1,x\n", "no path and label columns"),
        ("path,label\n", "names no photo"),
        ("path,label\n1.jpg\n", "has 1 values, the first line 2 names"),
        ("path,label,part\n1.jpg,a,spare\n", "unknown part 'spare'"),
        (b"\xff\xfe\x00", "not a CSV file in UTF-8"),
        ('path,label\n"1.jpg,a\n', "not a CSV file in UTF-8"),
    ],
)
def test_file_that_is_no_list_is_refused(make_list, text, message):
    with pytest.raises(DataError, match=message):
        read_photo_list(make_list(text))


def test_other_csv_files_are_no_lists(make_list):
    assert not is_photo_list(make_list("time,value\n1,2\n"))
    assert not is_photo_list(make_list(b"\xff\xfe\x00"))


def test_column_is_read_by_its_name_in_any_case(tmp_path):
    file = tmp_path / "photos.csv"
    file.write_text("Path,label, Plant \n./1.jpg,a, p1\nsub\\2.jpg,b,\n")
    assert read_list_column(file, "plant") == {"1.jpg": "p1", "sub/2.jpg": ""}
    with pytest.raises(DataError, match="no column 'leaf'") as error:
        read_list_column(file, "leaf")
    assert error.value.hint == "its columns are Path, label, Plant"
