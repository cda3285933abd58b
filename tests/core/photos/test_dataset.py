"""dataset.py: decided from content alone; no photo in two parts; nothing moves when photos are added."""

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.photos import near_duplicates
from edgetl.core.photos.dataset import SplitFractions, assemble_dataset, draw_calibration_photos
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Dataset, Part

SPLIT = SplitFractions(test=0.2, validation=0.2)


class Photos:
    """A tree and its glimpses, written photo by photo; looks are random, and so all different."""

    def __init__(self, *classes: str, given: tuple[Part, ...] = ()) -> None:
        self.classes, self.given = classes, given
        self.files: list[PhotoFile] = []
        self.glimpses: list[PhotoFacts] = []

    def add(self, path: str, label: int, content: str = "", seen: bytes = b"", part: Part | None = None) -> "Photos":
        sha256 = hashlib.sha256((content or path).encode()).hexdigest()
        different = np.random.default_rng(int(sha256[:16], 16)).bytes(near_duplicates.BYTES)
        self.files.append(PhotoFile(path, label, part))
        self.glimpses.append(PhotoFacts(path, sha256, seen or different, ""))
        return self

    def broken(self, path: str, label: int) -> "Photos":
        self.files.append(PhotoFile(path, label, None))
        self.glimpses.append(PhotoFacts(path, "ab" * 32, b"", "truncated"))
        return self

    def many(self, count: int, part: Part | None = None, prefix: str = "") -> "Photos":
        for label, name in enumerate(self.classes):
            for number in range(count):
                self.add(f"{prefix}{name}/{number:04}.jpg", label, part=part)
        return self

    def assembled(self, split: SplitFractions = SPLIT) -> Dataset:
        tree = PhotoFolder(Path("/photos"), self.classes, self.given, tuple(self.files), ())
        return assemble_dataset(tree, self.glimpses, split)


def parts(dataset: Dataset) -> dict[str, str]:
    """Path → part."""
    return {photo.path: name for name in ("train", "validation", "test") for photo in dataset.part(name)}


def reasons(dataset: Dataset) -> dict[str, str]:
    return {left.path: left.reason for left in dataset.left_out}


def content_for(part: str, split: SplitFractions = SPLIT) -> str:
    """Some content whose hash draws this part."""
    limits = {"test": (0, split.test), "validation": (split.test, split.test + split.validation), "train": (0.4, 1)}
    low, high = limits[part]
    for number in range(10_000):
        content = f"{part}-{number}"
        if low <= int(hashlib.sha256(content.encode()).hexdigest()[:16], 16) / 2**64 < high:
            return content
    raise AssertionError


def test_the_split_is_that_of_the_hash():
    dataset = Photos("a", "b").many(500).assembled()
    for path, part in parts(dataset).items():
        draw = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big") / 2**64
        assert part == ("test" if draw < 0.2 else "validation" if draw < 0.4 else "train")
    assert 150 < len(dataset.test) < 250 and 150 < len(dataset.validation) < 250
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 1000 and not dataset.left_out


def test_adding_photos_never_moves_old_ones():
    before = parts(Photos("a", "b").many(100).assembled())
    after = parts(Photos("a", "b").many(300).assembled())
    assert {path: after[path] for path in before} == before


def test_names_and_order_do_not_matter_to_the_digest_and_content_does():
    def renamed(prefix: str, changed: str = "x-3") -> str:
        photos = Photos("a", "b")
        for number in range(60):
            photos.add(
                f"{'ab'[number % 2]}/{prefix}{number:03}.jpg", number % 2, changed if number == 3 else f"x-{number}"
            )
        return photos.assembled().sha256

    assert renamed("") == renamed("other") and len(renamed("")) == 64
    assert renamed("") != renamed("", "something else")


def test_exact_copies_count_once():
    photos = Photos("a", "b").many(30)
    photos.add("a/z.jpg", 0, content="a/0003.jpg")
    dataset = photos.assembled()
    assert reasons(dataset) == {"a/z.jpg": "same photo as a/0003.jpg"}
    assert "a/0003.jpg" in parts(dataset)


def test_the_same_photo_under_two_classes_is_left_out_everywhere():
    photos = Photos("a", "b").many(30)
    photos.add("a/y.jpg", 0, content="a/0003.jpg").add("b/z.jpg", 1, content="a/0003.jpg")
    assert reasons(photos.assembled()) == {
        "a/0003.jpg": "same photo also under b",
        "a/y.jpg": "same photo also under b",
        "b/z.jpg": "same photo also under a",
    }


def test_near_duplicates_never_straddle():
    alike = bytes([90] * near_duplicates.BYTES)
    photos = Photos("a", "b").many(30)
    for part, path in (("test", "a/t.jpg"), ("validation", "b/v.jpg"), ("train", "a/r.jpg")):
        photos.add(path, "ab".index(path[0]), content=content_for(part), seen=alike)
    dataset = photos.assembled()
    assert parts(dataset)["a/r.jpg"] == "train"
    assert reasons(dataset) == {
        "a/t.jpg": "near duplicate of a/r.jpg in train",
        "b/v.jpg": "near duplicate of a/r.jpg in train",
    }
    without_train = Photos("a", "b").many(30)
    for part, path in (("test", "a/t.jpg"), ("validation", "b/v.jpg")):
        without_train.add(path, "ab".index(path[0]), content=content_for(part), seen=alike)
    assert reasons(without_train.assembled()) == {"a/t.jpg": "near duplicate of b/v.jpg in validation"}


