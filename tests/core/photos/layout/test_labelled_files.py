"""labelled_files.py: the class of each file, and the reasons of files that are left out."""

from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.folders import find_layout
from edgetl.core.photos.layout.label_lists import read_label_list
from edgetl.core.photos.layout.labelled_files import (
    LabelledFile,
    collect_from_folders,
    collect_from_lists,
    collect_from_names,
    find_lists,
)
from edgetl.core.photos.layout.tree import read_tree


@pytest.fixture
def write_files(tmp_path):
    def write(**contents: str) -> Path:
        for name, text in contents.items():
            path = tmp_path / name.replace("__", "/").replace("_csv", ".csv").replace("_jpg", ".jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_class_is_the_folder_at_any_depth(write_files):
    root = write_files(a__x__1_jpg="", b__2_jpg="", stray_jpg="")
    tree = read_tree(root).root
    files = {file.path: file for file in collect_from_folders(root, tree, find_layout(tree))}
    assert files == {
        "a/x/1.jpg": LabelledFile("a/x/1.jpg", "a", None),
        "b/2.jpg": LabelledFile("b/2.jpg", "b", None),
        "stray.jpg": LabelledFile("stray.jpg", "", None, "not in a class folder"),
    }


def test_class_in_the_name_is_independent_of_the_folder(write_files):
    root = write_files(x__cat1_jpg="", x__y__dog2_jpg="")
    files = collect_from_names(root, find_layout(read_tree(root).root, class_folders=False))
    assert [(file.path, file.class_name) for file in files] == [("x/cat1.jpg", "cat"), ("x/y/dog2.jpg", "dog")]


def test_photo_with_two_labels_in_a_list_is_left_out(write_files):
    others = "".join(f"{number}.jpg,a\n" for number in range(30))
    root = write_files(
        one_jpg="", two_jpg="", list_csv="path,label\none.jpg,a\none.jpg,b\ntwo.jpg,a\ntwo.jpg,a\n" + others
    )
    assert collect_from_lists(root, [root / "list.csv"])[:2] == [
        LabelledFile("one.jpg", "", None, "listed as a and as b"),
        LabelledFile("two.jpg", "a", None),
    ]


def test_list_of_photos_with_several_labels_names_the_switch(write_files):
    root = write_files(one_jpg="", two_jpg="", list_csv="path,label\none.jpg,a\none.jpg,b\none.jpg,c\ntwo.jpg,a\n")
    with pytest.raises(DataError, match="1 of 2 photos have several labels") as error:
        collect_from_lists(root, [root / "list.csv"])
    assert "--multi-label" in error.value.hint and "one.jpg: listed as a and as b and as c" in error.value.where


def test_lines_about_one_photo_are_joined_with_their_labels(write_files):
    root = write_files(one_jpg="", two_jpg="", list_csv="path,label\none.jpg,a\none.jpg,b;c\ntwo.jpg,\n")
    files = collect_from_lists(root, [root / "list.csv"], lambda file: read_label_list(file, "auto").photos)
    assert [(file.path, file.class_name, file.labels, file.reason) for file in files] == [
        ("one.jpg", "", ("a", "b", "c"), ""),
        ("two.jpg", "", (), ""),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\ngone.jpg,a\n", "no photo of the list can be used"),
        ("path,label,part\none.jpg,a,train\ntwo.jpg,b,\n", "some lines of the list have a part"),
        ("path,label,part\none.jpg,a,val\ntwo.jpg,b,test\n", "the list has .* and no train"),
    ],
)
def test_list_that_cannot_be_used_is_refused(write_files, text, message):
    root = write_files(one_jpg="", two_jpg="", list_csv=text)
    with pytest.raises(DataError, match=message):
        collect_from_lists(root, [root / "list.csv"])


def test_two_lists_in_one_folder_are_refused(write_files):
    root = write_files(one_jpg="", a_csv="path,label\none.jpg,a\n", b_csv="path,label\none.jpg,b\n")
    with pytest.raises(DataError, match="several lists of photos") as error:
        find_lists(root, read_tree(root).root)
    assert error.value.where == ("a.csv", "b.csv")


def test_list_beside_class_folders_is_not_read(write_files):
    root = write_files(a__1_jpg="", b__2_jpg="", list_csv="path,label\na/1.jpg,x\nb/2.jpg,y\n")
    assert find_lists(root, read_tree(root).root) == ()


def test_list_beside_one_folder_of_photos_is_read(write_files):
    root = write_files(images__1_jpg="", images__2_jpg="", list_csv="path,label\nimages/1.jpg,x\nimages/2.jpg,y\n")
    assert find_lists(root, read_tree(root).root) == (root / "list.csv",)
