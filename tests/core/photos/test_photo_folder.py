"""tree.py: both layouts, odd names, links, and every folder that is refused."""

import ast
import os
import sys
from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.photo_folder import SUFFIXES, scan_photos


def make(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    return root


def reasons(root: Path) -> dict[str, str]:
    return {left.path: left.reason for left in scan_photos(root).left_out}


def test_a_folder_per_class(tmp_path):
    tree = scan_photos(make(tmp_path, "b/2.JPG", "b/1.png", "a/deep/er/3.webp", "a/4.tiff"))
    assert tree.root == tmp_path and tree.classes == ("a", "b") and tree.given == ()
    assert [(file.path, file.label, file.part) for file in tree.files] == [
        ("a/4.tiff", 0, None),
        ("a/deep/er/3.webp", 0, None),
        ("b/1.png", 1, None),
        ("b/2.JPG", 1, None),
    ]
    assert tree.paths == tuple(file.path for file in tree.files)


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_an_already_split_folder(tmp_path, validation):
    parts = ("train", validation, "test")
    tree = scan_photos(make(tmp_path, *(f"{part}/{name}/1.jpg" for part in parts for name in "ab")))
    assert tree.classes == ("a", "b") and set(tree.given) == {"train", "validation", "test"}
    assert {(file.path.split("/")[0], file.part) for file in tree.files} == set(
        zip(parts, ("train", "validation", "test"), strict=True)
    )


def test_what_is_left_out_and_why(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg", "a/notes.txt", "a/x.HEIC", "b/y.cr2", "b/noext", "stray.jpg", "readme.md")
    make(tmp_path, "a/.hidden.jpg", ".git/z.jpg", "a/.thumbs/z.jpg")
    (tmp_path / "b" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "b" / "pipe.jpg")
    assert reasons(tmp_path) == {
        "a/notes.txt": ".txt: not a photo",
        "a/x.HEIC": ".heic: convert to JPEG",
        "b/y.cr2": ".cr2: convert to JPEG",
        "b/noext": "no extension: not a photo",
        "b/gone.jpg": "broken link",
        "b/pipe.jpg": "not a regular file",
        "readme.md": ".md: not a photo",
        "stray.jpg": "not in a class folder",
    }
    assert scan_photos(tmp_path).paths == ("a/1.jpg", "b/1.jpg")


def test_odd_names_work(tmp_path):
    odd = ("Blümchen/ a b.jpg", "Blümchen/'\"\n.png", "猫/😀.jpg", "猫/%s{}.jpg", "猫/-rf.jpg")
    assert set(scan_photos(make(tmp_path, *odd)).paths) == set(odd)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a file name be any bytes")
def test_names_that_are_not_utf8_are_left_out(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path / "a") + b"/\xff.jpg")).write_bytes(b"x")
    assert reasons(tmp_path) == {"a/\\xff.jpg": "file name is not UTF-8: rename it"}
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe")).mkdir()
    with pytest.raises(DataError, match="1 class folders have names that are not UTF-8"):
        scan_photos(tmp_path)


def test_links_are_followed_and_circles_are_not(tmp_path):
    make(tmp_path, "photos/a/1.jpg", "photos/b/1.jpg", "elsewhere/2.jpg")
    root = tmp_path / "photos"
    (root / "a" / "link.jpg").symlink_to(tmp_path / "elsewhere" / "2.jpg")
    (root / "b" / "more").symlink_to(tmp_path / "elsewhere")
    (root / "b" / "circle").symlink_to(root)
    (root / "b" / "self").symlink_to(root / "b")
    assert scan_photos(root).paths == ("a/1.jpg", "a/link.jpg", "b/1.jpg", "b/more/2.jpg")


@pytest.mark.parametrize(
    "files, message",
    [
        ([], "the folder is empty"),
        ([".hidden/a/1.jpg"], "the folder is empty"),
        (["1.jpg", "2.png", "notes.txt"], "2 photos lie in the folder without a class"),
        (["a/1.jpg"], r"one class only \(a\)"),
        (["a/notes.txt", "b/notes.txt"], "no photo in any class folder"),
        (["train/a/1.jpg", "train/b/1.jpg", "roses/1.jpg"], r"parts \(train\) and classes \(roses\) lie side by side"),
        (["val/a/1.jpg", "val/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg"], "there is test, val but no train"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "val and valid are the same part"),
        (["train/1.jpg", "test/1.jpg"], "no class folder"),
        (["a\nb/1.jpg", "c/1.jpg"], r"the class 'a\\nb' cannot be written on one line"),
    ],
)
def test_what_is_refused(tmp_path, files, message):
    with pytest.raises(DataError, match=message) as caught:
        scan_photos(make(tmp_path, *files))
    assert caught.value.where[0] == str(tmp_path) and caught.value.hint


def test_missing_folder_and_file_instead(tmp_path):
    for root, message in ((tmp_path / "none", "does not exist"), (make(tmp_path, "f") / "f", "is a file")):
        with pytest.raises(DataError, match=message):
            scan_photos(root)


def test_parts_must_hold_the_same_classes(tmp_path):
    make(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/c/1.jpg")
    with pytest.raises(DataError, match="same classes") as caught:
        scan_photos(tmp_path)
    assert caught.value.where[1:] == ("test: no b", "train: no c")


def test_a_device_takes_what_a_build_takes():
    """The list is written out there once more: the payload stands alone."""
    path = Path(__file__).parents[3] / "targets" / "common" / "classify.py"
    (line,) = (line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SUFFIXES"))
    assert ast.literal_eval(line.partition("frozenset(")[2].rstrip(")")) == SUFFIXES


def test_a_link_to_itself_is_a_broken_link(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "loop").symlink_to("loop")
    found = scan_photos(tmp_path)
    assert found.paths == ("a/1.jpg", "b/1.jpg") and found.classes == ("a", "b")
    assert ("a/self.jpg", "broken link") in [(left.path, left.reason) for left in found.left_out]
