"""empty_parts.py: why a part has no photo, and what to do."""

import pytest

from edgetl.core.photos.groups.empty_parts import explain_cause, list_empty_parts, suggest_remedy


def test_empty_parts_are_listed(make_usable):
    train, test = make_usable("a/1.jpg"), make_usable("a/2.jpg", part="test")
    assert list_empty_parts([train]) == ["validation", "test"] and list_empty_parts([train, test]) == ["validation"]


@pytest.mark.parametrize(
    ("group", "reasons", "cause", "remedy"),
    [
        ("", [], "", "add photos"),
        ("", ["near duplicate of b in train"] * 2, ": 2 near duplicates of photos in other", "--near-duplicates group"),
        ("near duplicates 12", [], ": 3 of 3 photos are in one group of near duplicates", "--test DIR"),
        ("plant 7", [], ": 3 of 3 photos are in one group", "--group-by"),
    ],
)
def test_cause_and_remedy_name_the_option(make_usable, group, reasons, cause, remedy):
    photos = [make_usable(f"a/{number}.jpg", group=group) for number in range(3)]
    assert explain_cause(photos, reasons).startswith(cause) and remedy in suggest_remedy(photos, reasons)
    assert bool(explain_cause(photos, reasons)) is bool(cause)
