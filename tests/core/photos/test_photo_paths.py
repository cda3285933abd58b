"""Photos and folders that a user names: which files they are, and the class that a folder tells."""

from pathlib import Path

from edgetl.core.photos.photo_paths import PhotoPath, list_photo_paths


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def list_names(root: Path, *paths: Path) -> list[str]:
    return [photo.path.relative_to(root).as_posix() for photo in list_photo_paths(paths)]


def test_photos_of_a_folder_are_sorted_without_hidden_and_other_files(tmp_path):
    touch(tmp_path, "b/2.JPG", "b/1.png", "a/3.jpeg", "a/.4.jpg", ".c/5.jpg", "a/notes.txt", "top.bmp")
    assert list_names(tmp_path, tmp_path) == ["a/3.jpeg", "b/1.png", "b/2.JPG", "top.bmp"]


def test_files_keep_their_order_and_missing_ones_are_listed(tmp_path):
    touch(tmp_path, "z.jpg", "a.txt")
    paths = [tmp_path / name for name in ("z.jpg", "gone.jpg", "a.txt")]
    assert list_names(tmp_path, *paths) == ["z.jpg", "gone.jpg", "a.txt"]


def test_link_to_a_parent_folder_is_not_followed(tmp_path):
    touch(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert list_names(tmp_path, tmp_path) == ["a/1.jpg"]


def test_nearest_folder_with_the_name_of_a_class_tells_it(tmp_path):
    touch(tmp_path, "cat/day/1.jpg", "cat/dog/2.jpg", "other/3.jpg")
    classes = ("cat", "dog")
    told = {photo.path.stem: photo.find_class(classes) for photo in list_photo_paths([tmp_path])}
    assert told == {"1": "cat", "2": "dog", "3": ""}


def test_folder_that_is_named_itself_tells_the_class(tmp_path, monkeypatch):
    touch(tmp_path, "cat/1.jpg")
    (photo,) = list_photo_paths([tmp_path / "cat"])
    assert photo.find_class(("cat", "dog")) == "cat"
    monkeypatch.chdir(tmp_path / "cat")
    assert [photo.find_class(("cat", "dog")) for photo in list_photo_paths([Path(), Path("1.jpg")])] == ["cat"] * 2


def test_folders_above_the_one_that_is_named_tell_nothing(tmp_path):
    touch(tmp_path, "cat/holiday/album/1.jpg")
    for path in (tmp_path / "cat" / "holiday", tmp_path / "cat" / "holiday" / "album" / "1.jpg"):
        (photo,) = list_photo_paths([path])
        assert photo.find_class(("cat", "dog")) == ""


def test_photo_without_folders_has_no_class():
    assert PhotoPath(Path("1.jpg"), ()).find_class(("cat",)) == ""
