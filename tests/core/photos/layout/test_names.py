"""names.py: variants of part names, unlabelled folders, system files, extensions."""

import pytest

from edgetl.core.photos.layout.names import find_part, is_photo_name, is_system_name, is_unlabelled, normalize_name


@pytest.mark.parametrize(
    ("part", "names"),
    {
        "train": ["train", "Training", "TRAIN", "seg_train", "train_set", "Training Data", "images-train", "train1"],
        "validation": ["val", "valid", "Validation", "dev", "val_images", "seg_val", "validation set"],
        "test": ["test", "Testing", "seg_test", "eval", "Evaluation", "test1", "test-data", "TestSet"],
    }.items(),
)
def test_variants_of_a_part_name_are_recognized(part, names):
    assert {name: find_part(name) for name in names} == dict.fromkeys(names, part)


@pytest.mark.parametrize(
    "name",
    ["daisy", "trains", "bullet_train", "trained", "contest", "protest", "valley", "device", "1", "", "oval", "latest"],
)
def test_other_names_are_no_part(name):
    assert find_part(name) is None


def test_folders_for_predictions_and_unlabelled_photos_are_recognized():
    assert all(map(is_unlabelled, ["pred", "seg_pred", "Predictions", "unlabeled", "Unlabelled", "inference"]))
    assert not any(map(is_unlabelled, ["predator", "labelled", "unknown", "other"]))


def test_files_of_operating_systems_and_programs_are_recognized():
    names = ["__MACOSX", ".DS_Store", "@eaDir", ".ipynb_checkpoints", "Thumbs.db", "desktop.ini", "._1.jpg", ".git"]
    assert all(map(is_system_name, names))
    assert not any(map(is_system_name, ["roses", ".hidden", "1.jpg", "thumbs"]))


def test_extension_of_a_photo_in_any_case():
    assert all(map(is_photo_name, ["a.jpg", "a.JPEG", "a.b.png", "IMG_1.HEIC"]))
    assert not any(map(is_photo_name, ["a.txt", "jpg", "a.", ""]))


def test_name_with_a_combining_accent_equals_the_composed_one():
    assert normalize_name("cafe\u0301") == normalize_name("caf\u00e9") == "caf\u00e9"
