"""dataset.py: parts depend on content alone, share no photo, and do not change when photos are added."""

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.photos import near_duplicates
from edgetl.core.photos.dataset import (
    assemble_dataset,
    draw_calibration_photos,
    replace_parts,
    select_test_photos,
    use_model_classes,
)
from edgetl.core.photos.groups.usable_photo import DuplicateChoice
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Dataset, Part

SPLIT = SplitFractions(test=0.2, validation=0.2)


class FolderBuilder:
    """A photo folder and the facts about its files, made photo by photo. Thumbnails are random: all different."""

    def __init__(self, *classes: str, preset_parts: tuple[Part, ...] = ()) -> None:
        self.classes, self.preset_parts = classes, preset_parts
        self.files: list[PhotoFile] = []
        self.facts: list[PhotoFacts] = []

    def add(
        self, path: str, *, content: str = "", thumbnail: bytes = b"", part: Part | None = None, group: str = ""
    ) -> "FolderBuilder":
        """Add a photo of the class that the path names, with its own path as content by default."""
        label = self.classes.index(Path(path).parent.name)
        sha256 = hashlib.sha256((content or path).encode()).hexdigest()
        different = np.random.default_rng(int(sha256[:16], 16)).bytes(THUMBNAIL_BYTES)
        self.files.append(PhotoFile(path, label, part, group))
        self.facts.append(PhotoFacts(path, sha256, thumbnail or different, ""))
        return self

    def add_unusable(self, path: str, part: Part | None = None) -> "FolderBuilder":
        self.files.append(PhotoFile(path, self.classes.index(Path(path).parent.name), part))
        self.facts.append(PhotoFacts(path, "ab" * 32, b"", "truncated"))
        return self

    def add_many(self, count: int, part: Part | None = None, prefix: str = "") -> "FolderBuilder":
        for name in self.classes:
            for number in range(count):
                self.add(f"{prefix}{name}/{number:04}.jpg", part=part)
        return self

    @property
    def folder(self) -> PhotoFolder:
        return PhotoFolder(Path("/photos"), self.classes, self.preset_parts, tuple(self.files), ())

    def assemble(self, split: SplitFractions = SPLIT, duplicates: DuplicateChoice = "group") -> Dataset:
        return assemble_dataset(self.folder, self.facts, split, duplicates=duplicates)


def map_parts(dataset: Dataset) -> dict[str, str]:
    return {photo.path: name for name in ("train", "validation", "test") for photo in dataset.part(name)}


def map_reasons(dataset: Dataset) -> dict[str, str]:
    return {file.path: file.reason for file in dataset.left_out}


def draw(content: str) -> float:
    """Return the number in 0..1 that decides the part."""
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big") / 2**64


def find_content(part: str) -> str:
    """Find some content that is drawn into a part."""
    low, high = {"test": (0, 0.2), "validation": (0.2, 0.4), "train": (0.4, 1)}[part]
    candidates = (f"{part}-{number}" for number in range(10_000))
    return next(content for content in candidates if low <= draw(content) < high)


def test_part_follows_from_the_hash_of_the_photo():
    dataset = FolderBuilder("a", "b").add_many(500).assemble()
    for path, part in map_parts(dataset).items():
        assert part == ("test" if draw(path) < 0.2 else "validation" if draw(path) < 0.4 else "train")
    assert 150 < len(dataset.test) < 250 and 150 < len(dataset.validation) < 250
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 1000 and not dataset.left_out


def test_added_photos_do_not_change_the_parts_of_others():
    before = map_parts(FolderBuilder("a", "b").add_many(100).assemble())
    after = map_parts(FolderBuilder("a", "b").add_many(300).assemble())
    assert {path: after[path] for path in before} == before


def assemble_named(prefix: str, fourth: str = "content 3") -> Dataset:
    builder = FolderBuilder("a", "b")
    for number in range(60):
        content = fourth if number == 3 else f"content {number}"
        builder.add(f"{'ab'[number % 2]}/{prefix}{number:03}.jpg", content=content)
    return builder.assemble()


def test_hash_of_the_dataset_depends_on_content_and_not_on_names():
    dataset = assemble_named("")
    assert dataset.sha256 == assemble_named("renamed").sha256 and len(dataset.sha256) == 64
    assert dataset.sha256 != assemble_named("", "something else").sha256


