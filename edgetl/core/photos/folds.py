"""A dataset → K datasets with the same photos. Each photo is a test photo of exactly one of them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import DataError
from edgetl.core.photos.dataset import replace_parts
from edgetl.core.records import Dataset, Photo

FEWEST_FOLDS, MOST_FOLDS = 2, 10


def list_all_photos(dataset: Dataset) -> tuple[Photo, ...]:
    """List the photos of all parts, sorted by class and sha256."""
    photos = (*dataset.train, *dataset.validation, *dataset.test)
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256)))


def make_folds(dataset: Dataset, groups: NDArray[np.int64], count: int, seed: int) -> tuple[Dataset, ...]:
    """Divide all photos of a dataset `count` times into train, validation and test.

    The share of validation photos among those that are not tested is that of the dataset. Groups are never divided.

    Args:
        dataset: its parts are united first.
        groups: int [photos], the group of each photo, in the order of `list_all_photos`.
        count: number of folds, at least 2.
        seed: decides which photos share a fold, together with the content of the photos.

    Returns:
        One dataset for each fold. Their test parts share no photo, and contain all photos together.

    Raises:
        DataError: names the classes that would have no training photo in a fold.
    """
    photos = list_all_photos(dataset)
    fold_of_photo = assign_folds(photos, groups, count, seed)
    learned = len(dataset.train) + len(dataset.validation)
    # Every n-th photo that is not tested is a validation photo.
    shares = max(2, round(learned / max(1, len(dataset.validation))))
    folds = []
    for number in range(count):
        rest = np.flatnonzero(fold_of_photo != number)
        share_of_photo = assign_folds([photos[row] for row in rest], groups[rest], shares, seed)
        folds.append(
            replace_parts(
                dataset,
                train=[photos[row] for row in rest[share_of_photo != 0]],
                validation=[photos[row] for row in rest[share_of_photo == 0]],
                test=[photos[row] for row in np.flatnonzero(fold_of_photo == number)],
            )
        )
    _check_folds(folds)
    return tuple(folds)


def assign_folds(photos: Sequence[Photo], groups: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Assign every photo to a fold, so that each class is spread evenly and no group is divided.

    Groups are assigned one after another, large ones first, each to the fold with the fewest photos of its class. So
    the photos of a class in two folds differ by at most the largest group.

    Args:
        photos: at least one.
        groups: int [photos], the group of each photo.
        count: number of folds.
        seed: decides the order of groups of one size, together with the content of the photos.

    Returns:
        int64 [photos], 0..count-1.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups.tolist()):
        members[group].append(row)
    # A hash for each seed: the order by sha256 would always be the same.
    draws = [hashlib.sha256(f"fold {seed}:{photo.sha256}".encode()).digest() for photo in photos]
    ordered = sorted(members.values(), key=lambda rows: (-len(rows), min(draws[row] for row in rows)))
    in_class: defaultdict[int, list[int]] = defaultdict(lambda: [0] * count)
    in_all = [0] * count
    folds = np.zeros(len(photos), np.int64)
    for rows in ordered:
        labels = Counter(photos[row].label for row in rows)
        label = min(labels, key=lambda label: (-labels[label], label))
        fold = min(range(count), key=lambda fold: (in_class[label][fold], in_all[fold], fold))
        folds[rows] = fold
        in_all[fold] += len(rows)
        for name, photos_of_class in labels.items():
            in_class[name][fold] += photos_of_class
    return folds


def _check_folds(folds: Sequence[Dataset]) -> None:
    problems = []
    for number, fold in enumerate(folds, 1):
        trained = {photo.label for photo in fold.train}
        missing = [name for label, name in enumerate(fold.classes) if label not in trained]
        problems += [f"fold {number}: no training photo of {name}" for name in missing]
        problems += [f"fold {number}: no photo for {part}" for part in ("validation", "test") if not fold.part(part)]
    if problems:
        raise DataError(
            f"{len(folds)} folds are too many for these photos",
            where=problems,
            hint="add photos to these classes, or choose fewer folds with --cross-fit; near duplicates share a fold",
        )
