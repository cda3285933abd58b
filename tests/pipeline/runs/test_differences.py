"""Differences between orders and between photos, in words."""

import dataclasses
import shutil

import pytest

from edgetl.core.device import targets
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import Dataset, Photo
from edgetl.pipeline.runs.differences import has_trained, list_changes, list_losses, list_photo_changes


def with_recipe(order, source="default", **tables):
    return dataclasses.replace(order, recipe=resolve_recipe(source, tables))


@pytest.mark.parametrize(
    ("tables", "changes"),
    [
        ({}, []),
        ({"phase1": {"epochs": 3}}, ["epochs 12 → 3"]),
        ({"phase2": {"epochs": 0}}, ["fine-tune-epochs 10 → 0"]),
        ({"base": {"name": "mobilenet"}}, ["base mobilenet_v2 → mobilenet"]),
        # The learning rate follows from the batch size.
        ({"training": {"batch_size": 128}}, ["batch-size 32 → 128", "learning-rate 0.001 → 0.002"]),
        ({"training": {"patience": 2}}, ["training.patience 4 → 2"]),
        ({"augment": {"flip": False}}, ["augment.flip on → off"]),
        ({"photos": {"fit": "pad", "test": 0.3}}, ["fit crop → pad", "photos.test 0.2 → 0.3"]),
        ({"contract": {"limit_drop": 0.3}, "convert": {"calibration_photos": 3}, "retrain": {"clusters": 8}}, []),
    ],
)
def test_changes_of_the_trained_model_have_the_names_of_their_options(plain_order, tmp_path, tables, changes):
    assert sorted(list_changes(plain_order, with_recipe(plain_order, **tables), tmp_path)) == sorted(changes)


def test_model_made_elsewhere_is_compared_by_its_content(plain_order, tmp_path):
    for name, content in (("a.keras", b"1"), ("same.keras", b"1"), ("b.keras", b"2")):
        (tmp_path / name).write_bytes(content)
    first, same, other, absent = (
        with_recipe(plain_order, external={"path": str(tmp_path / name)})
        for name in ("a.keras", "same.keras", "b.keras", "absent.keras")
    )
    assert list_changes(first, same, tmp_path) == []
    assert list_changes(first, other, tmp_path) == [f"model {tmp_path}/a.keras → {tmp_path}/b.keras"]
    assert list_changes(first, absent, tmp_path) == [f"model {tmp_path}/a.keras → {tmp_path}/absent.keras"]
    assert list_changes(plain_order, first, tmp_path) == [f"model none → {tmp_path}/a.keras"]


def test_photos_that_were_moved_are_the_same_photos(built, order, tmp_path):
    moved = dataclasses.replace(order, photos=shutil.copytree(order.photos, tmp_path / "moved"))
    assert list_changes(order, moved, built.run) == []
    (tmp_path / "moved" / "circle" / "000.png").write_bytes(b"another photo")
    assert list_changes(order, moved, built.run) == [f"photos {order.photos} → {moved.photos}"]


def test_other_folder_of_test_photos_is_a_change(plain_order, tmp_path):
    held_out = dataclasses.replace(plain_order, test=tmp_path)
    assert list_changes(plain_order, held_out, tmp_path) == [f"test none → {tmp_path}"]
    assert list_changes(held_out, held_out, tmp_path) == []


def test_other_list_of_excluded_photos_is_a_change(plain_order, tmp_path):
    excluded = dataclasses.replace(plain_order, exclude=tmp_path / "suspects.csv")
    assert list_changes(plain_order, excluded, tmp_path) == [f"exclude none → {tmp_path / 'suspects.csv'}"]
    assert list_changes(excluded, excluded, tmp_path) == []


def test_photos_of_an_unfinished_run_are_compared_by_their_folder(order, tmp_path):
    moved = dataclasses.replace(order, photos=shutil.copytree(order.photos, tmp_path / "moved"))
    assert list_changes(order, moved, tmp_path / "run") == [f"photos {order.photos} → {moved.photos}"]


def test_folder_of_photos_with_further_photos_is_another_one(built, order, draw_photos, tmp_path):
    more = dataclasses.replace(order, photos=draw_photos(tmp_path / "more", range(41)))
    assert list_changes(order, more, built.run) == [f"photos {order.photos} → {more.photos}"]


def test_target_of_the_same_name_from_another_folder_is_a_change(plain_order, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder / "mine").mkdir(parents=True)
        (tmp_path / folder / "mine" / "target.toml").write_text(
            'schema = 1\nextends = "tflite"\ntitle = "Mine"\nsummary = "mine"\n'
        )
    first, second = (
        dataclasses.replace(plain_order, targets=(targets.find_target("mine", [tmp_path / folder]),))
        for folder in ("a", "b")
    )
    assert list_changes(first, plain_order, tmp_path) == []
    (change,) = list_changes(first, second, tmp_path)
    assert change.startswith("target mine ") and "/a/mine/" in change and "/b/mine/" in change


def test_nothing_is_lost_before_a_training_is_finished(plain_order, tmp_path):
    other = with_recipe(plain_order, phase1={"epochs": 3}, retrain={"epochs": 9})
    assert list_losses(plain_order, other, tmp_path) == [] and not has_trained(tmp_path)
    for stage, losses in (("train", ["epochs 12 → 3"]), ("retrain-qat", ["epochs 12 → 3", "qat-epochs 4 → 9"])):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / f"{stage.partition('-')[0]}.json").touch()
        assert list_losses(plain_order, other, tmp_path) == losses and has_trained(tmp_path)


def make_dataset(train: str, test: str, classes: str = "ab") -> Dataset:
    """Make a dataset of photos; each is a letter for its content, of class a if it is a small letter."""

    def make(letters: str) -> tuple[Photo, ...]:
        return tuple(
            Photo(path=f"{letter}.png", label=int(letter.isupper()), sha256=letter.lower() * 64) for letter in letters
        )

    return Dataset(
        root="/photos",
        classes=tuple(classes),
        train=make(train),
        validation=(),
        test=make(test),
        left_out=(),
        sha256="",
    )


@pytest.mark.parametrize(
    ("train", "test", "changes"),
    [
        ("abcd", "ef", ["1 added"]),
        ("ab", "f", ["2 removed"]),
        ("abd", "cf", ["1 added", "1 removed", "1 moved"]),
        # Another class.
        ("abC", "ef", ["1 moved"]),
        # The same photos with other names.
        ("cba", "ef", ["their order changed"]),
    ],
)
def test_changes_of_photos_are_counted(train, test, changes):
    assert list_photo_changes(make_dataset("abc", "ef"), make_dataset(train, test)) == changes


def test_changed_classes_are_named():
    before, after = make_dataset("aB", "c"), make_dataset("aB", "c", "ax")
    assert list_photo_changes(before, after) == ["1 moved", "classes a, b → a, x"]
