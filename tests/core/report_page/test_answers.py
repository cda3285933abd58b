"""Coverage against error, and shares of photos that get a label."""

from dataclasses import replace

import numpy as np
import pytest

from edgetl.core.report_page.answers import collect_answers, trace_coverage
from tests.fixtures.reports import Sample, make_answer_rule, make_report


def test_most_confident_answers_are_first():
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    # The third is wrong, and the third most confident.
    assert trace_coverage(scores, np.array([0, 0, 0, 0])) == [
        (0.25, 0),
        (0.5, 0),
        (0.75, pytest.approx(1 / 3)),
        (1, 0.25),
    ]


def test_photos_of_equal_confidence_are_answered_together():
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    assert trace_coverage(scores, np.array([0, 0, 0])) == [(pytest.approx(2 / 3), 0.5), (1, pytest.approx(1 / 3))]


def test_curve_has_200_points_at_most_and_ends_with_all_photos():
    random = np.random.default_rng(1)
    scores, truth = random.random((5000, 3)), random.integers(0, 3, 5000)
    curve = trace_coverage(scores, truth)
    assert len(curve) == 200
    assert curve[-1] == (1, pytest.approx((scores.argmax(axis=1) != truth).mean()))


def test_point_is_on_the_curve():
    run, target = make_report(Sample(photos=300))
    values = collect_answers(run, target)
    coverage, error = values["point"]
    confident = target.artifact.max(axis=1) >= 0.7
    assert coverage == confident.mean()
    assert error == (target.decisions != target.truth)[confident].mean()


def test_threshold_that_no_photo_reaches_has_no_point():
    run, target = make_report()
    rule = target.answers[0]
    selective = rule.selective.model_copy(update={"threshold": 1.01})
    unsure = replace(target, answers=(rule.model_copy(update={"selective": selective}),))
    assert collect_answers(run, unsure)["point"] is None


def test_shares_add_up_to_all_photos():
    rows = collect_answers(*make_report())["rows"]
    assert [row["title"] for row in rows] == [
        "your classes, the test photos",
        "drawn images",
        "circle, if not trained",
        "square, if not trained",
        "triangle, if not trained",
    ]
    assert all(row["label"] + row["unsure"] + row["none"] == pytest.approx(100) for row in rows)
    assert rows[1]["none"] == 95


def test_of_many_classes_twenty_are_listed():
    run, target = make_report()
    many = replace(target, answers=(make_answer_rule(tuple(f"c{number}" for number in range(300))),))
    values = collect_answers(run, many)
    assert len(values["rows"]) == 22 and values["near_left_out"] == 280


def test_labels_have_no_curve():
    values = collect_answers(*make_report(Sample(labels=True)))
    assert values["curve"] == [] and values["point"] is None and values["multi_label"]


def test_file_without_thresholds_has_no_section():
    run, target = make_report()
    assert collect_answers(run, replace(target, answers=())) is None
