"""group_lines.py: the groups of each part in words."""

from pathlib import Path

from edgetl.core.records import Dataset, Photo
from edgetl.core.report.group_lines import count_groups, describe_groups


def make_photos(*groups: str) -> tuple[Photo, ...]:
    return tuple(Photo(path=f"{row}", label=0, sha256=f"{row}", group=group) for row, group in enumerate(groups))


def make_dataset(train, validation, test) -> Dataset:
    return Dataset.model_construct(root=Path("/"), train=train, validation=validation, test=test, notes=("a note",))


def test_photos_without_a_group_count_as_one():
    assert count_groups(make_photos("x", "x", "", "y", "")) == 4 and count_groups(()) == 0


def test_groups_of_each_part_are_counted():
    dataset = make_dataset(make_photos("x", "x", ""), make_photos("y"), make_photos("", ""))
    assert describe_groups(dataset) == [
        "a note",
        "groups that no part shares, a photo without a group counting as one: 2 training, 1 validation, 2 test",
    ]


def test_dataset_without_groups_has_its_notes_only():
    assert describe_groups(make_dataset(make_photos(""), make_photos(""), make_photos(""))) == ["a note"]
