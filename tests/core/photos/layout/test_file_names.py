"""file_names.py: labels in the names of files."""

import pytest

from edgetl.core.photos.layout.file_names import count_labels, find_label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cat.0.jpg", "cat"),
        ("dog_12.png", "dog"),
        ("american_bulldog_12.jpg", "american_bulldog"),
        ("cat (3).jpg", "cat"),
        ("cat-001-2.jpg", "cat"),
        ("rose12.jpg", "rose"),
        ("n02123045_1234.JPEG", "n02123045"),
        ("12.jpg", ""),
        ("daisy.jpg", ""),
        ("_1.jpg", ""),
    ],
)
def test_label_is_the_name_without_its_number(name, label):
    assert find_label(name) == label


def test_labels_are_counted_where_they_repeat():
    names = [f"{label}_{number}.jpg" for label in ("cat", "dog") for number in range(10)]
    assert count_labels([*names, "7.jpg"]) == {"cat": 10, "dog": 10}


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{number}.jpg" for number in range(20)],
        [f"IMG_{number}.jpg" for number in range(20)] + [f"DSC{number}.jpg" for number in range(20)],
        [f"{number}.jpg" for number in range(20)],
        [f"{letter}_1.jpg" for letter in "abcdefgh"],
        ["cat_1.jpg", "cat_2.jpg", "dog_1.jpg", "dog_2.jpg", *(f"{number}.jpg" for number in range(9))],
    ],
)
def test_names_of_cameras_and_single_names_are_no_labels(names):
    assert not count_labels(names)
