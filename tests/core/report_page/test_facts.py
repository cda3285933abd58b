"""Facts of a run answer what sections need: decisions, truth and photos."""

import numpy as np

from tests.fixtures.reports import HOSTILE, Sample, make_report


def test_decisions_have_the_shape_of_the_truth():
    for labels, shape in ((False, (60,)), (True, (60, 3))):
        _, target = make_report(Sample(labels=labels))
        assert target.truth.shape == target.decisions.shape == target.reference_decisions.shape == shape
        assert target.has_labels is labels
    assert set(np.unique(target.decisions)) == {0, 1}


def test_photo_is_shown_with_its_class():
    run, _ = make_report()
    shown = run.show(1, 16)
    assert shown["label"] == "square" and shown["path"].startswith(f"1/{HOSTILE[1]}")
    assert shown["uri"].startswith("data:image/webp")


def test_photo_is_shown_with_all_its_labels():
    run, _ = make_report(Sample(labels=True))
    assert [run.show(row, 8)["label"] for row in (0, 1, 7)] == [
        "circle, square, triangle",
        "square, triangle",
        "no label",
    ]
