"""The time of operators, from the events of a profile."""

from pathlib import Path

import numpy as np
import pytest

from tools.measure_onnx import Contestant, _parse_options, compare_scores, sum_operators
from tools.tables.speed import render_onnx


def make_event(operator, name, microseconds):
    return {"cat": "Node", "name": name, "dur": microseconds, "args": {"op_name": operator}}


def test_shortest_invocation_of_each_node_counts():
    events = [make_event("Conv", "a_kernel_time", duration) for duration in (3000, 1000, 90_000)]
    events += [make_event("Conv", "b_kernel_time", 500), make_event("Add", "c_kernel_time", 250)]
    events += [make_event("Conv", "a_fence_before", 7), {"cat": "Session", "name": "model_run", "dur": 9}]
    assert sum_operators(events) == {"Conv": 1.5, "Add": 0.25}


def test_disturbed_latency_is_marked():
    row = {"file": "int8.onnx", "rounds": 5, "ms": 2.8, "disturbed": True, "operators": {"QLinearConv": 2.5}}
    table = render_onnx([row, {"file": "int8.tflite", "rounds": 1, "ms": 2.5, "disturbed": False}])
    assert "| `int8.onnx` | ~2.80 | QLinearConv 2.50 | lowest of 5 |" in table
    assert "| `int8.tflite` | 2.50 |  | one round |" in table


def test_predictions_are_compared_by_class_and_by_probability():
    expected = np.array([[0.6, 0.4], [0.3, 0.7], [0.51, 0.49]])
    scores = np.array([[0.6, 0.4], [0.25, 0.75], [0.49, 0.51]])
    assert compare_scores(expected, scores) == {"photos": 3, "other_class": 1, "largest_difference": 0.05}


def test_a_comparison_is_a_column_of_its_own():
    row = {"file": "int8.onnx", "rounds": 5, "ms": 2.8, "disturbed": False}
    compared = {**row, "file": "u8.onnx", "like": "int8.onnx", "photos": 9, "other_class": 1, "largest_difference": 0.1}
    first, second = render_onnx([row, compared]).splitlines()[2:]
    assert "compared with `int8.onnx`, 9 photos" in render_onnx([row, compared])
    assert first.endswith("| lowest of 5 |  |")
    assert second.endswith("| lowest of 5 | another class for 1, probabilities differ by up to 0.1000 |")


def test_unoptimized_graphs_are_compared_in_the_same_cell():
    row = {"file": "u8.onnx", "rounds": 5, "ms": 2.8, "disturbed": False, "like": "int8.onnx", "photos": 9}
    row |= {"other_class": 1, "largest_difference": 0.1, "unoptimized_photos": 3, "unoptimized_difference": 0.0}
    assert "by up to 0.1000; by 0.0000 unoptimized (3 photos) |" in render_onnx([row])


def test_comparison_needs_photos():
    with pytest.raises(SystemExit):
        _parse_options(["int8.onnx", "--like", "int8.onnx"])
    options = _parse_options(["int8.onnx", "--like", "int8.onnx", "--run", "RUN"])
    assert (options.like, options.run) == (Path("int8.onnx"), Path("RUN"))
    assert Contestant(options.like, converts=True).name == "int8.onnx, qdqisint8allowed=0"
