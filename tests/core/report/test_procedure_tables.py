"""procedure_tables.py: no table and no sentence can be taken for a verdict on the delivered file."""

import numpy as np

from edgetl.core.evaluation.procedure import FoldPredictions, ProcedureTerms, ProcedureVerdict, judge_procedure
from edgetl.core.report.procedure_tables import describe_procedure, render_procedure, tabulate_procedure


def judge(broke: int) -> ProcedureVerdict:
    def make_fold(wrong: int) -> FoldPredictions:
        right = np.tile(np.array([[0.9, 0.1]], np.float32), (100, 1))
        artifact = right.copy()
        artifact[:wrong] = [0.2, 0.8]
        return FoldPredictions(labels=np.zeros(100, np.int64), reference=right, artifact=artifact)

    terms = ProcedureTerms(target="tflite", method="int8", limit_drop=0.02, confidence=0.95)
    return judge_procedure([make_fold(broke), make_fold(0)], terms)


def test_folds_and_all_together_are_rows():
    title, columns, rows = tabulate_procedure(judge(3))
    assert title == "cross-fit: the procedure, not this file; changes in points"
    assert columns == ["fold", "photos", "Keras", "int8", "change", "balanced", "broke", "fixed"]
    assert rows == [
        ["1 of 2", "100", "1.0000", "0.9700", "-3.00", "0.9700", "3", "0"],
        ["2 of 2", "100", "1.0000", "1.0000", "0.00", "1.0000", "0", "0"],
        ["all", "200", "1.0000", "0.9850", "-1.50", "0.9850", "3", "0"],
    ]


def test_sentences_name_the_procedure_and_the_limit():
    first, second, third = describe_procedure(judge(3))
    assert first.startswith(
        "UNDECIDED of the procedure, not this file: int8 loses 1.50 points in conversion on all 200"
    )
    assert first.endswith("2 may be lost")
    assert "each photo once, by one of 2 files that was not made from it" in second
    assert third.endswith("more photos would decide it, at the rates observed so far")
    assert len(describe_procedure(judge(0))) == 2


def test_html_has_table_and_sentences():
    html = render_procedure(judge(3))
    assert html.count("the procedure, not this file") == 2 and "<td>1 of 2</td>" in html
