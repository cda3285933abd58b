"""tree.py: what is read, what is skipped, links."""

from pathlib import Path

import pytest

from edgetl.core.photos.layout.tree import Folder, read_tree


@pytest.fixture
def make_files(tmp_path):
    def make(*files: str) -> Path:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_bytes(b"x")
        return tmp_path

    return make


def test_tree_contains_folders_and_files_sorted_by_name(make_files):
    tree = read_tree(make_files("b/2.jpg", "b/1.jpg", "a/c/3.jpg", "0.txt"))
    assert tree.ignored == 0
    inner = Folder("a/c", files=("3.jpg",))
    assert tree.root == Folder("", (Folder("a", (inner,)), Folder("b", files=("1.jpg", "2.jpg"))), ("0.txt",))
    assert [folder.path for folder in tree.root.walk()] == ["", "a", "a/c", "b"]
    assert tree.root.count_photos() == 3


def test_system_files_are_counted_and_not_entered(make_files):
    tree = read_tree(make_files("a/1.jpg", "a/Thumbs.db", "__MACOSX/a/._1.jpg", ".DS_Store", "a/@eaDir/1.jpg"))
    assert tree.ignored == 4 and tree.root.count_photos() == 1


def test_hidden_folders_are_named_and_hidden_files_skipped(make_files):
    root = read_tree(make_files("a/1.jpg", "a/.secret.jpg", ".old/1.jpg")).root
    assert root.hidden == (".old",) and root.count_photos() == 1


def test_link_into_its_own_folder_is_not_entered(make_files):
    root = make_files("a/1.jpg", "b/2.jpg")
    (root / "a" / "self").symlink_to(root)
    (root / "a" / "other").symlink_to(root / "b")
    (root / "loop").symlink_to("loop")
    tree = read_tree(root).root
    assert [folder.path for folder in tree.walk()] == ["", "a", "a/other", "b"]
    assert tree.files == ("loop",)


def test_name_is_in_nfc_and_path_as_on_the_disk():
    folder = Folder("train/cafe\u0301")
    assert folder.name == "caf\u00e9" and folder.path == "train/cafe\u0301"
