"""The second output of the files of the shared run, and what it costs."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgetl.engines.tflite.features import add_features
from tools.second_output import measure_cost, remove_output, time_answers


@pytest.fixture
def artifact(delivered):
    assert delivered.artifact.features
    return delivered.artifact


def test_removed_output_can_be_added_again(artifact):
    without = remove_output(artifact.path.read_bytes(), artifact.format)
    (scores,) = Interpreter(model_content=without).get_output_details()
    count, content = add_features(without)
    assert count == artifact.features
    outputs = Interpreter(model_content=content).get_output_details()
    assert outputs[0]["name"] == scores["name"] and len(outputs) == 2


def test_cost_is_measured(artifact):
    row = measure_cost(artifact.path, artifact.format, np.zeros((32, 32, 3), np.uint8), rounds=2)
    assert row["model_bytes"] == artifact.bytes and row["rounds"] == 2
    assert abs(row["added_bytes"]) < 1000
    assert row["invoke_ms"] > 0 and 0.1 < row["ratio"] < 10


def test_answers_are_timed_one_by_one():
    calls = []
    assert time_answers(lambda row: calls.append(row.shape), np.zeros((3, 7))) > 0
    assert calls == [(7,)] * 3
