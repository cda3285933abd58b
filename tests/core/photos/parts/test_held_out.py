"""held_out.py: test photos from a folder of their own, joined to the photos, and found again."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.parts.held_out import find_test_folder, join_test_folder
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder, scan_photos
from edgetl.core.records import Dataset, Photo


def make_files(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    return root


def scan_files(root: Path, *files: str) -> PhotoFolder:
    return scan_photos(make_files(root, *files))


def make_dataset(**parts: tuple[str, ...]) -> Dataset:
    photos = {part: tuple(Photo(path=path, label=0, sha256=path) for path in paths) for part, paths in parts.items()}
    return Dataset.model_construct(root=Path("/photos"), **photos)


def test_folder_of_test_photos_becomes_the_test_part(tmp_path):
    photos = scan_files(tmp_path / "photos", "a/1.jpg", "b/1.jpg")
    test = scan_files(tmp_path / "held out", "a/1.jpg", "b/deep/2.jpg", "b/notes.txt")
    joined = join_test_folder(photos, test)
    assert (joined.root, joined.classes, joined.preset_parts) == (photos.root, ("a", "b"), ("test",))
    held_out = (tmp_path / "held out").as_posix()
    assert joined.files == (
        *photos.files,
        PhotoFile(f"{held_out}/a/1.jpg", 0, "test"),
        PhotoFile(f"{held_out}/b/deep/2.jpg", 1, "test"),
    )
    assert [file.path for file in joined.left_out] == [f"{held_out}/b/notes.txt"]
    # A path relative to the photos leads to the file.
    assert (joined.root / joined.paths[-1]).is_file()


def test_folder_of_test_photos_may_join_a_folder_with_other_parts(tmp_path):
    photos = scan_files(tmp_path / "photos", *(f"{part}/{label}/1.jpg" for part in ("train", "val") for label in "ab"))
    test = scan_files(tmp_path / "test", "a/1.jpg", "b/1.jpg")
    assert set(join_test_folder(photos, test).preset_parts) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("photos", "test", "message"),
    [
        (("photos/a/1.jpg", "photos/b/1.jpg"), ("photos/a/x/1.jpg", "photos/a/y/1.jpg"), "inside the photos"),
        (("photos/a/1.jpg", "photos/b/1.jpg"), ("test/a/1.jpg", "test/c/1.jpg"), "different classes"),
        (("photos/a/1.jpg", "photos/b/1.jpg"), ("test/a/1.jpg", "test/b/1.jpg", "test/c/1.jpg"), "different classes"),
        (("photos/a/1.jpg", "photos/b/1.jpg"), ("test/train/a/1.jpg", "test/train/b/1.jpg"), "split into parts"),
        (
            [f"photos/{part}/{label}/1.jpg" for part in ("train", "test") for label in "ab"],
            ("test/a/1.jpg", "test/b/1.jpg"),
            "a test part of their own",
        ),
    ],
)
def test_folder_of_test_photos_that_does_not_fit(tmp_path, photos, test, message):
    make_files(tmp_path, *photos, *test)
    # The first case has its test photos in a class folder.
    root = tmp_path / "photos" / "a" if test[0].startswith("photos") else tmp_path / "test"
    with pytest.raises(DataError, match=message) as caught:
        join_test_folder(scan_photos(tmp_path / "photos"), scan_photos(root))
    assert caught.value.hint


def test_missing_class_is_named_with_its_folder(tmp_path):
    photos = scan_files(tmp_path / "photos", "a/1.jpg", "b/1.jpg", "c/1.jpg")
    test = scan_files(tmp_path / "test", "a/1.jpg", "b/1.jpg", "d/1.jpg")
    with pytest.raises(DataError) as caught:
        join_test_folder(photos, test)
    assert tuple(caught.value.where) == (f"no c in {tmp_path / 'test'}", f"no d in {tmp_path / 'photos'}")


@pytest.mark.parametrize(
    ("train", "test", "folder"),
    [
        (("a/1", "b/1"), ("a/2", "b/2"), None),
        (("a/1", "b/1"), ("a/2", "a/3"), None),
        (("train/a/1", "train/b/1"), ("Test/a/2", "Test/b/2"), "/photos/Test"),
        (("data/train/a/1", "data/train/b/1"), ("data/test/a/2", "data/test/b/2"), "/photos/data/test"),
        (("a/1", "b/1"), ("/held/a/2", "/held/b/2"), "/held"),
    ],
)
def test_folder_with_all_test_photos_is_found(train, test, folder):
    dataset = make_dataset(train=train, validation=train[:1], test=test)
    assert find_test_folder(dataset) == (Path(folder) if folder else None)


def test_groups_and_notes_of_both_folders_are_kept(tmp_path):
    photos = scan_files(tmp_path / "photos", "a/1.jpg", "b/1.jpg")
    test = scan_files(tmp_path / "held out", "a/1.jpg", "b/2.jpg")
    photos = replace(photos, notes=("one",))
    test = replace(test, files=tuple(replace(file, group="7") for file in test.files), notes=("one", "two"))
    joined = join_test_folder(photos, test)
    assert [file.group for file in joined.files] == ["", "", "7", "7"] and joined.notes == ("one", "two")
