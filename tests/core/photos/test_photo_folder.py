"""photo_folder.py: both layouts, unusual names, links, and the folders that are refused."""

import ast
import os
import sys
from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.names import SUFFIXES
from edgetl.core.photos.photo_folder import scan_photos


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
        "b/y.cr2": ".cr2: convert to JPEG",
        "b/noext": "no extension: not a photo",
        "b/gone.jpg": "broken link",
        "b/pipe.jpg": "not a regular file",
        "readme.md": ".md: not a photo",
        "stray.jpg": "not in a class folder",
    }
    assert scan_photos(tmp_path).paths == ("a/1.jpg", "a/x.HEIC", "b/1.jpg")


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


def test_files_of_operating_systems_are_counted(tmp_path):
    folder = scan_photos(make_files(tmp_path, "a/1.jpg", "b/1.jpg", "a/Thumbs.db", "__MACOSX/x/._1.jpg"))
    assert folder.notes == ("2 hidden files, or files and folders of operating systems and programs, are ignored",)
    assert folder.left_out == ()


def test_class_names_are_compared_in_nfc(tmp_path):
    make_files(tmp_path, "train/cafe\u0301/1.jpg", "train/b/1.jpg", "test/caf\u00e9/1.jpg", "test/b/1.jpg")
    folder = scan_photos(tmp_path)
    assert folder.classes == ("b", "caf\u00e9")
    assert ("train/cafe\u0301/1.jpg", 1, "train") in [(file.path, file.label, file.part) for file in folder.files]


def test_classes_that_differ_in_case_have_a_hint(tmp_path):
    make_files(tmp_path, "train/Daisy/1.jpg", "train/b/1.jpg", "test/daisy/1.jpg", "test/b/1.jpg")
    with pytest.raises(DataError, match="different classes") as error:
        scan_photos(tmp_path)
    assert error.value.hint == "Daisy and daisy differ in case only: rename one"


def test_notes_say_how_the_folder_was_read(tmp_path):
    make_files(tmp_path, "data/Training/a/1.jpg", "data/Training/b/1.jpg", "data/pred/2.jpg")
    folder = scan_photos(tmp_path)
    assert folder.notes == ("the photos are in data", "data/pred is left out: unlabelled by its name (1 photo)")
    assert folder.paths == ("data/Training/a/1.jpg", "data/Training/b/1.jpg")
    assert [(file.path, file.reason) for file in folder.left_out] == [("data/pred/2.jpg", "unlabelled by its name")]


FLAT = [f"{label}.{number}.jpg" for label in ("cat", "dog") for number in range(3)]


def test_flat_folder_offers_the_classes_in_its_file_names(tmp_path):
    with pytest.raises(DataError, match="6 photos and no class folders") as error:
        scan_photos(make_files(tmp_path, *FLAT))
    assert error.value.hint == "file names look like classes (cat 3, dog 3): --label-from name takes them"


def test_classes_are_taken_from_file_names_on_request(tmp_path):
    folder = scan_photos(make_files(tmp_path, *FLAT, "12.jpg", "notes.txt"), label_from="name")
    assert folder.classes == ("cat", "dog") and [file.label for file in folder.files] == [0, 0, 0, 1, 1, 1]
    assert {file.path: file.reason for file in folder.left_out} == {
        "12.jpg": "no class in its name",
        "notes.txt": ".txt: not a photo",
    }


def test_parts_with_classes_in_file_names(tmp_path):
    folder = scan_photos(
        make_files(tmp_path, *(f"train/{name}" for name in FLAT), "test1/1.jpg", "test1/2.jpg"), label_from="name"
    )
    assert folder.preset_parts == ("train",) and {file.part for file in folder.files} == {"train"}
    assert [file.reason for file in folder.left_out] == ["no class in its name"] * 2


