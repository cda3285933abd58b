import numpy as np
import pytest

from edgetl.core.evaluation.contract import compute_tango_interval
from edgetl.core.robustness.corruptions import CORRUPTIONS
from edgetl.core.robustness.records import CLEAN
from edgetl.core.robustness.results import (
    COLUMNS,
    JudgedPhotos,
    describe_robustness,
    judge_corruption,
    tabulate_robustness,
)
from edgetl.core.tasks.one_class import OneClass
from edgetl.core.tasks.several_labels import SeveralLabels
from tests.fixtures.robustness import make_robustness

LABELS = np.zeros(100, np.int64)


def judge(broke, fixed, place=None, groups=()):
    """Judge 100 photos of which some broke and some were fixed."""
    before, after = np.zeros(100, int), np.zeros(100, int)
    after[:broke], before[50 : 50 + fixed] = 1, 1
    photos = JudgedPhotos(LABELS, groups or [""] * 100, OneClass(), 0.95)
    return judge_corruption(photos, (np.eye(2)[before], np.eye(2)[after]), place)


def test_interval_is_that_of_the_verdict():
    result = judge(6, 2)
    assert result.drop == pytest.approx(0.04)
    assert (result.drop_low, result.drop_high) == compute_tango_interval(6, 2, 100, confidence=0.95)
    assert (result.comparison.broke, result.comparison.fixed) == (6, 2)


def test_groups_widen_the_interval():
    alone, grouped = judge(6, 2), judge(6, 2, groups=[f"g{row // 10}" for row in range(100)])
    assert grouped.comparison.design_effect > 1
    assert grouped.drop_high - grouped.drop_low > alone.drop_high - alone.drop_low


def test_result_names_its_corruption():
    clean, dark = judge(0, 0), judge(1, 0, place=(1, 2))
    assert (clean.name, clean.severity, clean.strength) == (CLEAN, 0, 0)
    assert (dark.name, dark.phrase, dark.severity, dark.strength) == ("dark", "in the dark", 5, 0.5)


def test_labels_are_decisions():
    truth = np.array([[1, 0], [0, 1]])
    scores = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.9, 0.8], [0.1, 0.9]])
    result = judge_corruption(JudgedPhotos(truth, ["", ""], SeveralLabels((0.5, 0.5)), 0.95), scores, None)
    assert result.comparison.labels == 2 and result.drop == pytest.approx(0.25)


def test_sentences_name_what_costs_most():
    robustness = make_robustness({"clean": (90, 0), "dark": (70, 4), "noise": (20, 1)})
    lines = describe_robustness(robustness)
    assert lines[0].startswith("the int8 file costs 0.0 points (") and ", 4.0 points (" in lines[0]
    assert lines[0].endswith("in the dark (severity 5)")
    assert "90.0% of the predictions" in lines[1] and "20.0% with sensor noise" in lines[1]


def test_sentence_without_a_further_cost():
    lines = describe_robustness(make_robustness({"clean": (90, 2), "dark": (70, 2), "noise": (20, 0)}))
    assert lines[0].startswith("the int8 file costs 2.0 points (") and lines[0].endswith(
        "and no more on corrupted ones"
    )


def test_no_difference_is_not_negative():
    title, columns, rows = tabulate_robustness(make_robustness({"clean": (90, 0), "dark": (70, 4)}))
    assert "-0.0" not in describe_robustness(make_robustness({"clean": (90, 0), "dark": (70, 0)}))[0]
    assert tuple(columns) == COLUMNS and rows[0][:5] == ["clean", "", "90.0", "90.0", "+0.0"]
    assert rows[1][:5] == ["dark", "5", "70.0", "66.0", "-4.0"] and "100 validation photos" in title
    assert rows[1][5].startswith("-") and " … " in rows[1][5]


def test_each_corruption_has_a_phrase():
    assert len({row.phrase for row in CORRUPTIONS}) == len({row.name for row in CORRUPTIONS}) == 6
