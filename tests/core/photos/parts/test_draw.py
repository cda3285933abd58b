"""draw.py: parts by hashes, groups as a whole, and every class in every part as far as there are groups."""

import hashlib

import numpy as np
import pytest

from edgetl.core.photos.groups.usable_photo import UsablePhoto
from edgetl.core.photos.parts.draw import SplitFractions, draw_parts
from edgetl.core.photos.photo_folder import PhotoFile
from edgetl.core.photos.pixel_store import PhotoFacts

SPLIT = SplitFractions(test=0.2, validation=0.2)


def make_photo(path: str, label: int = 0, group: str = "", part=None) -> UsablePhoto:
    return UsablePhoto(
        PhotoFile(path, label, part), PhotoFacts(path, hashlib.sha256(path.encode()).hexdigest(), b"", ""), group
    )


def make_groups(count: int, size: int = 4, prefix: str = "", classes: int = 2) -> list[UsablePhoto]:
    return [
        make_photo(f"{prefix}{group}/{row}", group % classes, f"{prefix}{group}")
        for group in range(count)
        for row in range(size)
    ]


def map_groups(photos: list[UsablePhoto], preset=()) -> dict[str, str]:
    drawn = draw_parts(photos, preset, SPLIT)
    parts = {photo.group: photo.part for photo in drawn}
    assert all(parts[photo.group] == photo.part for photo in drawn)
    return parts


def draw(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) / 2**64


def test_part_of_a_group_follows_from_the_hash_of_its_name():
    for name, part in map_groups(make_groups(200)).items():
        expected = draw(f"group {name}")
        assert part == ("test" if expected < 0.2 else "validation" if expected < 0.4 else "train")


def test_added_groups_and_photos_do_not_move_others():
    before = map_groups(make_groups(80))
    after = map_groups([*make_groups(120, size=7), *make_groups(50, prefix="new ")])
    assert {name: after[name] for name in before} == before


def test_photos_without_a_group_are_drawn_as_without_groups():
    single = [make_photo(f"single {number}", number % 2) for number in range(100)]
    plain = draw_parts(single, (), SPLIT)
    assert draw_parts([*make_groups(6, size=30), *single], (), SPLIT)[-100:] == plain
    assert [photo.part == "test" for photo in plain] == [draw(f"single {number}") < 0.2 for number in range(100)]


@pytest.mark.parametrize("seed", range(30))
def test_every_class_of_three_groups_is_in_every_part(seed):
    drawn = draw_parts(make_groups(6, prefix=f"seed {seed} "), (), SPLIT)
    for part in ("train", "validation", "test"):
        assert {photo.file.label for photo in drawn if photo.part == part} == {0, 1}


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("count", [3, 4, 10])
def test_class_of_three_photos_is_in_every_part(seed, count):
    """By the hash alone, one of ten such classes of ten photos would have no test photo."""
    photos = [make_photo(f"{seed} common {row}", 0) for row in range(200)]
    photos += [make_photo(f"{seed} rare {row}", 1) for row in range(count)]
    drawn = draw_parts(photos, (), SPLIT)
    assert {photo.part for photo in drawn if photo.file.label == 1} == {"train", "validation", "test"}
    # The others are where they would be without it.
    assert [photo.part for photo in drawn[:200]] == [photo.part for photo in draw_parts(photos[:200], (), SPLIT)]


def test_photo_of_a_small_class_moves_only_where_a_part_is_empty():
    for seed in range(40):
        photos = [make_photo(f"{seed} rare {row}", 0) for row in range(10)]
        drawn = draw_parts(photos, (), SPLIT)
        moved = 0
        for photo in drawn:
            value = draw(photo.file.path)
            moved += photo.part != ("test" if value < 0.2 else "validation" if value < 0.4 else "train")
        values = [draw(photo.file.path) for photo in photos]
        empty = sum(not any(low <= value < high for value in values) for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 1)))
        assert moved == empty


def test_two_photos_are_a_training_photo_and_one_of_another_part():
    for seed in range(20):
        photos = [make_photo(f"{seed} rare {row}", 0) for row in range(2)]
        parts = {photo.part for photo in draw_parts(photos, (), SPLIT)}
        assert "train" in parts and len(parts) == 2


def test_class_of_single_photos_fills_a_missing_part_beside_preset_ones():
    photos = [make_photo(f"rare {row}", 0, part="train") for row in range(5)]
    photos += [make_photo(f"held out {row}", 0, part="test") for row in range(5)]
    drawn = draw_parts(photos, ("train", "test"), SPLIT)
    assert {photo.part for photo in drawn[:5]} == {"train", "validation"}
    assert {photo.part for photo in drawn[5:]} == {"test"}


@pytest.mark.parametrize("seed", range(30))
def test_groups_with_several_classes_leave_no_class_without_training_photos(seed):
    generator = np.random.default_rng(seed)
    photos = [
        make_photo(f"{seed} {number}", int(generator.integers(0, 3)), f"{seed} {generator.integers(0, 5)}")
        for number in range(60)
    ]
    drawn = draw_parts(photos, (), SPLIT)
    assert {photo.file.label for photo in drawn if photo.part == "train"} == {0, 1, 2}
    assert {photo.part for photo in drawn} == {"train", "validation", "test"}


def test_group_with_most_photos_of_a_class_is_a_training_group():
    for number in range(20):
        photos = [make_photo(f"big {row}", 0, f"big {number}") for row in range(60)]
        parts = map_groups([*photos, *make_groups(20, size=4)])
        assert parts[f"big {number}"] == "train"


def test_preset_parts_stay_and_are_not_drawn():
    photos = [*make_groups(40), *[make_photo(f"t{row}", row % 2, "held out", "test") for row in range(9)]]
    parts = map_groups(photos, ("train", "test"))
    assert {name for name, part in parts.items() if part == "test"} == {"held out"}
    assert set(parts.values()) == {"train", "validation", "test"}


def test_training_share_is_what_is_not_drawn():
    assert SPLIT.compute_training(()) == pytest.approx(0.6)
    assert SPLIT.compute_training(("train", "test")) == pytest.approx(0.8)
    assert SPLIT.compute_training(("train", "validation", "test")) == 1


@pytest.mark.parametrize("seed", range(20))
def test_bursts_of_a_sequence_are_spread_evenly(seed):
    names = [f"burst {number} of camera {seed}/#" for number in range(1, 9) for _ in range(10)]
    drawn = draw_parts([make_photo(f"{row}", 0, name) for row, name in enumerate(names)], (), SPLIT)
    counts = [sum(photo.part == part for photo in drawn) for part in ("train", "validation", "test")]
    assert counts[0] >= 40 and min(counts) >= 10