def test_copies_count_once():
    dataset = FolderBuilder("a", "b").add_many(30).add("a/z.jpg", content="a/0003.jpg").assemble()
    assert map_reasons(dataset) == {"a/z.jpg": "same photo as a/0003.jpg"}
    assert "a/0003.jpg" in map_parts(dataset)


def test_all_copies_of_a_photo_in_two_classes_are_left_out():
    builder = FolderBuilder("a", "b").add_many(30)
    builder.add("a/y.jpg", content="a/0003.jpg").add("b/z.jpg", content="a/0003.jpg")
    assert map_reasons(builder.assemble()) == {
        "a/0003.jpg": "same photo also under b",
        "a/y.jpg": "same photo also under b",
        "b/z.jpg": "same photo also under a",
    }


def test_near_duplicates_of_training_photos_are_left_out_of_validation_and_test():
    thumbnail = bytes([90] * THUMBNAIL_BYTES)
    builder = FolderBuilder("a", "b").add_many(30)
    for part, path in (("test", "a/t.jpg"), ("validation", "b/v.jpg"), ("train", "a/r.jpg")):
        builder.add(path, content=find_content(part), thumbnail=thumbnail)
    dataset = builder.assemble(duplicates="drop")
    assert map_parts(dataset)["a/r.jpg"] == "train"
    assert map_reasons(dataset) == {
        "a/t.jpg": "near duplicate of a/r.jpg in train",
        "b/v.jpg": "near duplicate of a/r.jpg in train",
    }


def test_near_duplicates_of_validation_photos_are_left_out_of_test():
    thumbnail = bytes([90] * THUMBNAIL_BYTES)
    builder = FolderBuilder("a", "b").add_many(30)
    for part, path in (("test", "a/t.jpg"), ("validation", "b/v.jpg")):
        builder.add(path, content=find_content(part), thumbnail=thumbnail)
    assert map_reasons(builder.assemble(duplicates="drop")) == {"a/t.jpg": "near duplicate of b/v.jpg in validation"}


def test_near_duplicates_in_one_part_stay():
    contents = [content for content in (f"c{number}" for number in range(50)) if draw(content) > 0.5]
    builder = FolderBuilder("a", "b").add_many(30)
    for number, content in enumerate(contents):
        builder.add(f"a/n{number}.jpg", content=content, thumbnail=bytes([7] * THUMBNAIL_BYTES))
    assert len(contents) > 10 and not builder.assemble().left_out


def test_preset_parts_stay_and_the_training_copy_is_preferred():
    builder = FolderBuilder("a", "b", preset_parts=("train", "validation", "test"))
    for part in ("test", "train", "validation"):
        builder.add_many(12, part, f"{part}/")
    builder.add("test/a/copy.jpg", content="train/a/0001.jpg", part="test")
    dataset = builder.assemble()
    assert all(path.startswith(part) for path, part in map_parts(dataset).items())
    assert map_reasons(dataset) == {"test/a/copy.jpg": "same photo as train/a/0001.jpg"}


@pytest.mark.parametrize(("preset", "missing"), [("test", "validation"), ("validation", "test")])
def test_missing_part_is_drawn_from_the_training_photos(preset, missing):
    builder = FolderBuilder("a", "b", preset_parts=("train", preset))
    for part in ("train", preset):
        builder.add_many(100, part, f"{part}/")
    dataset = builder.assemble()
    assert 15 < len(dataset.part(missing)) < 70
    assert all(photo.path.startswith("train/") for photo in dataset.part(missing))
    assert len(dataset.part(preset)) == 200
    assert all(photo.path.startswith(preset) for photo in dataset.part(preset))


def test_error_names_all_classes_with_too_few_photos():
    builder = FolderBuilder("few", "fine", "rotten").add_many(30)
    builder.files, builder.facts = builder.files[25:], builder.facts[25:]
    for number in range(2):
        builder.add_unusable(f"rotten/x{number}.jpg")
    with pytest.raises(DataError) as error:
        builder.assemble()
    assert error.value.where == (
        "/photos",
        "few: 5 usable photos of 5, at least 10 are needed",
        "rotten: 2 of 32 photos are unusable (2 truncated: rotten/x0.jpg)",
    )


