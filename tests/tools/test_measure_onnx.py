"""The time of operators, from the events of a profile."""

from tools.measure_onnx import sum_operators
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
