"""photo_folder.py: both layouts, unusual names, links, and the folders that are refused."""

import ast
import os
import sys
from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.photo_folder import SUFFIXES, scan_photos


def make_files(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    return root


def list_reasons(root: Path) -> dict[str, str]:
    return {file.path: file.reason for file in scan_photos(root).left_out}


def test_one_folder_per_class(tmp_path):
    folder = scan_photos(make_files(tmp_path, "b/2.JPG", "b/1.png", "a/deep/er/3.webp", "a/4.tiff"))
    assert folder.root == tmp_path and folder.classes == ("a", "b") and folder.preset_parts == ()
    assert [(file.path, file.label, file.part) for file in folder.files] == [
        ("a/4.tiff", 0, None),
        ("a/deep/er/3.webp", 0, None),
        ("b/1.png", 1, None),
        ("b/2.JPG", 1, None),
    ]
    assert folder.paths == tuple(file.path for file in folder.files)


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_folder_with_preset_parts(tmp_path, validation):
    names = ("train", validation, "test")
    folder = scan_photos(make_files(tmp_path, *(f"{part}/{label}/1.jpg" for part in names for label in "ab")))
    assert folder.classes == ("a", "b") and set(folder.preset_parts) == {"train", "validation", "test"}
    part_of_folder = {(file.path.split("/")[0], file.part) for file in folder.files}
    assert part_of_folder == set(zip(names, ("train", "validation", "test"), strict=True))


def test_files_that_are_no_photos_are_left_out_with_their_reason(tmp_path):
    make_files(tmp_path, "a/1.jpg", "b/1.jpg", "a/notes.txt", "a/x.HEIC", "b/y.cr2", "b/noext")
    make_files(tmp_path, "stray.jpg", "readme.md", "a/.hidden.jpg", ".git/z.jpg", "a/.thumbs/z.jpg")
    (tmp_path / "b" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "b" / "pipe.jpg")
    assert list_reasons(tmp_path) == {
        "a/notes.txt": ".txt: not a photo",
        "a/x.HEIC": ".heic: convert to JPEG",
        "b/y.cr2": ".cr2: convert to JPEG",
        "b/noext": "no extension: not a photo",
        "b/gone.jpg": "broken link",
        "b/pipe.jpg": "not a regular file",
        "readme.md": ".md: not a photo",
        "stray.jpg": "not in a class folder",
        ".git/": "the name begins with a dot: rename the folder to use it as a class",
    }
    assert scan_photos(tmp_path).paths == ("a/1.jpg", "b/1.jpg")


def test_class_folders_that_begin_with_a_dot_are_named(tmp_path):
    make_files(tmp_path, "a/1.jpg", "b/1.jpg", ".cats/1.JPG", ".cats/more/2.jpg", ".ipynb/notes.txt", ".git/x/1.jpg")
    assert scan_photos(tmp_path).classes == ("a", "b") and scan_photos(tmp_path).paths == ("a/1.jpg", "b/1.jpg")
    assert list_reasons(tmp_path) == {".cats/": "the name begins with a dot: rename the folder to use it as a class"}


def test_class_folders_that_begin_with_a_dot_are_named_in_parts(tmp_path):
    make_files(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg", "test/.c/1.jpg")
    assert list(list_reasons(tmp_path)) == ["test/.c/"]


def test_only_class_beside_a_hidden_one_is_refused_with_the_name_of_the_hidden_one(tmp_path):
    with pytest.raises(DataError, match="only one class") as error:
        scan_photos(make_files(tmp_path, "a/1.jpg", ".b/1.jpg"))
    assert error.value.where[1] == ".b/: the name begins with a dot: rename the folder to use it as a class"


def test_names_with_special_characters_are_accepted(tmp_path):
    names = ("Blümchen/ a b.jpg", "Blümchen/'\"\n.png", "猫/😀.jpg", "猫/%s{}.jpg", "猫/-rf.jpg")
    assert set(scan_photos(make_files(tmp_path, *names)).paths) == set(names)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a file name be any bytes")
def test_file_whose_name_is_not_utf8_is_left_out(tmp_path):
    make_files(tmp_path, "a/1.jpg", "b/1.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path / "a") + b"/\xff.jpg")).write_bytes(b"x")
    assert list_reasons(tmp_path) == {"a/\\xff.jpg": "file name is not UTF-8: rename it"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a file name be any bytes")
def test_class_whose_name_is_not_utf8_is_refused(tmp_path):
    make_files(tmp_path, "a/1.jpg", "b/1.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe")).mkdir()
    with pytest.raises(DataError, match="1 class folders have names that are not UTF-8"):
        scan_photos(tmp_path)


def test_links_are_followed_except_into_their_own_folders(tmp_path):
    make_files(tmp_path, "photos/a/1.jpg", "photos/b/1.jpg", "elsewhere/2.jpg")
    root = tmp_path / "photos"
    (root / "a" / "link.jpg").symlink_to(tmp_path / "elsewhere" / "2.jpg")
    (root / "b" / "more").symlink_to(tmp_path / "elsewhere")
    (root / "b" / "circle").symlink_to(root)
    (root / "b" / "self").symlink_to(root / "b")
    assert scan_photos(root).paths == ("a/1.jpg", "a/link.jpg", "b/1.jpg", "b/more/2.jpg")


def test_link_to_itself_is_a_broken_link(tmp_path):
    make_files(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "loop").symlink_to("loop")
    folder = scan_photos(tmp_path)
    assert folder.paths == ("a/1.jpg", "b/1.jpg") and folder.classes == ("a", "b")
    assert ("a/self.jpg", "broken link") in [(file.path, file.reason) for file in folder.left_out]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "the folder is empty"),
        ([".hidden/a/1.jpg"], "the folder is empty"),
        ([".cats/1.jpg", ".dogs/1.jpg"], r"the names of all class folders begin with a dot \(.cats/, .dogs/\)"),
        (["1.jpg", "2.png", "notes.txt"], "the folder has 2 photos and no class folders"),
        (["a/1.jpg"], r"only one class \(a\)"),
        (["a/notes.txt", "b/notes.txt"], "no photo in any folder"),
        (["train/a/1.jpg", "train/b/1.jpg", "roses/1.jpg"], r"both parts \(train\) and classes \(roses\)"),
        (["val/a/1.jpg", "val/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg"], "the folder has test, val and no train"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "val and valid are the same part"),
        (["train/1.jpg", "test/1.jpg"], "no class folder"),
        (["a\nb/1.jpg", "c/1.jpg"], r"the class 'a\\nb' cannot be written on one line"),
    ],
)
def test_folder_without_a_valid_layout_is_refused(tmp_path, files, message):
    with pytest.raises(DataError, match=message) as error:
        scan_photos(make_files(tmp_path, *files))
    assert error.value.where[0] == str(tmp_path) and error.value.hint


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="the folder of photos does not exist"):
        scan_photos(tmp_path / "none")


def test_file_instead_of_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="PHOTOS is a file, not a folder of class folders"):
        scan_photos(make_files(tmp_path, "file") / "file")


def test_parts_with_different_classes_are_refused(tmp_path):
    make_files(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/c/1.jpg")
    with pytest.raises(DataError, match="different classes") as error:
        scan_photos(tmp_path)
    assert error.value.where[1:] == ("test: no b", "train: no c")


def test_device_and_build_accept_the_same_extensions():
    """The program on the device has a copy of the list, because it does not import edgetl."""
    path = Path(__file__).parents[3] / "targets" / "common" / "classify.py"
    (line,) = (line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SUFFIXES"))
    assert ast.literal_eval(line.partition("frozenset(")[2].rstrip(")")) == SUFFIXES