def test_near_duplicates_within_a_part_stay():
    photos = Photos("a", "b").many(30)
    train = [
        content
        for content in (f"c{n}" for n in range(50))
        if int(hashlib.sha256(content.encode()).hexdigest()[:2], 16) > 128
    ]
    for number, content in enumerate(train):
        photos.add(f"a/n{number}.jpg", 0, content=content, seen=bytes([7] * near_duplicates.BYTES))
    dataset = photos.assembled()
    assert not dataset.left_out and len(train) > 10


def test_given_parts_are_kept_and_train_keeps_the_copy():
    photos = Photos("a", "b", given=("train", "validation", "test"))
    for part in ("test", "train", "validation"):
        photos.many(12, part, f"{part}/")
    photos.add("test/a/copy.jpg", 0, content="train/a/0001.jpg", part="test")
    dataset = photos.assembled()
    assert all(path.startswith(part) for path, part in parts(dataset).items())
    assert reasons(dataset) == {"test/a/copy.jpg": "same photo as train/a/0001.jpg"}


@pytest.mark.parametrize("given, drawn", [(("train", "test"), "validation"), (("train", "validation"), "test")])
def test_a_missing_part_is_drawn_from_train(given, drawn):
    photos = Photos("a", "b", given=given)
    for part in given:
        photos.many(100, part, f"{part}/")
    dataset = photos.assembled()
    assert 15 < len(dataset.part(drawn)) < 70
    assert all(photo.path.startswith("train/") for photo in dataset.part(drawn))
    other = given[1]
    assert len(dataset.part(other)) == 200 and all(photo.path.startswith(other) for photo in dataset.part(other))


def test_all_problems_come_at_once():
    photos = Photos("few", "fine", "rotten")
    photos.many(30)
    photos.files, photos.glimpses = photos.files[25:], photos.glimpses[25:]
    for number in range(2):
        photos.broken(f"rotten/x{number}.jpg", 2)
    with pytest.raises(DataError) as caught:
        photos.assembled()
    assert caught.value.where == (
        "/photos",
        "few: 5 usable photos of 5, at least 10 are needed",
        "rotten: 2 of 32 photos are unusable",
    )


def test_a_few_unusable_files_are_left_out_with_their_reason():
    photos = Photos("a", "b").many(40).broken("a/x.jpg", 0)
    assert reasons(photos.assembled()) == {"a/x.jpg": "truncated"}


def test_a_class_without_training_photos_is_refused():
    photos = Photos("a", "b", given=("train", "test")).many(20, "test", "test/")
    for number in range(20):
        photos.add(f"train/a/{number}.jpg", 0, part="train")
    with pytest.raises(DataError) as caught:
        photos.assembled()
    assert caught.value.where[1:] == ("b: none of 20 photos is left for training",)


@pytest.mark.parametrize("test, validation", [(-0.1, 0.2), (0.5, 0.5), (0.9, 0.2)])
def test_fractions_must_leave_something(test, validation):
    with pytest.raises(ConfigError, match="nothing to train on"):
        SplitFractions(test=test, validation=validation)


def test_calibration_takes_the_classes_in_turn_from_train_only():
    dataset = Photos("a", "b", "c").many(60).assembled()
    drawn = draw_calibration_photos(dataset, 32, 1)
    assert len(drawn) == len(set(drawn)) == 32 and set(drawn) <= set(dataset.train)
    assert sorted(sum(photo.label == label for photo in drawn) for label in range(3)) == [10, 11, 11]
    assert draw_calibration_photos(dataset, 32, 1) == drawn
    assert draw_calibration_photos(dataset, 16, 1) == drawn[:16]
    assert draw_calibration_photos(dataset, 32, 2) != drawn
    assert sorted(draw_calibration_photos(dataset, 10_000, 1), key=lambda p: p.sha256) == sorted(
        dataset.train, key=lambda p: p.sha256
    )


def test_a_hundred_thousand_photos():
    photos = Photos("a", "b")
    noise = np.random.default_rng(0).bytes(near_duplicates.BYTES * 20_000)
    for number in range(100_000):
        at = near_duplicates.BYTES * (number % 20_000)
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        photos.files.append(PhotoFile(f"{'ab'[number % 2]}/{number}", number % 2, None))
        photos.glimpses.append(PhotoFacts("", sha256, noise[at : at + near_duplicates.BYTES], ""))
    began = time.perf_counter()
    dataset = photos.assembled()
    assert time.perf_counter() - began < 20
    assert len(dataset.train) > 50_000 and len(dataset.left_out) > 10_000
