"""across_parts.py: what is left out where a group or near duplicates are in two parts."""

from edgetl.core.photos.groups.across_parts import (
    describe_near_duplicates,
    remove_divided_groups,
    remove_near_duplicates,
)

PARTS = ("train", "validation", "test")


def test_group_stays_in_its_first_part(make_usable):
    photos = [make_usable(f"a/{part}.jpg", group="one", part=part) for part in PARTS[::-1]]
    photos += [make_usable("a/x.jpg", group="two", part="test"), make_usable("a/y.jpg", part="test")]
    reasons: dict[str, str] = {}
    selected = remove_divided_groups(photos, reasons)
    assert [photo.file.path for photo in selected] == ["a/train.jpg", "a/x.jpg", "a/y.jpg"]
    assert reasons == {f"a/{part}.jpg": "of group one, also in train" for part in ("validation", "test")}


def test_drawn_near_duplicates_are_removed_by_drop_only(make_usable):
    photos = [make_usable(f"a/{part}.jpg", scene="x", part=part) for part in PARTS]
    for choice, count in (("drop", 1), ("group", 3), ("keep", 3)):
        assert len(remove_near_duplicates(photos, choice, {})) == count
    assert describe_near_duplicates(photos)[0].startswith("2 validation and test photos are near duplicates")
    assert describe_near_duplicates(photos[:1]) == []


def test_near_duplicates_of_photos_in_preset_parts_are_removed(make_usable):
    photos = [
        make_usable("a/1.jpg", scene="x"),
        make_usable("a/2.jpg", scene="x", preset="test"),
        make_usable("a/3.jpg", scene="y", preset="validation"),
        make_usable("a/4.jpg", scene="y", part="test"),
        make_usable("a/5.jpg", preset="test"),
    ]
    reasons: dict[str, str] = {}
    selected = remove_near_duplicates(photos, "group", reasons)
    assert {photo.file.path for photo in selected} == {"a/1.jpg", "a/3.jpg", "a/5.jpg"}
    assert reasons == {
        "a/2.jpg": "near duplicate of a/1.jpg in train",
        "a/4.jpg": "near duplicate of a/3.jpg in validation",
    }
