"""What is given in place of a folder of photos has a sentence of its own, with what to do."""

from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.names import SUFFIXES
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.photos.wrong_photos import LAYOUTS, explain_detection, explain_no_photos, explain_path


def refuse(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        scan_photos(path)
    return caught.value


def make_files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "flowers.zip",
            "PHOTOS is an archive (.zip)",
            "unpack it: unzip flowers.zip -d PHOTOS, then edgetl build PHOTOS",
        ),
        ("flowers.tar.gz", "PHOTOS is an archive (.gz)", "tar -xf flowers.tar.gz -C PHOTOS"),
        ("labels.tsv", "PHOTOS is a table or a text (.tsv)", "a .csv file with the columns path and label is read"),
        ("daisy.JPG", "PHOTOS is a single photo", "edgetl predict RUN daisy.JPG"),
        ("daisy.heic", "PHOTOS is a single photo", "edgetl predict RUN daisy.heic"),
        ("model.keras", "PHOTOS is a model file (.keras)", "edgetl build PHOTOS --model FILE"),
        ("something", "PHOTOS is a file", "make one folder per class"),
    ],
)
def test_file_is_named_for_what_it_is(tmp_path, name, message, hint):
    error = refuse(make_files(tmp_path, name) / name)
    assert error.message == f"{message}, not a folder of class folders"
    assert hint in error.hint and error.where == (str(tmp_path / name),)


def test_misspelt_folder_has_a_suggestion(tmp_path):
    (tmp_path / "flowers").mkdir()
    error = refuse(tmp_path / "flower")
    assert (error.message, error.hint) == (
        "the folder of photos does not exist",
        f"did you mean {tmp_path / 'flowers'}?",
    )
    assert refuse(tmp_path / "zzz").hint == refuse(tmp_path / "gone" / "zzz").hint == LAYOUTS


def test_address_is_not_downloaded(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert explain_path(Path("https://example.org/flowers.zip"), SUFFIXES)[0].startswith("PHOTOS is an address")
    assert refuse(Path("https://example.org/flowers.zip")).message.startswith("PHOTOS is an address")


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (["a/1.zip", "b/2.zip"], "no photo in any folder: all 2 files are .zip", "unpack the archives"),
        (["a/notes.txt", "b/notes.txt"], "no photo in any folder: all 2 files are .txt", "photos are .avif"),
        (["a/notes", "b/notes"], "all 2 files are without an extension", "photos are .avif"),
        # Without class folders.
        (["1.txt"], "no photo in any folder: all 1 files are .txt", "make one folder per class"),
    ],
)
def test_folder_of_other_files_says_which_they_are(tmp_path, names, message, hint):
    error = refuse(make_files(tmp_path, *names))
    assert message in error.message and hint in error.hint


def test_empty_class_folders_are_named_so(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert refuse(tmp_path).message == "no photo in any folder: they are empty"
    assert explain_no_photos([], SUFFIXES)[0] == "no photo in any folder: they are empty"


@pytest.mark.parametrize("parts", [False, True])
def test_layout_of_object_detection_is_recognized(tmp_path, parts):
    names = ["images/1.jpg", "labels/1.txt"]
    root = make_files(
        tmp_path, *([f"{part}/{name}" for part in ("train", "val") for name in names] if parts else names)
    )
    error = refuse(root)
    assert error.message == "the folders images and labels are no class folders"
    assert "object detection" in error.hint and LAYOUTS in error.hint


def test_photos_of_labels_are_a_class_like_any_other(tmp_path):
    root = make_files(tmp_path, "images/1.jpg", "labels/2.jpg")
    assert scan_photos(root).classes == ("images", "labels")
    assert explain_detection(("cat", "dog"), ("cat",)) == ""