def test_single_unusable_file_is_left_out_with_its_reason():
    builder = FolderBuilder("a", "b").add_many(40).add_unusable("a/x.jpg")
    assert map_reasons(builder.assemble()) == {"a/x.jpg": "truncated"}


def test_class_without_training_photos_is_refused():
    builder = FolderBuilder("a", "b", preset_parts=("train", "test")).add_many(20, "test", "test/")
    for number in range(20):
        builder.add(f"train/a/{number}.jpg", part="train")
    with pytest.raises(DataError) as error:
        builder.assemble()
    assert error.value.where[1:] == ("b: none of 20 photos is left for training",)


@pytest.mark.parametrize(("test", "validation"), [(-0.1, 0.2), (0.5, 0.5), (0.9, 0.2)])
def test_fractions_without_training_photos_are_refused(test, validation):
    with pytest.raises(ConfigError, match="leave no photos for training"):
        SplitFractions(test=test, validation=validation)


def test_test_photos_of_an_unsplit_folder_are_all_usable_photos():
    builder = FolderBuilder("a", "b").add_many(4).add("a/z.jpg", content="a/0003.jpg").add_unusable("b/x.jpg")
    photos, left_out = select_test_photos(builder.folder, builder.facts)
    assert len(photos) == 8 and [photo.label for photo in photos] == [0] * 4 + [1] * 4
    assert {(file.path, file.reason) for file in left_out} == {
        ("a/z.jpg", "same photo as a/0003.jpg"),
        ("b/x.jpg", "truncated"),
    }


def test_test_photos_of_a_split_folder_are_those_of_its_test_part():
    builder = FolderBuilder("a", "b", preset_parts=("train", "test"))
    builder.add_many(12, "train", "train/").add_many(3, "test", "test/")
    photos, left_out = select_test_photos(builder.folder, builder.facts)
    assert len(photos) == 6 and all(photo.path.startswith("test/") for photo in photos) and not left_out


def test_folder_without_usable_test_photos_is_refused():
    builder = FolderBuilder("a", "b").add_unusable("a/x.jpg").add_unusable("b/y.jpg")
    with pytest.raises(DataError, match="none of 2 test photos is usable") as caught:
        select_test_photos(builder.folder, builder.facts)
    assert caught.value.left_out == (("a/x.jpg", "truncated"), ("b/y.jpg", "truncated"))


def test_refused_photos_are_all_in_the_error():
    builder = FolderBuilder("a", "b").add_many(60)
    for number in range(20):
        builder.add_unusable(f"b/x{number:02}.jpg")
    with pytest.raises(DataError, match="cannot be used") as caught:
        builder.assemble()
    assert len(caught.value.left_out) == 20 and caught.value.left_out[0] == ("b/x00.jpg", "truncated")
    assert "delete the unusable files" in caught.value.hint


def test_calibration_photos_are_training_photos_of_the_classes_in_turn():
    dataset = FolderBuilder("a", "b", "c").add_many(60).assemble()
    photos = draw_calibration_photos(dataset, 32, 1)
    assert len(photos) == len(set(photos)) == 32 and set(photos) <= set(dataset.train)
    assert sorted(sum(photo.label == label for photo in photos) for label in range(3)) == [10, 11, 11]


def test_calibration_photos_depend_on_the_seed_and_fewer_are_the_first_of_more():
    dataset = FolderBuilder("a", "b", "c").add_many(60).assemble()
    photos = draw_calibration_photos(dataset, 32, 1)
    assert draw_calibration_photos(dataset, 32, 1) == photos
    assert draw_calibration_photos(dataset, 16, 1) == photos[:16]
    assert draw_calibration_photos(dataset, 32, 2) != photos


def test_more_calibration_photos_than_there_are_is_all_of_them():
    dataset = FolderBuilder("a", "b", "c").add_many(60).assemble()
    photos = draw_calibration_photos(dataset, 10_000, 1)
    assert len(photos) == len(dataset.train) and set(photos) == set(dataset.train)


