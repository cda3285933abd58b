"""Batches of a training phase: which inputs an epoch reads, and in which order."""

import numpy as np
import pytest

from edgetl.core.photos.labelled import choose_view
from edgetl.engines.keras.batches import AugmentedPixels, Batches, CachedFeatures, PlainPixels, Targets
from tests.fixtures.photos import ArrayPixels
from tests.fixtures.training import NO_AUGMENTATION, label_photos, make_recipe

COUNT = 10


@pytest.fixture(scope="module")
def photos():
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)
    return label_photos(pixels, np.arange(COUNT) % 2)


def make_batches(photos, labels, *, first_epoch=1, shuffled, weights=None, training=None, **tables):
    recipe = make_recipe(training={"batch_size": 4, **(training or {})}, **tables)
    targets = Targets(labels, weights, COUNT)
    return Batches(PlainPixels(photos), targets, recipe, first_epoch=first_epoch, shuffled=shuffled)


def read_epochs(batches, epochs):
    """Return for each epoch its labels in the order of the batches."""
    orders = []
    for _ in range(epochs):
        orders.append(np.concatenate([batches[index][1] for index in range(len(batches))]).tolist())
        batches.on_epoch_end()
    return orders


def test_each_epoch_contains_every_photo_once_in_its_own_order(photos):
    orders = read_epochs(make_batches(photos, np.arange(COUNT), shuffled=True), 2)
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert orders[0] != orders[1]


def test_batches_contain_the_pixels_of_their_labels(photos):
    batches = make_batches(photos, np.arange(COUNT), shuffled=True)
    assert len(batches) == 3
    for index in range(3):
        pixels, labels = batches[index]
        assert np.array_equal(pixels, photos.pixels.rows(labels))


def test_batches_contain_the_weights_of_their_photos(photos):
    weights = np.arange(COUNT, dtype=np.float32) / 2
    batches = make_batches(photos, np.arange(COUNT), shuffled=True, weights=weights)
    for index in range(3):
        _, labels, weights_of_batch = batches[index]
        assert np.array_equal(weights_of_batch, labels / 2)


def test_order_depends_on_the_epoch_and_not_on_the_first_epoch(photos):
    from_epoch_2 = make_batches(photos, np.arange(COUNT), first_epoch=2, shuffled=True)
    from_epoch_1 = make_batches(photos, np.arange(COUNT), shuffled=True)
    assert read_epochs(from_epoch_1, 2)[1] == read_epochs(from_epoch_2, 1)[0]


def test_validation_photos_keep_their_order(photos):
    for order in read_epochs(make_batches(photos, np.arange(COUNT), shuffled=False), 2):
        assert order == list(range(COUNT))


def test_sigmoid_labels_are_a_column_of_floats(photos):
    batches = make_batches(photos, photos.labels, shuffled=False, head={"activation": "sigmoid"})
    assert batches[0][1].shape == (4, 1)
    assert batches[0][1].dtype == np.float32


def test_cached_features_and_augmented_pixels_read_the_same_views(photos):
    recipe = make_recipe(augment={"views": 3})
    rows = np.array([7, 1])
    augmented = AugmentedPixels(photos, recipe)
    views = [photos.augmented(np.arange(COUNT), view, recipe.training.seed, recipe.augment) for view in range(3)]
    cached = CachedFeatures([ArrayPixels(view) for view in views])
    for epoch in (1, 2, 3, 4, 8):
        assert np.array_equal(cached.rows(rows, epoch), augmented.rows(rows, epoch))
    assert not np.array_equal(augmented.rows(rows, 1), augmented.rows(rows, 2))


def test_without_augmentation_all_epochs_read_one_view():
    recipe = make_recipe(augment=NO_AUGMENTATION)
    assert {choose_view(epoch, recipe.augment) for epoch in range(1, 9)} == {0}


def test_training_photos_have_smoothed_targets_and_validation_photos_hard_ones(photos):
    smoothing = {"label_smoothing": 0.5}
    training = make_batches(photos, np.arange(COUNT), shuffled=True, training=smoothing)
    validation = make_batches(photos, np.arange(COUNT), shuffled=False, training=smoothing)
    assert np.unique(training[0][1]) == pytest.approx([0.05, 0.55])
    assert np.array_equal(validation[0][1], np.eye(COUNT)[:4])


def test_photos_are_mixed_in_training_alone_and_otherwise_in_each_epoch(photos):
    mixup = {"mixup": 5.0}
    training = make_batches(photos, np.arange(COUNT), shuffled=True, training=mixup)
    validation = make_batches(photos, np.arange(COUNT), shuffled=False, training=mixup)
    assert np.array_equal(validation[0][0], photos.pixels.rows(np.arange(4)))
    again = make_batches(photos, np.arange(COUNT), shuffled=True, training=mixup)
    assert all(np.array_equal(one, other) for one, other in zip(training[0], again[0], strict=True))
    first = training[0][1]
    training.on_epoch_end()
    assert not np.array_equal(training[0][1], first)
    assert (first.max(axis=1) < 1).any()
