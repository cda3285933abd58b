"""measure_rounding.py: a comparison becomes a row, and rows become a table."""

import numpy as np

from edgetl.core.evaluation.metrics import compare_scores
from edgetl.core.methods import METHODS
from tools.measure_rounding import count_method_s, describe_comparison
from tools.tables.rounding import format_rounding


def test_a_comparison_becomes_a_row_of_the_table():
    labels = np.array([0, 0, 1, 1])
    reference, candidate = np.eye(2)[[0, 0, 1, 0]], np.eye(2)[[0, 1, 1, 0]]
    row = describe_comparison(compare_scores(labels, reference, candidate))
    assert (row["broke"], row["fixed"], row["accuracy"], row["drop"], row["agreement"]) == (1, 0, 0.5, 0.25, 0.75)
    assert row["drop_low"] < row["drop"] < row["drop_high"]
    names = {"run": "run", "format": "onnx", "part": "test", "method": "int8_adaround", "photos": 4, "seconds": 12.0}
    line = format_rounding([{**names, **row}]).splitlines()[-1]
    assert line.startswith("| run, 4 test photos | ONNX | int8_adaround | 0.5000 | +25.00 (")
    assert line.endswith("| 1 / 0 | 75.0 % | 12.0 |")


def test_seconds_of_a_method_contain_its_training():
    costs = {"convert-onnx-qat8": 40.0, "convert-onnx-int8_more": 1.0, "retrain-qat": 140.0}
    assert count_method_s(costs, "convert-onnx-qat8", METHODS["qat8"]) == 180.0
    assert count_method_s(costs, "convert-onnx-int8_more", METHODS["int8_more"]) == 1.0