def test_near_duplicates_are_searched_twice_for_any_number_of_photos(monkeypatch):
    """Validation among training photos, test among both. A search for each photo would be quadratic."""
    searches = []
    find = near_duplicates.find_near_duplicates
    monkeypatch.setattr(
        near_duplicates,
        "find_near_duplicates",
        lambda thumbnails, candidates: searches.append(len(thumbnails)) or find(thumbnails, candidates),
    )
    dataset = FolderBuilder("a", "b").add_many(200).assemble(duplicates="drop")
    assert searches == [len(dataset.validation), len(dataset.test)]


def test_folder_of_test_photos_leaves_all_other_photos_for_training_and_validation():
    plain = map_parts(FolderBuilder("a", "b").add_many(200).assemble())
    builder = FolderBuilder("a", "b", preset_parts=("test",)).add_many(200).add_many(20, part="test", prefix="/held/")
    parts = map_parts(builder.assemble())
    assert {path for path, part in parts.items() if part == "test"} == {path for path in parts if path[0] == "/"}
    # The validation photos stay the same; former test photos become training photos.
    for path, part in plain.items():
        assert parts[path] == ("train" if part == "test" else part)


def test_copies_and_near_duplicates_are_left_out_of_a_folder_of_test_photos():
    thumbnail = bytes([90] * THUMBNAIL_BYTES)
    builder = FolderBuilder("a", "b", preset_parts=("test",)).add_many(30).add("a/r.jpg", thumbnail=thumbnail)
    builder.add("/held/a/near.jpg", thumbnail=thumbnail, part="test").add("/held/b/other.jpg", part="test")
    builder.add("/held/a/copy.jpg", content="a/0003.jpg", part="test")
    dataset = builder.assemble()
    assert [photo.path for photo in dataset.test] == ["/held/b/other.jpg"]
    part = map_parts(dataset)["a/r.jpg"]
    assert map_reasons(dataset) == {
        "/held/a/copy.jpg": "same photo as a/0003.jpg",
        "/held/a/near.jpg": f"near duplicate of a/r.jpg in {part}",
    }


def test_classes_of_a_model_renumber_the_photos_and_keep_their_parts():
    dataset = FolderBuilder("cat", "dog").add_many(40).assemble()
    changed = use_model_classes(dataset, ("background", "dog", "bird", "cat"))
    assert changed.classes == ("background", "dog", "bird", "cat") and changed.left_out == dataset.left_out
    for part in ("train", "validation", "test"):
        names = {photo.path: changed.classes[photo.label] for photo in changed.part(part)}
        assert names == {photo.path: dataset.classes[photo.label] for photo in dataset.part(part)}
        labels = [photo.label for photo in changed.part(part)]
        assert labels == sorted(labels) and set(labels) == {1, 3}
    assert changed.sha256 != dataset.sha256


def test_replaced_parts_make_the_dataset_that_a_scan_would_make():
    dataset = FolderBuilder("a", "b").add_many(50).assemble()
    parts = {"train": dataset.train[::-1], "validation": dataset.validation, "test": dataset.test}
    assert replace_parts(dataset, **parts) == dataset
    swapped = replace_parts(dataset, **{**parts, "validation": dataset.test, "test": dataset.validation})
    assert swapped.test == dataset.validation and swapped.sha256 != dataset.sha256


def test_parts_without_near_duplicates_are_those_of_every_choice():
    builder = FolderBuilder("a", "b").add_many(100)
    parts = [map_parts(builder.assemble(duplicates=choice)) for choice in ("group", "drop", "keep")]
    assert parts[0] == parts[1] == parts[2]
    assert all(not photo.group for photo in builder.assemble().train)


def test_near_duplicates_stay_together_and_the_parts_of_other_photos_stay_the_same():
    plain = map_parts(FolderBuilder("a", "b").add_many(100).assemble())
    builder = FolderBuilder("a", "b").add_many(100)
    for burst in range(20):
        thumbnail = np.random.default_rng(burst).bytes(THUMBNAIL_BYTES)
        for number in range(3):
            builder.add(f"{'ab'[burst % 2]}/burst{burst:02}_{number}.jpg", thumbnail=thumbnail)
    dataset = builder.assemble()
    parts = map_parts(dataset)
    assert {path: parts[path] for path in plain} == plain and not dataset.left_out
    used = [{parts[f"{'ab'[burst % 2]}/burst{burst:02}_{number}.jpg"] for number in range(3)} for burst in range(20)]
    assert all(len(part) == 1 for part in used) and set.union(*used) == {"train", "validation", "test"}
    groups = {photo.group for part in ("train", "validation", "test") for photo in dataset.part(part)} - {""}
    assert len(groups) == 20
    assert dataset.notes == (
        "60 photos are near duplicates of others: each of 20 groups stays in one part; bursts with consecutive names: "
        "20",
    )
    assert all(photo.group.startswith("near duplicates ") for photo in dataset.train if photo.group)


