"""bursts.py: consecutive names become bursts of ten, which do not change when the sequence goes on."""

import pytest

from edgetl.core.photos.groups.bursts import is_burst, is_burst_name, name_bursts, split_burst_name, split_number


def test_ten_consecutive_names_are_a_burst():
    paths = [f"ok/img_{number}.jpg" for number in range(60)]
    names = name_bursts(paths[::-1])[::-1]
    assert names[0] == names[9] == "burst 1 of ok/img_#" and names[10] == names[19] == "burst 2 of ok/img_#"
    assert len(set(names)) == 6 and all(map(is_burst_name, names))


def test_name_of_a_burst_has_sequence_and_number():
    assert split_burst_name("burst 12 of ok/img_#") == ("ok/img_#", 12)
    assert split_burst_name("burst of ok") == ("burst of ok", 0)


def test_longer_sequence_keeps_the_bursts_before():
    paths = [f"ok/{number:04}.jpg" for number in range(90)]
    assert name_bursts(paths)[:60] == name_bursts(paths[:60])


def test_short_sequence_has_five_bursts():
    names = name_bursts([f"a/{number}.png" for number in range(20)])
    assert [names.count(name) for name in dict.fromkeys(names)] == [4] * 5


def test_folders_and_prefixes_are_sequences_of_their_own():
    paths = [f"{prefix}{number}.jpg" for prefix in ("a/x", "a/y", "b/x") for number in range(5)]
    assert len(set(name_bursts(paths))) == 15


def test_names_without_numbers_or_with_few_others_like_them_are_in_no_burst():
    assert name_bursts(["a/one.jpg", "a/two.jpg", "a/1.jpg", "a/2.jpg"]) == [""] * 4


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/1.jpg", "a/2.jpg", "a/3.jpg"], True),
        (["a/1.jpg", "a/3.jpg"], True),
        (["a/1.jpg", "a/900.jpg"], False),
        (["a/1.jpg", "b/2.jpg"], False),
        (["a/x.jpg", "a/y.jpg"], False),
        (["a/clip1_007.jpg", "a/clip1_008.jpg"], True),
        (["a/clip1_007.jpg", "a/clip2_008.jpg"], False),
    ],
)
def test_burst_has_consecutive_numbers_in_one_folder(paths, expected):
    assert is_burst(paths) is expected


@pytest.mark.parametrize(
    ("path", "sequence", "number"),
    [
        ("a/clip1_007 (copy).jpg", "a/clip1_# (copy)", 7),
        ("007.jpg", "./#", 7),
        ("a1/photo.jpg", "a1/photo.jpg", -1),
    ],
)
def test_last_number_of_the_name_counts(path, sequence, number):
    assert split_number(path) == (sequence, number)
