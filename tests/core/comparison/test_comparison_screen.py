"""A comparison on a screen: tables of 80 columns at most, with and without a terminal, however long the names are."""

from dataclasses import replace

import pytest

from edgetl.core.comparison.comparison_screen import describe_pairs, describe_runs, tabulate_comparison
from edgetl.core.comparison.run_comparison import compare_runs
from edgetl.core.screen.table_layout import lay_out_table
from tests.fixtures.comparisons import make_compared, spoil
from tests.fixtures.reports import Sample

LONG = "/a/long/folder/with/many/runs/of/photos/" + "name" * 10


def add_device(run, name, ms):
    result = run.targets[0].result.model_copy(update={"device_ms": {name: {"a" * 64: ms}}})
    return replace(run, targets=(replace(run.targets[0], result=result), *run.targets[1:]))


@pytest.mark.parametrize("targets", [("tflite",), ("tflite", "onnx")])
def test_tables_fit_80_columns_with_long_names(targets):
    runs = [make_compared(f"{LONG}{number}", *targets, epochs=f"{number}") for number in range(3)]
    tables = tabulate_comparison(compare_runs([add_device(runs[0], "pi@greenhouse", 12.5), spoil(runs[1], range(20))]))
    assert [title.partition(".")[0].partition(",")[0] for title, *_ in tables] == [
        "runs",
        "measured on devices",
        "what differs",
        "accuracy on the test photos in common",
    ]
    for _, columns, rows in tables:
        assert {len(row) for row in rows} == {len(columns)}
        header, lines = lay_out_table(columns, rows, None)
        assert max(map(len, [*header.splitlines(), *lines])) <= 80


def test_runs_are_named_once_with_their_numbers():
    comparison = compare_runs([make_compared(LONG, "tflite", "onnx"), make_compared("b", "onnx")])
    assert describe_runs(comparison) == [
        f"1: {LONG}, mobilenet 0.25, 16 px, int8 for tflite, int8 for onnx",
        "2: b, mobilenet 0.25, 16 px, int8 for onnx",
    ]
    assert [row[0] for row in tabulate_comparison(comparison)[0][2]] == ["1 tflite", "1 onnx", "2 onnx"]
    line, meaning = describe_pairs(comparison)
    assert line == "2 onnx with 1 onnx: test photos in common: 60 of 60 and 60" and "confidence of 95%" in meaning


def test_values_that_differ_have_a_row_for_each_run():
    comparison = compare_runs([make_compared("a", epochs="1", rate="0.1"), make_compared("b", epochs="2", rate="0.1")])
    (table,) = [table for table in tabulate_comparison(comparison) if table[0] == "what differs"]
    assert table[2] == [["epochs", "1", "1"], ["", "2", "2"]]


def test_runs_that_are_not_comparable_have_the_reason_and_no_interval():
    comparison = compare_runs([make_compared("a"), make_compared("b", sample=Sample(classes=("x", "y")))])
    assert [title for title, *_ in tabulate_comparison(comparison)] == ["runs"]
    (line,) = describe_pairs(comparison)
    assert line.startswith("2 with 1: not comparable: the classes are not the same")
