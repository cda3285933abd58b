"""labelled.py: pixels, labels and hashes of the photos in order, and the view of each epoch."""

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.augment import augment_photos
from edgetl.core.photos.labelled import LabelledPhotos, choose_view
from edgetl.core.recipe.tables import AugmentRecipe
from edgetl.core.records import InputSpec, Photo

SPEC = InputSpec(height_px=32, width_px=32, fit="crop")
OFF = AugmentRecipe(flip=False, shift=0, zoom=0, brightness=0)


def test_photos_are_opened_in_order_with_their_labels(dataset, load_pixels):
    photos = [dataset.validation[row] for row in (-1, 0)]
    labelled = LabelledPhotos.open(photos, SPEC)
    assert labelled.labels.dtype == np.int64 and labelled.labels.tolist() == [photo.label for photo in photos]
    assert labelled.sha256s == [photo.sha256 for photo in photos]
    assert np.array_equal(labelled.pixels.rows([0, 1]), np.stack([load_pixels(photo) for photo in photos]))


def test_view_is_that_of_augment_photos(dataset, load_pixels):
    photos = dataset.train[:4]
    labelled = LabelledPhotos.open(photos, SPEC)
    rows = np.array([3, 1])
    expected = augment_photos(
        np.stack([load_pixels(photos[row]) for row in rows]),
        [photos[row].sha256 for row in rows],
        2,
        7,
        AugmentRecipe(),
    )
    assert np.array_equal(labelled.augmented(rows, 2, 7, AugmentRecipe()), expected)


def test_photo_that_is_not_in_the_store_is_an_error():
    with pytest.raises(DataError, match="not in the cache any more"):
        LabelledPhotos.open([Photo(path="a.jpg", label=0, sha256="0" * 64)], SPEC)


def test_views_take_turns():
    assert [choose_view(epoch, AugmentRecipe(views=3)) for epoch in range(1, 8)] == [0, 1, 2, 0, 1, 2, 0]


def test_only_view_without_augmentation_is_the_photo():
    assert {choose_view(epoch, OFF) for epoch in range(1, 8)} == {0}
