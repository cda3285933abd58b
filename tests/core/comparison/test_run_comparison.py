"""Every run is compared with the first one, target by target, and what differs between their recipes is listed."""

import json
from dataclasses import replace

import pytest

from edgetl.core.comparison.run_comparison import compare_runs, list_differing_values
from edgetl.core.evaluation.contract import compute_tango_interval
from tests.fixtures.comparisons import make_compared, spoil
from tests.fixtures.reports import Sample


def test_first_run_is_the_base_line_of_all_others():
    comparison = compare_runs([make_compared(name) for name in "abc"])
    assert [row.run for row in comparison.rows] == ["a", "b", "c"]
    assert [(pair.base.run, pair.candidate.run) for pair in comparison.pairs] == [("a", "b"), ("a", "c")]
    assert [pair.title for pair in comparison.pairs] == ["b against a, tflite", "c against a, tflite"]


def test_targets_are_compared_with_the_same_target_else_with_the_first_one():
    runs = [make_compared("a", "tflite", "onnx"), make_compared("b", "onnx", "board")]
    comparison = compare_runs(runs)
    assert [(row.run, row.target) for row in comparison.rows] == [
        ("a", "tflite"),
        ("a", "onnx"),
        ("b", "onnx"),
        ("b", "board"),
    ]
    pairs = [(pair.base.target, pair.candidate.target) for pair in comparison.pairs]
    assert pairs == [("onnx", "onnx"), ("tflite", "board")]
    assert comparison.pairs[1].title == "b, board against a, tflite"


def test_intervals_of_several_pairs_hold_together():
    runs = [make_compared("a"), spoil(make_compared("b"), range(10)), make_compared("c")]
    two, three = compare_runs(runs[:2]), compare_runs(runs)
    first = two.pairs[0].difference
    broke, fixed = len(first.only_base), len(first.only_candidate)
    assert broke and first.high == -compute_tango_interval(broke, fixed, 60, confidence=0.975)[0]
    assert three.pairs[0].difference.high == -compute_tango_interval(broke, fixed, 60, confidence=0.9875)[0]
    assert "Bonferroni" in three.describe_intervals() and "Bonferroni" not in two.describe_intervals()


def test_row_has_the_results_of_its_run():
    run = make_compared("a")
    result = run.targets[0].result.model_copy(
        update={"device_ms": {"pi": {"a" * 64: 12.5, "b" * 64: 20.0}, "nano": {"b" * 64: 3.0}}}
    )
    run = replace(run, targets=(replace(run.targets[0], result=result),))
    row = compare_runs([run, make_compared("b")]).rows[0]
    assert row.network == "mobilenet 0.25, 16 px" and row.method == "int8" and row.bytes == 640_000
    # Only latencies of the chosen file.
    assert row.device_ms == {"pi": 12.5} and row.host_ms == 1.25
    assert row.accuracy_low < row.accuracy < row.accuracy_high


def test_runs_of_other_classes_are_shown_with_a_reason():
    comparison = compare_runs([make_compared("a"), make_compared("b", sample=Sample(classes=("circle", "square")))])
    difference = comparison.pairs[0].difference
    assert difference.reason == "not comparable: the classes are not the same: only a has triangle"
    assert len(comparison.rows) == 2


def test_plain_values_are_json_and_have_all_photos():
    runs = [make_compared("a", epochs="3"), spoil(make_compared("b", epochs="4"), range(40))]
    comparison = compare_runs(runs)
    value = json.loads(json.dumps(comparison.dump()))
    assert value["differences"] == {"epochs": ["3", "4"]} and value["confidence"] == 0.95
    (pair,) = value["pairs"]
    assert pair["base"] == {"run": "a", "target": "tflite"} and pair["outcome"] == "lower"
    assert len(pair["only_base"]) == len(comparison.pairs[0].difference.only_base) > 24
    assert value["rows"][0]["accuracy"] == pytest.approx(comparison.rows[0].accuracy)


def test_only_values_that_differ_are_listed():
    recipes = [{"alpha": "1", "side": "96"}, {"alpha": "0.5", "side": "96", "new": "on"}]
    assert list_differing_values(recipes) == {"alpha": ("1", "0.5"), "new": ("", "on")}
    assert list_differing_values(recipes[:1] * 2) == {}
