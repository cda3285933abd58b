"""folds.py: every photo is tested once, groups stay together, classes are spread evenly, the seed decides."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.folds import assign_folds, list_all_photos, make_folds
from edgetl.core.records import Dataset, Photo


def make_dataset(*photos_of_class: int, validation: int = 5) -> Dataset:
    """Of every `validation` photos one is a validation photo and one a test photo."""
    photos = [
        Photo(path=f"{label}/{number}", label=label, sha256=hashlib.sha256(f"{label}/{number}".encode()).hexdigest())
        for label, count in enumerate(photos_of_class)
        for number in range(count)
    ]
    return Dataset(
        root=Path("/photos"),
        classes=tuple(f"c{label}" for label in range(len(photos_of_class))),
        train=tuple(photo for number, photo in enumerate(photos) if number % validation > 1),
        validation=tuple(photos[::validation]),
        test=tuple(photos[1::validation]),
        left_out=(),
        sha256="d",
    )


def make_groups(dataset: Dataset, size: int) -> np.ndarray:
    """Groups of `size` photos each; several classes may share one."""
    return np.arange(len(list_all_photos(dataset))) // size


@pytest.mark.parametrize("count", [2, 5, 10])
def test_every_photo_is_tested_once(count):
    dataset = make_dataset(60, 40, 25)
    photos = set(list_all_photos(dataset))
    folds = make_folds(dataset, make_groups(dataset, 1), count, seed=1)
    assert len(folds) == count
    tested = [photo for fold in folds for photo in fold.test]
    assert len(tested) == len(photos) and set(tested) == photos
    for fold in folds:
        parts = [*fold.train, *fold.validation, *fold.test]
        assert len(parts) == len(photos) and set(parts) == photos
        for part in (fold.train, fold.validation, fold.test):
            assert list(part) == sorted(part, key=lambda photo: (photo.label, photo.sha256))
    # Each fold is a dataset of its own for the fingerprints of stages.
    assert len({fold.sha256 for fold in folds} | {dataset.sha256}) == count + 1


@pytest.mark.parametrize("size", [1, 3, 7])
def test_groups_are_never_divided(size):
    dataset = make_dataset(60, 40, 25)
    groups, photos = make_groups(dataset, size), list_all_photos(dataset)
    for fold in make_folds(dataset, groups, 4, seed=1):
        part_of_photo = {photo: part for part in ("train", "validation", "test") for photo in fold.part(part)}
        for group in set(groups.tolist()):
            assert len({part_of_photo[photos[row]] for row in np.flatnonzero(groups == group)}) == 1


def test_each_class_is_spread_evenly():
    dataset = make_dataset(61, 40, 13)
    for fold in make_folds(dataset, make_groups(dataset, 1), 5, seed=1):
        tested = Counter(photo.label for photo in fold.test)
        assert tested[0] in (12, 13) and tested[1] == 8 and tested[2] in (2, 3)
        # One of five photos was a validation photo and one a test photo: a quarter of the rest.
        assert len(fold.validation) / (len(fold.train) + len(fold.validation)) == pytest.approx(0.25, abs=0.03)


def test_folds_follow_from_seed_and_content():
    dataset = make_dataset(60, 40)
    groups = make_groups(dataset, 1)
    folds = [fold.sha256 for fold in make_folds(dataset, groups, 5, seed=1)]
    assert folds == [fold.sha256 for fold in make_folds(dataset, groups, 5, seed=1)]
    assert folds != [fold.sha256 for fold in make_folds(dataset, groups, 5, seed=2)]


def test_group_with_photos_of_two_classes_counts_for_both():
    photos = [Photo(path=f"{number}", label=number % 2, sha256=f"{number:064x}") for number in range(12)]
    folds = assign_folds(photos, np.arange(12) // 4, 3, seed=1)
    assert Counter(folds.tolist()) == {0: 4, 1: 4, 2: 4}


def test_class_that_a_fold_could_not_train_is_named():
    dataset = make_dataset(60, 12)
    # All photos of the second class are near duplicates of each other.
    groups = np.array([row if photo.label == 0 else 60 for row, photo in enumerate(list_all_photos(dataset))])
    with pytest.raises(DataError, match="folds are too many") as caught:
        make_folds(dataset, groups, 5, seed=1)
    assert any(str(place).endswith("no training photo of c1") for place in caught.value.where)
    assert "--cross-fit" in caught.value.hint