def test_list_of_photos_as_photos(tmp_path):
    make_files(tmp_path, "x/1.jpg", "x/2.jpg", "3.jpg")
    (tmp_path / "photos.csv").write_text("Path,Label\nx/1.jpg,b\nx/2.jpg,a\n3.jpg,a\n4.jpg,a\n", encoding="utf-8")
    folder = scan_photos(tmp_path / "photos.csv")
    assert folder.root == tmp_path and folder.classes == ("a", "b") and folder.preset_parts == ()
    assert [(file.path, file.label) for file in folder.files] == [("3.jpg", 0), ("x/1.jpg", 1), ("x/2.jpg", 0)]
    assert [(file.path, file.reason) for file in folder.left_out] == [("4.jpg", "listed, but does not exist")]


def test_list_with_parts(tmp_path):
    make_files(tmp_path, "1.jpg", "2.jpg", "3.jpg", "4.jpg")
    lines = ["file;class;split", "1.jpg;a;Train", "2.jpg;b;train", "3.jpg;a;valid", "4.jpg;b;valid"]
    (tmp_path / "labels.csv").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    folder = scan_photos(tmp_path)
    assert set(folder.preset_parts) == {"train", "validation"}
    assert [file.part for file in folder.files] == ["train", "train", "validation", "validation"]
    assert folder.notes == ("labels are from labels.csv",)


def test_one_hot_lists_of_each_part(tmp_path):
    for part in ("train", "valid"):
        names = [f"{number}.jpg" for number in range(40)]
        make_files(tmp_path, *(f"{part}/{name}" for name in names))
        text = "filename, cat, dog\n0.jpg,1,0\n1.jpg,0,1\n2.jpg,1,1\n" + "".join(f"{name},1,0\n" for name in names[3:])
        (tmp_path / part / "_classes.csv").write_text(text, encoding="utf-8")
    folder = scan_photos(tmp_path)
    assert folder.classes == ("cat", "dog") and folder.preset_parts == ("train", "validation")
    assert [(file.path, file.label) for file in folder.files][:2] == [("train/0.jpg", 0), ("train/1.jpg", 1)]
    assert {file.reason for file in folder.left_out} == {"2 labels in the list"}


def test_list_may_not_leave_its_folder(tmp_path):
    make_files(tmp_path, "outside.jpg", "photos/1.jpg", "photos/2.jpg")
    text = f"path,label\n1.jpg,a\n2.jpg,b\n../outside.jpg,a\n{tmp_path}/outside.jpg,b\n"
    (tmp_path / "photos" / "list.csv").write_text(text, encoding="utf-8")
    folder = scan_photos(tmp_path / "photos")
    assert folder.paths == ("1.jpg", "2.jpg")
    assert [file.reason for file in folder.left_out] == ["outside the folder of the list"] * 2


