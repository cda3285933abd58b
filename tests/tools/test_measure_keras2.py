"""The table of the Keras 2 zoo: one line for each file, and one for each group."""

import numpy as np

from tools.measure_keras2 import Comparison, compare_model, summarize


def test_groups_are_summarized():
    comparisons = [
        Comparison("layer/a.h5", 1e-7),
        Comparison("layer/a.keras", 3e-7),
        Comparison("function/b.h5", np.nan, "not read"),
        Comparison("network/mixed_float16.h5", 1e-3),
    ]
    assert summarize(comparisons) == [
        "layer: 2 of 2 files, largest difference 3.0e-07",
        "function: 0 of 1 files",
        "half precision: 1 of 1 files, largest difference 1.0e-03",
    ]


def test_line_has_the_difference_or_the_reason():
    assert str(Comparison("layer/a.h5", 1.23e-7)).split() == ["layer/a.h5", "1.2e-07"]
    assert str(Comparison("layer/a.h5", np.nan, "not read")).endswith("not read")


def test_file_that_was_not_read_has_a_reason(tmp_path):
    np.savez(tmp_path / "layer-a.npz", photos=np.zeros(1), outputs=np.zeros(1))
    assert [comparison.reason for comparison in compare_model("layer/a", tmp_path)] == ["not read"] * 2
