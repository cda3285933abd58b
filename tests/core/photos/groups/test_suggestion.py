"""suggestion.py: the rule that would keep near duplicates together."""

from pathlib import Path

import pytest

from edgetl.core.photos.groups.suggestion import suggest_group_rule
from edgetl.core.records import Dataset, Photo


def make_dataset(groups: dict[str, str]) -> Dataset:
    """Make a dataset of photos: path → group."""
    photos = [Photo(path=path, label=0, sha256=path, group=group) for path, group in groups.items()]
    return Dataset.model_construct(
        root=Path("/photos"), classes=("a", "b"), train=photos[2:], validation=photos[:1], test=photos[1:2]
    )


NEAR = "near duplicates "


@pytest.mark.parametrize(
    ("paths", "rule"),
    [
        ([f"a/day{n // 3}/{n}.jpg" for n in range(36)], "folder"),
        ([f"a/clip{n // 3}_{n % 3}.jpg" for n in range(36)], r"([^/]*[^/\d])\d+\D*$"),
        ([f"a/{n // 3:03}{n % 3}.jpg" for n in range(36)], r"(.*)\d\D*$"),
    ],
)
def test_rule_follows_from_the_names_of_near_duplicates(paths, rule):
    dataset = make_dataset({path: f"{NEAR}{n // 3}" for n, path in enumerate(paths)})
    assert suggest_group_rule(dataset, lambda _: False) == rule


def test_times_are_suggested_where_names_say_nothing():
    dataset = make_dataset({f"a/{'xyz'[n % 3]}{'x' * n}.jpg": f"{NEAR}{n // 2}" for n in range(30)})
    asked = []
    assert suggest_group_rule(dataset, lambda paths: bool(asked.append(list(paths)) or True)) == "exif:60s"
    assert len(asked[0]) == 5
    assert suggest_group_rule(dataset, lambda _: False) == ""


def test_photos_of_a_fixed_camera_are_divided_by_tens_or_times():
    dataset = make_dataset({f"a/{n:03}.jpg": f"burst {n // 10 + 1} of a/#" for n in range(160)})
    assert suggest_group_rule(dataset, lambda _: False) == r"(.*)\d\D*$"
    assert suggest_group_rule(dataset, lambda _: True) == "exif:60s"


def test_dataset_without_near_duplicates_has_no_suggestion():
    dataset = make_dataset({f"a/day{n // 3}/{n}.jpg": "" for n in range(36)})
    assert suggest_group_rule(dataset, lambda _: True) == ""
