"""label_copies.py: copies of a photo have the labels of all of them, unless a list states each label."""

from pathlib import Path

import pytest

from edgetl.core.photos.parts.label_copies import list_frequent_labels, unite_copies
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts


def make_folder(*files: PhotoFile, **facts: bool) -> PhotoFolder:
    return PhotoFolder(Path("/photos"), ("a", "b", "c"), (), files, (), multi_label=True, **facts)


def unite(folder: PhotoFolder) -> tuple[list[tuple[str, int, tuple[int, ...]]], dict[str, str]]:
    """Unite copies: photos with one name in several folders have one content."""
    reasons: dict[str, str] = {}
    usable = [(file, PhotoFacts(file.path, Path(file.path).name, b"", "")) for file in folder.files]
    files = unite_copies(usable, folder, reasons)
    return [(file.path, file.label, file.labels) for file, _ in files], reasons


def test_copies_in_several_folders_have_all_labels():
    files = [
        PhotoFile("a/1.jpg", 0, "test", labels=(1, 0, 0)),
        PhotoFile("b/1.jpg", 1, "train", labels=(0, 1, 0)),
        PhotoFile("b/2.jpg", 1, None, labels=(0, 1, 0)),
    ]
    photos, reasons = unite(make_folder(*files))
    # The copy in train is preferred, and the rarest label comes first.
    assert photos == [("b/1.jpg", 0, (1, 1, 0)), ("b/2.jpg", 1, (0, 1, 0))]
    assert reasons == {"a/1.jpg": "same photo as b/1.jpg"}


@pytest.mark.parametrize("second", [(1, 0, 0), (0, 0, 0)])
def test_copies_that_contradict_a_list_are_left_out(second):
    files = [PhotoFile("x/1.jpg", 0, None, labels=(1, 0, 0)), PhotoFile("y/1.jpg", 0, None, labels=second)]
    photos, reasons = unite(make_folder(*files, states_all_labels=True))
    if second == (1, 0, 0):
        assert photos == [("x/1.jpg", 0, second)] and list(reasons) == ["y/1.jpg"]
    else:
        assert not photos and reasons == {
            "x/1.jpg": "same photo with other labels: y/1.jpg",
            "y/1.jpg": "same photo with other labels: x/1.jpg",
        }


def test_label_that_nearly_all_photos_have():
    files = [PhotoFile(f"{number}.jpg", 0, None, labels=(1, number % 2, 0)) for number in range(20)]
    assert list_frequent_labels("abc", files, 10) == ["a: 0 photos are without it, at least 10 are needed"]
