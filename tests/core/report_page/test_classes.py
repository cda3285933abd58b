"""Confusion matrices count what the models predict, and the table has bounds."""

import numpy as np
import pytest

from edgetl.core.evaluation.quality.proportions import compute_wilson_bounds
from edgetl.core.report_page.classes import collect_classes, count_confusions, select_confused_classes
from tests.fixtures.reports import Sample, make_report


def test_rows_are_true_classes():
    matrix = count_confusions(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_matrices_are_those_of_keras_the_file_and_their_difference():
    run, target = make_report(Sample(photos=300))
    keras, artifact, difference = collect_classes(run, target)["matrices"]
    assert [keras["title"], artifact["title"], difference["title"]] == ["Keras", "int8", "int8 minus Keras"]

    def read(matrix):
        return np.array([[int(cell["text"] or 0) for cell in row] for row in matrix["rows"]])

    assert read(keras).sum() == read(artifact).sum() == 300
    assert (read(artifact) - read(keras) == read(difference)).all()
    right = (target.truth == target.decisions).sum()
    assert np.trace(read(artifact)) == right


def test_fewer_right_predictions_and_more_mistakes_are_losses():
    run, target = make_report(Sample(photos=300))
    for row, cells in enumerate(collect_classes(run, target)["matrices"][2]["rows"]):
        for column, cell in enumerate(cells):
            change = int(cell["text"] or 0)
            expected = "" if not change else "gain" if (change > 0) == (row == column) else "loss"
            assert cell["kind"].removeprefix("d").strip() == expected
            assert 0 <= cell["share"] <= 60


def test_of_many_classes_the_most_confused_are_shown():
    first, second = np.diag([5] * 40), np.diag([5] * 40)
    first[3, 7], second[39, 0] = 4, 2
    assert select_confused_classes([first, second], 4) == [0, 3, 7, 39]
    names = tuple(f"class {number}" for number in range(300))
    run, target = make_report(Sample(classes=names, photos=3000))
    values = collect_classes(run, target)
    assert len(values["names"]) == 30 and values["total"] == 300
    assert {len(row) for matrix in values["matrices"] for row in matrix["rows"]} == {30}


def test_pairs_are_the_most_frequent_mistakes():
    run, target = make_report(Sample(photos=300))
    pairs = collect_classes(run, target)["pairs"]
    assert [pair["photos"] for pair in pairs] == sorted((pair["photos"] for pair in pairs), reverse=True)
    for pair in pairs:
        wrong = (target.truth == run.classes.index(pair["label"])) & (
            target.decisions == run.classes.index(pair["predicted"])
        )
        assert wrong.sum() == pair["photos"] and pair["label"] != pair["predicted"]


def test_model_without_mistakes_has_no_pairs():
    run, target = make_report(Sample(wrong=0.0, changed=0.0))
    assert collect_classes(run, target)["pairs"] == []


def test_proportions_have_the_bounds_of_wilson():
    run, target = make_report(Sample(photos=300))
    for row, count in zip(collect_classes(run, target)["rows"], target.result.verdict.counts, strict=True):
        assert row["recall"] == count.correct / count.photos
        assert row["precision"] == count.correct / count.predicted
        assert row["recall_bounds"] == compute_wilson_bounds(count.correct, count.photos, confidence=0.95)
        assert row["precision_bounds"] == compute_wilson_bounds(count.correct, count.predicted, confidence=0.95)


def test_class_without_test_photos_has_no_recall():
    run, target = make_report(Sample(without=1))
    row = collect_classes(run, target)["rows"][2]
    assert (row["name"], row["photos"], row["recall"]) == ("triangle", 0, None)


def test_of_1000_classes_those_with_the_lowest_recall_are_listed():
    names = tuple(f"class {number}" for number in range(1000))
    run, target = make_report(Sample(classes=names, photos=2000, without=10))
    rows = collect_classes(run, target)["rows"]
    assert len(rows) == 300 and all(row["recall"] is not None for row in rows)
    left_out = {row["name"] for row in rows}
    others = [row.recall for row in target.result.quality.per_class if row.name not in left_out and row.photos]
    assert min(others) >= max(row["recall"] for row in rows)


def test_labels_have_no_matrix():
    run, target = make_report(Sample(labels=True))
    values = collect_classes(run, target)
    assert (values["matrices"], values["names"], values["thing"]) == ([], [], "label")
    assert len(values["rows"]) == 3


@pytest.mark.parametrize(("names", "short"), [(("0", "1"), True), (("circle", "b"), False)])
def test_columns_have_names_only_if_these_are_short(names, short):
    assert collect_classes(*make_report(Sample(classes=names)))["has_short_names"] is short