def test_kept_near_duplicates_follow_their_own_hashes():
    builder = FolderBuilder("a", "b").add_many(30)
    for part in ("test", "validation", "train"):
        builder.add(f"a/{part}.jpg", content=find_content(part), thumbnail=bytes([90] * THUMBNAIL_BYTES))
    dataset = builder.assemble(duplicates="keep")
    assert [map_parts(dataset)[f"a/{part}.jpg"] for part in ("test", "validation", "train")] == [
        "test",
        "validation",
        "train",
    ]
    assert not dataset.left_out and not dataset.notes


def make_fixed_camera(name: str) -> FolderBuilder:
    """80 photos of each class, all near duplicates of each other."""
    builder = FolderBuilder("ok", "scratch")
    for label in builder.classes:
        for number in range(80):
            builder.add(f"{label}/{name.format(number)}", thumbnail=bytes([90] * THUMBNAIL_BYTES))
    return builder


def test_photos_of_a_fixed_camera_are_divided_into_bursts_in_all_parts():
    dataset = make_fixed_camera("{:03}.jpg").assemble()
    for part in ("train", "validation", "test"):
        assert {photo.label for photo in dataset.part(part)} == {0, 1}
    assert not dataset.left_out and len(dataset.train) >= 80
    parts = {photo.group: part for part in ("train", "validation", "test") for photo in dataset.part(part)}
    for part in ("train", "validation", "test"):
        assert all(parts[photo.group] == part for photo in dataset.part(part))
    assert sorted(parts)[:2] == ["burst 1 of ok/#", "burst 1 of scratch/#"] and len(parts) == 16
    assert dataset.notes == (
        "160 of 160 photos are near duplicates of each other, as those of a fixed camera are: they are divided into 16 "
        "bursts of consecutive names. Test photos resemble training photos, so the accuracy holds for this scene only",
    )


