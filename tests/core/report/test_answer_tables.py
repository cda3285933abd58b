from pathlib import Path

import pytest

from edgetl.core.rejection.records import AnswerCounts, AnswerRule, ForeignCounts
from edgetl.core.rejection.selective import SelectiveThreshold
from edgetl.core.report.answer_tables import describe_answers, render_answers, tabulate_answers

SELECTIVE = SelectiveThreshold(
    threshold=0.7,
    photos=500,
    answered=450,
    wrong=9,
    error_bound=0.034,
    error_limit=0.035,
    confidence=0.95,
    certified=True,
)
RULE = AnswerRule(
    path=Path("/run/features.npy"),
    sha256="a" * 64,
    artifact_sha256="b" * 64,
    rows=100,
    rejected_share=0.05,
    least_similarities={"rose": 0.6, "tulip": 0.6},
    selective=SELECTIVE,
    own=AnswerCounts(photos=600, known=576, answered=540, wrong=12, right_without=552),
    far=(ForeignCounts(title="drawn images", photos=200, known=4, answered=1),),
    near=(ForeignCounts(title="rose", photos=120, known=100, answered=60),),
)


def test_each_kind_of_photos_has_a_row():
    _, columns, rows = tabulate_answers(RULE)
    assert columns[0] == "photos of"
    assert [row[:5] for row in rows] == [
        ["your classes, test photos", "600", "24", "36", "540"],
        ["drawn images", "200", "196", "3", "1"],
        ["rose, if it were not a class", "120", "20", "40", "60"],
    ]
    assert rows[1][5] == "0.001 … 0.022"


def test_bounds_are_in_sentences():
    first, second = describe_answers(RULE)
    assert "at most 5% are called none of these" in first and "4.0%" in first
    assert "at least 0.700, at most 3.5% are wrong" in second
    assert "90.0% get an answer, 12 of 540 wrong (2.2%); without it 8.0% are wrong" in second


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"certified": False, "threshold": 0.0}, "cannot show"), ({"threshold": 0.0}, "at most 3.4% are wrong")],
)
def test_no_answer_is_unsure(change, sentence):
    rule = RULE.model_copy(update={"selective": SELECTIVE.model_copy(update=change)})
    assert sentence in describe_answers(rule)[1]


def test_notebooks_show_table_and_sentences():
    assert "drawn images" in render_answers(RULE) and "none of these" in render_answers(RULE)
