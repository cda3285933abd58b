"""changes.py: the sign of a change is that of the accuracy, in every cell and sentence."""

import pytest

from edgetl.core.report.changes import HOP_COLUMNS, describe_drop, format_change, list_hop_cells
from edgetl.core.verdict_records import LedgerHop


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (0.9, 0.8615, "-3.85"),
        (0.8615, 0.9, "+3.85"),
        (0.9, 0.9, "0.00"),
        (0.9, 0.90001, "0.00"),
        (0.9, 0.89999, "0.00"),
    ],
)
def test_minus_is_a_loss(before, after, text):
    assert format_change(before, after) == text


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        (0.0061, "loses 0.61 points"),
        (-0.0385, "gains 3.85 points"),
        (0.0, "loses no accuracy"),
        (-1e-9, "loses no accuracy"),
    ],
)
def test_drop_is_a_loss_or_a_gain(drop, text):
    assert describe_drop(drop) == text


def test_another_measure_than_accuracy_is_named():
    assert describe_drop(0.0061, "balanced accuracy") == "loses 0.61 points of balanced accuracy"
    assert describe_drop(0, "balanced accuracy") == "loses no balanced accuracy"


def test_hops_are_compared_with_the_hop_before_and_with_the_first():
    accuracies = {"Keras": (0.9, 0.9), "float32": (0.9, 0.91), "int8": (0.91, 0.88)}
    hops = [
        LedgerHop(
            name=name,
            photos=100,
            reference_accuracy=before,
            accuracy=after,
            reference_balanced_accuracy=before,
            balanced_accuracy=after,
            broke=3,
            fixed=1,
            agreement=0.96,
            worst_difference=0.1,
        )
        for name, (before, after) in accuracies.items()
    ]
    cells = list_hop_cells(hops)
    assert HOP_COLUMNS[2:5] == ("balanced", "change", "in all")
    assert [row[:5] for row in cells] == [
        ["Keras", "0.9000", "0.9000", "", ""],
        ["float32", "0.9100", "0.9100", "+1.00", "+1.00"],
        ["int8", "0.8800", "0.8800", "-3.00", "-2.00"],
    ]
    # Where the contract holds balanced accuracy, the changes are those of it.
    rare = [hop.model_copy(update={"reference_balanced_accuracy": 0.5, "balanced_accuracy": 0.5}) for hop in hops]
    assert [row[1:5] for row in list_hop_cells(rare, "balanced")][2] == ["0.8800", "0.5000", "0.00", "0.00"]
    assert all(len(row) == len(HOP_COLUMNS) for row in cells)
    assert list_hop_cells([]) == []
