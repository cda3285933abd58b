"""Which candidates no other one beats."""

from dataclasses import replace

from edgetl.core.sweep.front import FrontPoint, explain_beaten, find_front

FAST = FrontPoint(accuracy=0.8, ms=5, bytes=300)
EXACT = FrontPoint(accuracy=0.9, ms=20, bytes=900)
BEATEN = FrontPoint(accuracy=0.8, ms=20, bytes=900)


def test_front_is_what_no_other_candidate_beats():
    assert find_front([FAST, BEATEN, EXACT]) == [0, 2]


def test_equal_candidates_are_both_on_the_front():
    assert find_front([FAST, FAST]) == [0, 1]


def test_a_candidate_that_is_better_in_one_thing_only_is_on_the_front():
    small = FrontPoint(accuracy=0.7, ms=30, bytes=100)
    assert find_front([FAST, EXACT, small]) == [0, 1, 2]


def test_nothing_has_an_empty_front():
    assert find_front([]) == []


def test_reason_names_the_most_accurate_rival():
    names, points = ["fast", "beaten", "exact"], [FAST, BEATEN, EXACT]
    assert explain_beaten(names, points, 1) == "exact is no worse in accuracy, ms and bytes"
    assert explain_beaten(names, points, 0) == ""
    unknown = [replace(point, ms=0.0) for point in points]
    assert explain_beaten(names, unknown, 1) == "exact is no worse in accuracy and bytes"
