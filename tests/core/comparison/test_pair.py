"""The difference of two runs is that of a verdict, with the first run as the reference."""

import numpy as np
import pytest

from edgetl.core.comparison.pair import compare_pair, correct_confidence
from edgetl.core.comparison.shared_photos import RunPredictions
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.contract import compute_tango_interval, count_decisions
from edgetl.core.records import Photo

CLASSES = ("cat", "dog")


def make_run(name, correct, *, groups=(), confidence=0.9, shift=0):
    """All photos are cats; `shift` is the number of the first photo."""
    rows = [[confidence, 1 - confidence] if right else [1 - confidence, confidence] for right in correct]
    photos = tuple(
        Photo(path=f"{name}/{row}.png", label=0, sha256=str(row + shift), group=groups[row] if groups else "")
        for row in range(len(correct))
    )
    return RunPredictions(name=name, classes=CLASSES, photos=photos, scores=np.array(rows))


def test_difference_and_bounds_are_those_of_the_verdict():
    base = make_run("a", [1] * 80 + [1] * 9 + [0] * 3 + [0] * 8)
    other = make_run("b", [1] * 80 + [0] * 9 + [1] * 3 + [0] * 8)
    difference = compare_pair(base, other, 0.975)
    low, high = compute_tango_interval(9, 3, 100, confidence=0.975)
    assert (difference.change, difference.low, difference.high) == (pytest.approx(-0.06), -high, -low)
    assert (difference.base_accuracy, difference.accuracy, difference.photos) == (0.89, 0.83, 100)
    assert len(difference.only_base) == 9 and len(difference.only_candidate) == 3
    # The other way round everything has the opposite sign.
    back = compare_pair(other, base, 0.975)
    assert (back.change, back.low, back.high) == (-difference.change, -difference.high, -difference.low)


def test_groups_widen_the_interval_as_they_do_in_a_verdict():
    groups = [f"burst {row // 10}" for row in range(100)]
    base = make_run("a", [1] * 90 + [0] * 10, groups=groups)
    other = make_run("b", [1] * 80 + [0] * 20)
    difference = compare_pair(base, other, 0.95)
    verdict = metrics.compare_scores(np.zeros(100, dtype=np.int64), base.scores, other.scores, groups)
    low, high = count_decisions(verdict).compute_bounds(0.95)
    assert (difference.low, difference.high, difference.groups) == (-high, -low, 10)
    assert difference.low < compare_pair(make_run("a", [1] * 90 + [0] * 10), other, 0.95).low


def test_only_shared_photos_count():
    base = make_run("a", [1] * 10 + [0] * 90)
    other = make_run("b", [0] * 20, shift=5)
    difference = compare_pair(base, other, 0.95)
    assert difference.photos == 20 and difference.base_accuracy == 5 / 20
    assert [photo.row for photo in difference.only_base] == [5, 6, 7, 8, 9]


def test_difference_without_a_common_photo_has_a_reason_only():
    difference = compare_pair(make_run("a", [1]), make_run("b", [1], shift=9), 0.95)
    assert difference.outcome == difference.reason == "not comparable: no test photo in common"
    assert difference.photos == 0


def test_equal_runs_have_no_change_and_an_interval_around_it():
    difference = compare_pair(make_run("a", [1] * 30), make_run("b", [1] * 30), 0.95)
    assert (difference.change, difference.only_base, difference.only_candidate) == (0, (), ())
    assert difference.low < 0 < difference.high and difference.outcome == "no certain difference"


@pytest.mark.parametrize(
    ("right", "outcome"), [(40, "lower"), (99, "no certain difference"), (100, "no certain difference")]
)
def test_outcome_is_the_side_of_zero_on_which_the_interval_is(right, outcome):
    base, other = make_run("a", [1] * 100), make_run("b", [1] * right + [0] * (100 - right))
    assert compare_pair(base, other, 0.975).outcome == outcome
    assert compare_pair(other, base, 0.975).outcome == {"lower": "higher"}.get(outcome, outcome)


def test_photos_are_listed_with_both_predictions_most_confident_mistakes_first():
    base = make_run("a", [1, 1, 1])
    other = make_run("b", [0, 0, 1])
    other.scores[:2] = [[0.4, 0.6], [0.1, 0.9]]
    photos = compare_pair(base, other, 0.95).only_base
    assert [photo.path for photo in photos] == ["a/1.png", "a/0.png"]
    assert photos[0].truth == "cat" and photos[0].label == ""
    assert photos[0].base == ("cat", 0.9) and photos[0].candidate == ("dog", 0.9)


def test_labels_are_decisions_of_each_run_with_its_own_thresholds():
    photos = tuple(Photo(path=f"{row}", label=0, sha256=f"{row}", labels=(1, 0)) for row in range(8))
    scores = np.tile([[0.4, 0.1]], (8, 1))
    base = RunPredictions(name="a", classes=CLASSES, photos=photos, scores=scores, thresholds=(0.3, 0.5))
    other = RunPredictions(name="b", classes=CLASSES, photos=photos, scores=scores, thresholds=(0.5, 0.05))
    difference = compare_pair(base, other, 0.95)
    assert (difference.photos, difference.labels) == (8, 2)
    assert (difference.base_accuracy, difference.accuracy) == (1, 0)
    # "absent" at a score of 0.4 is more confident than "present" at 0.1.
    first = difference.only_base[0]
    assert (first.label, first.truth, first.base, first.candidate) == (
        "cat",
        "present",
        ("present", 0.4),
        ("absent", 0.4),
    )


def test_bounds_of_several_pairs_are_wider():
    assert correct_confidence(0.95, 1) == pytest.approx(0.975)
    assert correct_confidence(0.95, 4) == pytest.approx(1 - 0.05 / 8)
    assert correct_confidence(0.95, 0) == pytest.approx(0.975)
