"""class_coverage.py: classes that are missing in a part are named."""

from pathlib import Path

import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos.parts.class_coverage import (
    check_balanced_parts,
    describe_missing_classes,
    list_missing_classes,
)
from edgetl.core.records import Dataset, Photo


def make_dataset(**labels: str) -> Dataset:
    """Make a dataset of the classes a, b, c: part → the classes of its photos, as in "aab"."""
    parts = {
        part: tuple(
            Photo(path=f"{part}{row}", label="abc".index(name), sha256=f"{part}{row}") for row, name in enumerate(names)
        )
        for part, names in labels.items()
    }
    return Dataset(root=Path("/photos"), classes=("a", "b", "c"), left_out=(), sha256="d", **parts)


def test_complete_dataset_misses_nothing():
    dataset = make_dataset(train="abc", validation="cab", test="abc")
    assert list_missing_classes(dataset) == {} and describe_missing_classes(dataset) == []
    check_balanced_parts(dataset)


def test_missing_classes_are_named_by_part():
    dataset = make_dataset(train="abc", validation="a", test="ab")
    assert list_missing_classes(dataset) == {"validation": ("b", "c"), "test": ("c",)}
    first, second = describe_missing_classes(dataset)
    assert first.startswith("no validation photo of b, c: the choice") and second.startswith("no test photo of c:")
    with pytest.raises(DataError, match="--contract balanced needs") as caught:
        check_balanced_parts(dataset)
    assert caught.value.where == ("no validation photo of b, c", "no test photo of c")


def test_label_is_missing_where_no_photo_has_it():
    """The class of a photo with several labels is its rarest one."""
    photos = {
        part: tuple(
            Photo(path=f"{part}{row}", label=labels.index(1), sha256=f"{part}{row}", labels=labels)
            for row, labels in enumerate(rows)
        )
        for part, rows in {
            "train": [(1, 1, 1)],
            "validation": [(1, 1, 0), (1, 0, 1)],
            "test": [(1, 1, 0), (1, 0, 0)],
        }.items()
    }
    dataset = Dataset(
        root=Path("/photos"), classes=("a", "b", "c"), left_out=(), sha256="d", multi_label=True, **photos
    )
    assert list_missing_classes(dataset) == {"test": ("c",)}
    assert describe_missing_classes(dataset) == [
        "no test photo of c: nothing is known about their recall; add photos that have these labels"
    ]