def test_build_accepts_every_extension_of_the_device():
    """The program on the device has a list of its own, because it does not import edgetl."""
    path = Path(__file__).parents[3] / "targets" / "common" / "classify.py"
    (line,) = (line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SUFFIXES"))
    on_device = ast.literal_eval(line.partition("frozenset(")[2].rstrip(")"))
    assert {".heic", ".heif", ".hif", ".avif", ".jxl"} == SUFFIXES - on_device and on_device < SUFFIXES


def test_photos_that_a_list_of_labels_does_not_name_are_left_out(tmp_path):
    make_files(tmp_path, "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg")
    (tmp_path / "list.csv").write_text(LABELS, encoding="utf-8")
    left_out = {file.path: file.reason for file in scan_photos(tmp_path, multi_label=True).left_out}
    assert left_out == {"5.jpg": "not in the list"}


LABELS = "path,labels\n1.jpg,a;b\n2.jpg,\n3.jpg,b\n4.jpg,b\n"


def test_list_of_several_labels(tmp_path):
    make_files(tmp_path, "1.jpg", "2.jpg", "3.jpg", "4.jpg")
    (tmp_path / "list.csv").write_text(LABELS, encoding="utf-8")
    for path in (tmp_path, tmp_path / "list.csv"):
        folder = scan_photos(path, multi_label=True)
        assert folder.multi_label and not folder.states_all_labels and folder.classes == ("a", "b")
        # The rarest label of each photo; the number of labels for a photo without any.
        assert [(file.path, file.label, file.labels) for file in folder.files] == [
            ("1.jpg", 0, (1, 1)),
            ("2.jpg", 2, (0, 0)),
            ("3.jpg", 1, (0, 1)),
            ("4.jpg", 1, (0, 1)),
        ]
        assert [file.list_classes() for file in folder.files] == [(0, 1), (), (1,), (1,)]


def test_one_hot_lists_with_several_labels(tmp_path):
    for part in ("train", "test"):
        make_files(tmp_path, f"{part}/1.jpg", f"{part}/2.jpg")
        (tmp_path / part / "_classes.csv").write_text("filename, cat, dog\n1.jpg,1,1\n2.jpg,0,0\n", encoding="utf-8")
    folder = scan_photos(tmp_path, multi_label=True)
    assert folder.states_all_labels and set(folder.preset_parts) == {"train", "test"} and not folder.left_out
    assert [(file.path, file.part, file.labels) for file in folder.files] == [
        ("test/1.jpg", "test", (1, 1)),
        ("test/2.jpg", "test", (0, 0)),
        ("train/1.jpg", "train", (1, 1)),
        ("train/2.jpg", "train", (0, 0)),
    ]
    (tmp_path / "test" / "_classes.csv").write_text("filename,cat,cow\n1.jpg,1,1\n2.jpg,0,0\n", encoding="utf-8")
    with pytest.raises(DataError, match="different columns of labels") as error:
        scan_photos(tmp_path, multi_label=True)
    assert error.value.hint == "not in all: cow, dog"


def test_class_folders_are_labels(tmp_path):
    folder = scan_photos(make_files(tmp_path, "a/1.jpg", "b/1.jpg"), multi_label=True)
    assert folder.multi_label and [(file.label, file.labels) for file in folder.files] == [(0, (1, 0)), (1, (0, 1))]


def test_names_of_files_have_one_class(tmp_path):
    with pytest.raises(DataError, match="a file name has one class, and --multi-label is for several"):
        scan_photos(make_files(tmp_path, "a.1.jpg", "b.1.jpg"), multi_label=True, label_from="name")


def test_hidden_files_are_counted(tmp_path):
    make_files(tmp_path, "a/1.jpg", "b/1.jpg", "a/.hidden.jpg", "b/Thumbs.db", "b/._1.jpg")
    assert scan_photos(tmp_path).notes[0].startswith("3 hidden files, or files and folders")


def test_photos_that_the_list_of_their_folder_does_not_name_are_left_out(tmp_path):
    make_files(tmp_path, "photos/1.jpg", "photos/2.jpg", "photos/3.jpg", "photos/notes.txt")
    (tmp_path / "labels.csv").write_text("path,label\nphotos/1.jpg,a\nphotos/2.jpg,b\n", encoding="utf-8")
    assert list_reasons(tmp_path) == {"photos/3.jpg": "not in the list"}


def test_refused_folder_names_every_file_and_the_error_the_first_five(tmp_path):
    make_files(tmp_path, *(f"{number}.jpg" for number in range(8)))
    with pytest.raises(DataError, match="8 photos and no class folders") as caught:
        scan_photos(tmp_path)
    assert caught.value.where[1:] == ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "…")
    assert caught.value.left_out == tuple((f"{number}.jpg", "not in a class folder") for number in range(8))


def test_folder_and_list_without_usable_photos_name_every_file(tmp_path):
    make_files(tmp_path / "folder", "a/1.txt", "b/2.cr2")
    with pytest.raises(DataError) as caught:
        scan_photos(tmp_path / "folder")
    assert dict(caught.value.left_out) == {"a/1.txt": ".txt: not a photo", "b/2.cr2": ".cr2: convert to JPEG"}
    (tmp_path / "list.csv").write_text("path,label\nx.jpg,a\ny.jpg,b\n", encoding="utf-8")
    with pytest.raises(DataError, match="no photo of the list") as caught:
        scan_photos(tmp_path / "list.csv")
    assert dict(caught.value.left_out) == dict.fromkeys(("x.jpg", "y.jpg"), "listed, but does not exist")
