"""folders.py: which folders are parts, classes, or neither, decided on trees in memory."""

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.folders import find_layout
from edgetl.core.photos.layout.tree import Folder


def make_tree(*files: str, path: str = "") -> Folder:
    names = sorted({file.partition("/")[0] for file in files if "/" in file})
    folders = (
        make_tree(
            *(file.partition("/")[2] for file in files if file.startswith(f"{name}/")),
            path=f"{path}/{name}" if path else name,
        )
        for name in names
    )
    return Folder(path, tuple(folders), tuple(sorted(file for file in files if file and "/" not in file)))


def combine(*levels: str) -> list[str]:
    """combine("train test", "a b") gives one photo in each of train/a, train/b, test/a and test/b."""
    paths = [""]
    for level in levels:
        paths = [f"{path}{name}/" for path in paths for name in level.split()]
    return [f"{path}1.jpg" for path in paths]


def list_classes(layout):
    return {part: [folder.path for folder in layout.list_classes(holder)] for part, holder in layout.holders.items()}


def test_plain_classes_need_no_note():
    layout = find_layout(make_tree(*combine("a b c")))
    assert list_classes(layout) == {None: ["a", "b", "c"]} and layout.notes == [] and layout.left_out == {}


@pytest.mark.parametrize(
    "parts", ["train val test", "Training Validation Testing", "TRAIN DEV EVAL", "seg_train seg_val seg_test"]
)
def test_parts_are_found_by_the_variants_of_their_names(parts):
    layout = find_layout(make_tree(*combine(parts, "a b")))
    expected = dict(zip(("train", "validation", "test"), parts.split(), strict=True))
    assert {part: folder.path for part, folder in layout.parts.items()} == expected


def test_part_that_wraps_another_of_its_kind_is_looked_through():
    files = [*combine("seg_train", "seg_train", "a b"), *combine("seg_test", "seg_test", "a b")]
    layout = find_layout(make_tree(*files, "seg_pred/seg_pred/1.jpg"))
    assert list_classes(layout) == {
        "train": ["seg_train/seg_train/a", "seg_train/seg_train/b"],
        "test": ["seg_test/seg_test/a", "seg_test/seg_test/b"],
    }
    assert list(layout.left_out) == ["seg_pred"] and len(layout.notes) == 3


@pytest.mark.parametrize("around", ["flower_photos", "data/archive/flower_photos"])
def test_single_folder_around_classes_is_entered(around):
    layout = find_layout(make_tree(*combine(*around.split("/"), "a b"), "readme.txt"))
    assert list_classes(layout) == {None: [f"{around}/a", f"{around}/b"]}
    assert layout.notes[-1] == f"the photos are in {around}"


def test_single_folder_around_parts_is_entered():
    layout = find_layout(make_tree(*combine("data", "train val", "a b")))
    assert list_classes(layout) == {
        "train": ["data/train/a", "data/train/b"],
        "validation": ["data/val/a", "data/val/b"],
    }


def test_single_class_with_photos_is_not_entered():
    assert list_classes(find_layout(make_tree("a/1.jpg", "a/x/2.jpg", "a/y/3.jpg"))) == {None: ["a"]}


@pytest.mark.parametrize("name", ["train", "test", "eval", "dev"])
def test_class_with_the_name_of_a_part_is_refused_with_the_option(name):
    tree = make_tree(*combine(f"bus car {name}"))
    with pytest.raises(DataError, match=rf"both parts \({name}\) and classes \(bus, car\)") as error:
        find_layout(tree)
    assert "--layout classes" in error.value.hint
    assert list_classes(find_layout(tree, "classes")) == {None: sorted(["bus", "car", name])}


def test_other_folders_are_left_out_beside_parts_on_request():
    layout = find_layout(make_tree(*combine("train test", "a b"), "notes/1.jpg"), "parts")
    assert set(layout.parts) == {"train", "test"} and layout.left_out == {"notes": "not a part"}


def test_layout_parts_without_parts_is_refused():
    with pytest.raises(DataError, match="none of the folders is a part"):
        find_layout(make_tree(*combine("a b")), "parts")


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("Set1 Set2", "a b"), ("learn check", "a b c"), ("cat dog", "train test"), ("cat dog", "2023 2024")],
)
def test_folders_with_folders_of_the_same_names_are_refused_with_the_tree(outer, inner):
    tree = make_tree(*combine(outer, inner))
    with pytest.raises(DataError, match="folders of the same names") as error:
        find_layout(tree)
    assert f"{outer.split()[0]}/{inner.split()[0]}: 1 photo" in error.value.where
    assert "--layout classes" in error.value.hint
    assert list_classes(find_layout(tree, "classes")) == {None: sorted(outer.split())}


def test_most_names_in_common_are_enough_to_be_refused():
    with pytest.raises(DataError, match="folders of the same names"):
        find_layout(make_tree(*combine("Set1", "a b c"), *combine("Set2", "a b")))


@pytest.mark.parametrize("files", [["cat/2.jpg"], ["cat/x/2.jpg", "cat/y/3.jpg", "dog/z/4.jpg", "dog/w/5.jpg"]])
def test_classes_with_folders_of_their_own_are_accepted(files):
    first = combine("cat dog", "2023 2024") if len(files) == 1 else []
    assert list_classes(find_layout(make_tree(*first, *files))) == {None: ["cat", "dog"]}


def test_data_set_inside_itself_is_left_out():
    layout = find_layout(make_tree(*combine("a b c"), *combine("flowers", "a b c")))
    assert list_classes(layout) == {None: ["a", "b", "c"]}
    assert layout.left_out == {"flowers": "contains the data set once more"}


def test_data_set_with_parts_inside_itself_is_left_out():
    layout = find_layout(make_tree(*combine("train test", "a b"), *combine("archive", "train test", "a b")))
    assert set(layout.parts) == {"train", "test"} and list(layout.left_out) == ["archive"]


def test_test_part_without_class_folders_is_left_out():
    layout = find_layout(make_tree(*combine("train", "a b"), "test/1.jpg", "test/2.jpg"))
    assert list(layout.parts) == ["train"] and layout.left_out == {"test": "no class folders, so no labels"}


def test_unlabelled_folder_beside_classes_is_left_out_unless_it_is_a_class():
    tree = make_tree(*combine("a b unlabeled"))
    assert list_classes(find_layout(tree)) == {None: ["a", "b"]}
    assert list_classes(find_layout(tree, "classes")) == {None: ["a", "b", "unlabeled"]}
