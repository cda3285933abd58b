"""photo_set.py: the key depends on content, order and input; pixels are opened in order."""

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import InputSpec, Photo
from edgetl.core.run.fingerprint import resolve_key

SPEC = InputSpec(height_px=32, width_px=32, fit="crop")
FIRST, SECOND = Photo(path="a.jpg", label=0, sha256="1" * 64), Photo(path="b.jpg", label=0, sha256="2" * 64)


def make_set(*photos: Photo, part: str = "test", input_spec: InputSpec = SPEC) -> PhotoSet:
    return PhotoSet(part=part, photos=photos, input_spec=input_spec)


def read_key(photo_set: PhotoSet) -> object:
    return resolve_key(photo_set)


@pytest.mark.parametrize(
    "changed",
    [
        make_set(SECOND, FIRST),
        make_set(SECOND),
        make_set(FIRST, SECOND, input_spec=InputSpec(height_px=32, width_px=32, fit="stretch")),
        make_set(FIRST, SECOND, input_spec=InputSpec(height_px=48, width_px=48, fit="crop")),
    ],
    ids=["order", "photos", "fit", "side"],
)
def test_key_changes_with_everything_that_changes_predictions(changed):
    assert read_key(changed) != read_key(make_set(FIRST, SECOND))


def test_key_does_not_change_with_names_or_part():
    renamed = FIRST.model_copy(update={"path": "renamed.jpg"})
    assert read_key(make_set(renamed, SECOND)) == read_key(make_set(FIRST, SECOND))
    assert read_key(make_set(FIRST, SECOND, part="validation")) == read_key(make_set(FIRST, SECOND))


def test_pixels_are_opened_in_the_order_of_the_photos(dataset, load_pixels):
    photos = [dataset.train[row] for row in (5, 0, 3)]
    pixels = make_set(*photos).open_pixels()
    assert len(pixels) == 3 and pixels.input_spec == SPEC
    assert np.array_equal(pixels.rows([0, 1, 2]), np.stack([load_pixels(photo) for photo in photos]))


def test_photo_that_is_not_in_the_store_is_an_error(dataset):
    with pytest.raises(DataError, match="1 of 2 photos are not in the cache"):
        make_set(dataset.train[0], FIRST).open_pixels()
