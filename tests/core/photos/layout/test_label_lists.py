"""label_lists.py: several labels of each photo, in columns of 0 and 1 or in one cell, and lists that are ambiguous."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.label_lists import find_rarest_labels, mark_labels, read_label_list, split_labels
from edgetl.core.photos.layout.photo_lists import is_photo_list, read_photo_list


@pytest.fixture
def make_list(tmp_path):
    def make(text: str, name: str = "list.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return make


def list_photos(file, separator="auto"):
    return [(photo.path, photo.labels) for photo in read_label_list(file, separator).photos]


@pytest.mark.parametrize("name", ["_classes.csv", "labels.csv"])
def test_each_column_of_0_and_1_is_a_label(make_list, name):
    text = "filename, cat, dog , a bird\n1.jpg,1,0,1\n.\\2.jpg,0,0,0\n3.jpg,True,1.0,false\n"
    labels = read_label_list(make_list(text, name), "auto")
    assert labels.names == ("cat", "dog", "a bird") and labels.notes == ()
    assert [photo.labels for photo in labels.photos] == [("cat", "a bird"), (), ("cat", "dog")]
    assert is_photo_list(make_list(text, name), multi_label=True)


def test_label_may_have_the_name_of_a_column_of_labels(make_list):
    assert read_label_list(make_list("path,target,class\n1.jpg,1,0\n"), "auto").names == ("target", "class")


def test_other_columns_are_named(make_list):
    labels = read_label_list(make_list("path,plant,split,a,b\n1.jpg,p1,train,1,0\n2.jpg,p2,val,0,1\n"), "auto")
    assert labels.names == ("a", "b") and labels.notes == (
        "columns of list.csv that are no labels, for want of 0 and 1: plant",
    )
    assert [photo.part for photo in labels.photos] == ["train", "validation"]


@pytest.mark.parametrize("value", ["", "-1", "-1.0", "NaN", "?"])
def test_unknown_label_is_refused_with_its_line(make_list, value):
    with pytest.raises(DataError, match="does not say for 1 photos whether they have the label b") as error:
        read_label_list(make_list(f"path,a,b\n1.jpg,1,0\n2.jpg,0,{value}\n"), "auto")
    assert error.value.where[0].endswith(f"list.csv:3: {value!r}")


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("a", ("a",)),
        ("traffic light; car;", ("traffic light", "car")),
        ("a|b|a", ("a", "b")),
        ("a, b", ("a", "b")),
        ("['a', \"b c\"]", ("a", "b c")),
        ("[]", ()),
        ("", ()),
        (" ; ", ()),
        ("cafe\u0301", ("caf\u00e9",)),
    ],
)
def test_cell_is_split_into_labels(cell, labels):
    assert split_labels(cell, "auto") == labels


def test_separator_can_be_given():
    assert split_labels("haze primary", "space") == ("haze", "primary")
    assert split_labels("salt, pepper", "semicolon") == ("salt, pepper",)
    assert split_labels("a|b c", "none") == ("a|b c",)


def test_all_labels_of_a_photo_in_one_cell(make_list):
    file = make_list('image,tags\n1.jpg,"a, b"\n2.jpg,\n3.jpg,traffic light\n')
    assert list_photos(file) == [("1.jpg", ("a", "b")), ("2.jpg", ()), ("3.jpg", ("traffic light",))]


def test_spaces_are_not_guessed(make_list):
    file = make_list("image_name,tags\n1.jpg,haze primary\n2.jpg,clear primary\n")
    with pytest.raises(DataError, match=r"spaces may separate labels in the list.*'haze primary'") as error:
        read_label_list(file, "auto")
    assert "--label-separator space" in error.value.hint
    assert list_photos(file, "space")[0] == ("1.jpg", ("haze", "primary"))
    assert list_photos(file, "none")[0] == ("1.jpg", ("haze primary",))


def test_spaces_are_part_of_names_where_a_photo_has_several_lines(make_list):
    assert list_photos(make_list("path,label\n1.jpg,red car\n1.jpg,tree\n")) == [
        ("1.jpg", ("red car",)),
        ("1.jpg", ("tree",)),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,a,note\n1.jpg,1,x\n", "1 columns of 0 and 1, and no column of labels; other columns: note"),
        ("path,a,a\n1.jpg,1,0\n", "two columns have the name a"),
        ("path,a,\n1.jpg,1,0\n", "a column of 0 and 1 has no name"),
    ],
)
def test_list_without_labels_is_refused(make_list, text, problem):
    with pytest.raises(DataError, match="the list has no labels") as error:
        read_label_list(make_list(text), "auto")
    assert problem in error.value.where


@pytest.mark.parametrize(
    ("text", "message"), [("path,a,b\n", "names no photo"), ("path,a,b\n1.jpg,1\n", "has 2 values")]
)
def test_broken_list_is_refused(make_list, text, message):
    with pytest.raises(DataError, match=message):
        read_label_list(make_list(text), "auto")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_classes.csv", "filename,a,b\n1.jpg,1,1\n2.jpg,0,1\n"),
        ("list.csv", "path,label\n1.jpg,a;b\n2.jpg,b\n"),
        ("list.csv", "path,label\n1.jpg,a|b\n2.jpg,b\n"),
        ("list.csv", "path,a,b\n1.jpg,1,1\n2.jpg,0,1\n"),
    ],
)
def test_list_with_several_labels_names_the_switch(make_list, name, text):
    with pytest.raises(DataError) as error:
        read_photo_list(make_list(text, name))
    assert "--multi-label" in error.value.hint


def test_a_mistake_in_a_list_of_classes_is_left_out(make_list):
    lines = "".join(f"{number}.jpg,0,1\n" for number in range(40))
    photos = read_photo_list(make_list(f"filename,a,b\n{lines}x.jpg,1,1\n", "_classes.csv"))
    assert photos[-1].problem == "2 labels in the list"


def test_labels_are_marked_and_the_rarest_of_each_photo_is_known():
    rows = [mark_labels({0, 1}, 3), mark_labels([], 3), mark_labels((1, 2), 3), mark_labels((1,), 3)]
    assert rows == [(1, 1, 0), (0, 0, 0), (0, 1, 1), (0, 1, 0)]
    # A photo without labels has the number of labels.
    assert find_rarest_labels(rows) == [0, 3, 2, 1]
