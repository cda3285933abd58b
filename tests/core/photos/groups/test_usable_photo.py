"""usable_photo.py: the record of a photo, its preset part, and stacked thumbnails."""

import pytest

from edgetl.core.photos.groups.usable_photo import UsablePhoto, stack_thumbnails
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES
from edgetl.core.photos.photo_folder import PhotoFile
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Photo


def make_photo(part=None, value=7) -> UsablePhoto:
    facts = PhotoFacts("a/1.jpg", "ab" * 32, bytes([value] * THUMBNAIL_BYTES), "")
    return UsablePhoto(PhotoFile("a/1.jpg", 3, part), facts, "clip 4")


def test_record_has_label_content_and_group():
    assert make_photo().photo == Photo(path="a/1.jpg", label=3, sha256="ab" * 32, group="clip 4")


@pytest.mark.parametrize(
    ("part", "preset"), [(None, None), ("train", None), ("validation", "validation"), ("test", "test")]
)
def test_photos_of_a_train_folder_may_be_drawn(part, preset):
    assert make_photo(part).preset_part == preset


def test_thumbnails_are_stacked_in_order():
    stacked = stack_thumbnails([make_photo(value=1), make_photo(value=2)])
    assert stacked.shape == (2, THUMBNAIL_BYTES) and stacked[:, 0].tolist() == [1, 2]
    assert stack_thumbnails([]).shape == (0, THUMBNAIL_BYTES)
