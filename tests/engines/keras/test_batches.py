"""sources.py: which numbers a phase is given, and in which order."""

import numpy as np

from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.engines.keras.batches import (
    AugmentedPixels,
    Batches,
    CachedFeatures,
    LabelledPhotos,
    PlainPixels,
    choose_view,
)


class Held:
    """Pixels in memory."""

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return len(self.array)

    def rows(self, indices):
        return self.array[indices]


def photos(count=10):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return LabelledPhotos(pixels=Held(pixels), labels=np.arange(count) % 2, sha256s=[f"{i:064x}" for i in range(count)])


def recipe(**tables):
    return resolve_recipe("default", {"training": {"batch_size": 4}, **tables})


def epochs(batches, count):
    for _ in range(count):
        yield [batches[index] for index in range(len(batches))]
        batches.on_epoch_end()


def test_every_photo_once_an_epoch_in_an_order_of_the_epoch():
    some = photos()
    made = Batches(PlainPixels(some), np.arange(10), recipe(), first_epoch=1, shuffled=True)
    orders = [np.concatenate([labels for _, labels in epoch]).tolist() for epoch in epochs(made, 2)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1]


def test_the_order_belongs_to_the_epoch_and_not_to_where_training_began():
    later = Batches(PlainPixels(photos()), np.arange(10), recipe(), first_epoch=2, shuffled=True)
    started = Batches(PlainPixels(photos()), np.arange(10), recipe(), first_epoch=1, shuffled=True)
    started.on_epoch_end()
    assert [later[i][1].tolist() for i in range(3)] == [started[i][1].tolist() for i in range(3)]


def test_validation_keeps_photo_order_every_epoch():
    made = Batches(PlainPixels(photos()), np.arange(10), recipe(), first_epoch=1, shuffled=False)
    for epoch in epochs(made, 2):
        assert np.concatenate([labels for _, labels in epoch]).tolist() == list(range(10))


def test_a_sigmoid_gets_its_labels_as_a_column_of_floats():
    made = Batches(
        PlainPixels(photos()),
        photos().labels,
        recipe(head={"activation": "sigmoid"}),
        first_epoch=1,
        shuffled=False,
    )
    assert made[0][1].shape == (4, 1)
    assert made[0][1].dtype == np.float32


def test_cached_features_take_the_same_view_as_augmented_pixels():
    some, told = photos(), recipe(augment={"views": 3})
    rows = np.array([7, 1])
    augmented = AugmentedPixels(some, told)
    cached = CachedFeatures([Held(some.view(np.arange(10), number, 1, told.augment)) for number in range(3)])
    for epoch in (1, 2, 3, 4, 8):
        assert np.array_equal(cached.rows(rows, epoch), augmented.rows(rows, epoch))
    assert not np.array_equal(augmented.rows(rows, 1), augmented.rows(rows, 2))


def test_without_augmentation_there_is_one_view():
    still = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    assert {choose_view(epoch, recipe(augment=still).augment) for epoch in range(1, 9)} == {0}
