from pathlib import Path

import pytest

from edgetl.core.rejection.records import AnswerCounts, AnswerHop, AnswerRule, ForeignCounts
from edgetl.core.rejection.selective import SelectiveThreshold
from edgetl.core.report.answer_tables import (
    describe_answers,
    render_answers,
    tabulate_answers,
    tabulate_hops,
)
from edgetl.core.screen.table_layout import lay_out_table

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
    foreign=(ForeignCounts(title="other things, --foreign", photos=50, known=5, answered=2),),
    hops=(
        AnswerHop(name="float32 TFLite", photos=600, labels=541, unsure=36, none=23, same=600),
        AnswerHop(name="int8, XNNPACK", photos=600, labels=540, unsure=36, none=24, same=594),
    ),
)


def test_each_kind_of_photos_has_a_row():
    _, columns, rows = tabulate_answers(RULE)
    assert columns[0] == "photos of"
    assert [row[:5] for row in rows] == [
        ["your classes, the test photos", "600", "24", "36", "540"],
        ["other things, --foreign", "50", "45", "3", "2"],
        ["drawn images", "200", "196", "3", "1"],
        ["rose, if not trained", "120", "20", "40", "60"],
    ]
    assert rows[2][5] == "0.001 … 0.028"


def test_answers_after_conversion_are_compared_with_those_before():
    title, _, rows = tabulate_hops(RULE)
    assert "the same 600 test photos" in title
    assert rows == [["float32 TFLite", "541", "36", "23", ""], ["int8, XNNPACK", "540", "36", "24", "594"]]


@pytest.mark.parametrize("tabulate", [tabulate_answers, tabulate_hops])
def test_tables_fit_a_terminal(tabulate):
    long = RULE.model_copy(
        update={"near": (ForeignCounts(title="Gewöhnliche Wegwarte", photos=9, known=9, answered=9),)}
    )
    title, columns, rows = tabulate(long)
    header, lines = lay_out_table(columns, rows, 80)
    assert max(map(len, [title, *header.split("\n"), *lines])) <= 80
    assert len(lines) == len(rows)


def test_bounds_are_in_sentences():
    first, foreign, unsure, near = describe_answers(RULE)
    assert "the base was trained with it" in near
    assert "at most 5% are called none of these" in first and "4.0%" in first
    assert "of 50 photos of other things, 90.0% are called none of these (95% interval 78.6% … 95.7%)" in foreign
    assert "3 more are unsure, and 2 get a label" in foreign
    assert "at least 0.700, at most 3.5% are wrong" in unsure
    assert "90.0% get an answer, 12 of 540 wrong (2.2%, at most 3.6%); without it 8.0% are wrong" in unsure


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"certified": False, "threshold": 0.0}, "500 validation photos cannot show that at most 3.5%"),
        ({"certified": False, "threshold": 0.0, "wrong": 0}, "none of 500 validation photos is wrong"),
        ({"threshold": 0.0}, "at most 3.4% are wrong"),
    ],
)
def test_no_answer_is_unsure(change, sentence):
    rule = RULE.model_copy(update={"selective": SELECTIVE.model_copy(update=change)})
    assert sentence in describe_answers(rule)[2]


def test_several_labels_have_thresholds_in_place_of_unsure():
    rule = RULE.model_copy(update={"multi_label": True})
    assert describe_answers(rule)[2] == "no answer is unsure: each label has a threshold of its own"


def test_too_few_photos_reject_none_and_say_so():
    none = RULE.model_copy(update={"least_similarities": {"rose": -1.0, "tulip": -1.0}})
    assert describe_answers(none)[0].startswith("no photo is called none of these: 19 validation photos are needed")
    some = RULE.model_copy(update={"least_similarities": {"rose": 0.6, "tulip": -1.0}})
    assert "none that is taken for tulip, with fewer than the 19 validation photos" in describe_answers(some)[0]


def test_notebooks_show_tables_and_sentences():
    text = render_answers(RULE)
    assert "drawn images" in text and "none of these" in text and "int8, XNNPACK" in text