def test_photos_of_a_fixed_camera_without_numbers_are_refused_with_what_to_do():
    letters = [chr(ord("a") + number % 26) * (1 + number // 26) for number in range(80)]
    builder = FolderBuilder("ok", "scratch")
    for label in builder.classes:
        for name in letters:
            builder.add(f"{label}/{name}.jpg", thumbnail=bytes([90] * THUMBNAIL_BYTES))
    with pytest.raises(DataError) as error:
        builder.assemble()
    assert error.value.where == (
        "/photos",
        "no photo is left for validation: 160 of 160 photos are in one group of near duplicates",
        "no photo is left for test: 160 of 160 photos are in one group of near duplicates",
    )
    assert "--test DIR" in error.value.hint and "--near-duplicates keep" in error.value.hint
    # The hint is true.
    assert builder.assemble(duplicates="keep").test


def test_left_out_near_duplicates_are_named_where_a_part_is_empty():
    with pytest.raises(DataError) as error:
        make_fixed_camera("{:03}.jpg").assemble(duplicates="drop")
    assert "no photo is left for validation: " in error.value.where[-2]
    assert "near duplicates of photos in other parts are left out" in error.value.where[-1]
    assert "--near-duplicates group" in error.value.hint


def test_groups_of_files_never_straddle_parts():
    builder = FolderBuilder("a", "b")
    for number in range(300):
        builder.add(f"{'ab'[number % 2]}/{number:03}.jpg", group=f"object {number // 5}")
    dataset = builder.assemble()
    parts = {photo.group: part for part in ("train", "validation", "test") for photo in dataset.part(part)}
    assert len(parts) == 60 and not dataset.left_out
    assert all(parts[photo.group] == part for part in ("train", "validation", "test") for photo in dataset.part(part))


def test_group_in_two_preset_parts_is_left_out_of_the_later_one():
    builder = FolderBuilder("a", "b", preset_parts=("train", "validation", "test"))
    for part in ("train", "validation", "test"):
        builder.add_many(12, part, f"{part}/")
    builder.add("train/a/x.jpg", part="train", group="7").add("test/a/x.jpg", part="test", group="7")
    dataset = builder.assemble()
    assert map_reasons(dataset) == {"test/a/x.jpg": "of group 7, also in train"}


def test_near_duplicates_in_two_preset_parts_are_left_out_of_the_later_one():
    thumbnail = bytes([90] * THUMBNAIL_BYTES)
    builder = FolderBuilder("a", "b", preset_parts=("train", "validation", "test"))
    for part in ("train", "validation", "test"):
        builder.add_many(12, part, f"{part}/").add(f"{part}/a/near.jpg", part=part, thumbnail=thumbnail)
    reasons = map_reasons(builder.assemble())
    assert reasons == {
        "validation/a/near.jpg": "near duplicate of train/a/near.jpg in train",
        "test/a/near.jpg": "near duplicate of train/a/near.jpg in train",
    }
    assert map_reasons(builder.assemble(duplicates="drop")) == reasons
    assert not builder.assemble(duplicates="keep").left_out


def test_near_duplicates_of_other_named_groups_stay_and_are_counted():
    builder = FolderBuilder("a", "b").add_many(30)
    for number in range(12):
        builder.add(f"a/g{number}.jpg", group=f"{number}", thumbnail=bytes([90] * THUMBNAIL_BYTES))
    dataset = builder.assemble()
    assert not dataset.left_out and "--near-duplicates drop leaves them out" in dataset.notes[0]
    left_out = builder.assemble(duplicates="drop").left_out
    assert dataset.notes[0].startswith(f"{len(left_out)} validation and test photos are near duplicates") and left_out


def build_labels(several: int = 20, plain: int = 10) -> FolderBuilder:
    """Class folders a, b and c as labels: `several` photos are copies in a and b."""
    builder = FolderBuilder("a", "b", "c")
    for number in range(several):
        for name in "ab":
            builder.add(f"{name}/both{number}.jpg", content=f"both{number}")
    return builder.add_many(plain)


def allow_several_labels(builder: FolderBuilder) -> PhotoFolder:
    files = [replace(file, labels=tuple(int(index == file.label) for index in range(3))) for file in builder.files]
    return replace(builder.folder, files=tuple(files), multi_label=True)


def test_copies_in_class_folders_are_one_photo_with_several_labels():
    builder = build_labels()
    dataset = assemble_dataset(allow_several_labels(builder), builder.facts, SPLIT)
    photos = [*dataset.train, *dataset.validation, *dataset.test]
    assert dataset.multi_label and len(photos) == 50 and len(dataset.left_out) == 20
    assert Counter(photo.labels for photo in photos) == {(1, 1, 0): 20, (1, 0, 0): 10, (0, 1, 0): 10, (0, 0, 1): 10}
    # The hash covers the labels.
    other = assemble_dataset(allow_several_labels(build_labels(19)), build_labels(19).facts, SPLIT)
    assert dataset.sha256 != other.sha256
    folds = replace_parts(dataset, train=photos, validation=photos[:1], test=photos[:1])
    assert folds.multi_label and folds.train == tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256)))


def test_many_photos_in_several_class_folders_name_the_switch():
    with pytest.raises(DataError, match="40 of 70 files are photos that are in several class folders") as error:
        build_labels().assemble()
    assert "--multi-label" in error.value.hint and "a/both0.jpg: same photo also under b" in error.value.where


def test_a_few_photos_in_two_class_folders_are_left_out():
    dataset = build_labels(1, plain=20).assemble()
    assert not dataset.multi_label and map_reasons(dataset)["a/both0.jpg"] == "same photo also under b"


def test_rare_label_is_refused():
    builder = build_labels(20, plain=9)
    with pytest.raises(DataError, match="cannot be used") as error:
        assemble_dataset(allow_several_labels(builder), builder.facts, SPLIT)
    assert "c: 9 usable photos of 9, at least 10 are needed" in error.value.where
    assert "leave the labels out" in error.value.hint
