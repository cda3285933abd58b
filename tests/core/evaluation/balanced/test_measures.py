"""measures.py: the counts of a verdict for accuracy and for balanced accuracy, and those of two files."""

import numpy as np
import pytest

from edgetl.core.evaluation.balanced.class_counts import BalancedCounts
from edgetl.core.evaluation.balanced.class_design_effect import measure_class_design_effect
from edgetl.core.evaluation.balanced.measures import compare_files, count_pairs, count_scores, list_differences
from edgetl.core.evaluation.contract import PairCounts
from edgetl.core.evaluation.metrics import compare_scores
from edgetl.core.verdict_records import ClassChange, Flip, Verdict


def make_verdict(measure, flips=(), *, design_effect=1.0) -> Verdict:
    """Make a verdict on 90 photos of a and 10 of b. Flips are (number, truth, broke or fixed)."""
    counts = {
        (name, kind): sum(flip[1:] == (name, kind) for flip in flips) for name in "ab" for kind in ("broke", "fixed")
    }
    return Verdict.model_construct(
        measure=measure,
        photos=100,
        broke=sum(flip[2] == "broke" for flip in flips),
        fixed=sum(flip[2] == "fixed" for flip in flips),
        design_effect=design_effect,
        per_class=tuple(
            ClassChange(
                name=name,
                photos=photos,
                reference_accuracy=0.9,
                accuracy=0.9,
                broke=counts[name, "broke"],
                fixed=counts[name, "fixed"],
            )
            for name, photos in (("a", 90), ("b", 10))
        ),
        flips=tuple(
            Flip(
                path=f"{number}",
                truth=truth,
                reference=truth if kind == "broke" else "c",
                artifact="c" if kind == "broke" else truth,
                confidence=0.5,
            )
            for number, truth, kind in flips
        ),
    )


FLIPS = [(1, "a", "broke"), (2, "a", "fixed"), (95, "b", "broke")]


def test_counts_of_a_verdict_follow_from_its_measure():
    assert count_pairs(make_verdict("accuracy", FLIPS, design_effect=2.0)) == PairCounts(2, 1, 100, 2.0)
    counts = count_pairs(make_verdict("balanced", FLIPS, design_effect=2.0))
    assert counts == BalancedCounts((1, 1), (1, 0), (90, 10), 2.0)
    assert counts.drop == pytest.approx(0.05)


def test_files_are_compared_on_the_photos_that_one_of_them_predicts_correctly():
    first = make_verdict("balanced", [(1, "a", "broke"), (2, "a", "fixed")], design_effect=1.5)
    second = make_verdict("balanced", [(1, "a", "broke"), (95, "b", "broke"), (96, "b", "fixed")])
    assert list_differences(first, second) == ({("2", ""), ("95", "")}, {("96", "")})
    assert compare_files(first, second) == BalancedCounts((1, 1), (0, 1), (90, 10), 1.5)
    assert compare_files(second, first) == BalancedCounts((0, 1), (1, 1), (90, 10), 1.5)
    plain = [verdict.model_copy(update={"measure": "accuracy"}) for verdict in (first, second)]
    assert compare_files(*plain) == PairCounts(2, 1, 100, 1.5)


def test_decisions_about_labels_are_counted_and_compared_by_photo_and_label():
    def make_labelled(*labels: str) -> Verdict:
        flips = tuple(
            Flip(path="1", truth="present", reference="present", artifact="absent", confidence=0.1, label=label)
            for label in labels
        )
        counts = {"photos": 10, "labels": 3, "broke": len(labels), "fixed": 0, "design_effect": 2.0}
        return Verdict.model_construct(measure="accuracy", flips=flips, **counts)

    first, second = make_labelled("a"), make_labelled("a", "b")
    assert count_pairs(second) == PairCounts(2, 0, 30, 2.0)
    assert list_differences(first, second) == ({("1", "b")}, set())
    assert compare_files(first, second) == PairCounts(1, 0, 30, 2.0)


def make_scores(predictions):
    return np.eye(4)[predictions]


LABELS = np.array([0, 0, 0, 3, 3, 1])
REFERENCE, CANDIDATE = make_scores([0, 0, 1, 3, 0, 1]), make_scores([0, 1, 1, 0, 3, 1])


def test_scores_are_counted_by_class_and_classes_without_photos_are_left_out():
    comparison = compare_scores(LABELS, REFERENCE, CANDIDATE)
    scores = (REFERENCE, CANDIDATE)
    assert count_scores(comparison, "accuracy", LABELS, scores, []) == PairCounts(2, 1, 6)
    assert count_scores(comparison, "balanced", LABELS, scores, []) == BalancedCounts((1, 0, 1), (0, 0, 1), (3, 1, 2))


def test_groups_change_the_design_effect_of_the_measure():
    groups = ["one", "one", "", "two", "two", ""]
    comparison = compare_scores(LABELS, REFERENCE, CANDIDATE, groups)
    counts = count_scores(comparison, "balanced", LABELS, (REFERENCE, CANDIDATE), groups)
    differences = np.array([0, 1, 0, 1, -1, 0])
    expected = measure_class_design_effect(differences, LABELS, np.array([0, 0, 1, 2, 2, 3]))
    assert counts.design_effect == expected != comparison.design_effect
    assert count_scores(comparison, "accuracy", LABELS, (REFERENCE, CANDIDATE), groups).design_effect == (
        comparison.design_effect
    )
