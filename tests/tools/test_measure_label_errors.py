"""Labels are changed to another class, as many as ordered."""

import numpy as np
import pytest

from tools.measure_label_errors import flip_labels


@pytest.mark.parametrize(("rate", "count"), [(0.02, 2), (0.1, 10), (0.0001, 1)])
def test_changed_labels_are_those_of_other_classes(rate, count):
    labels = np.arange(100) % 4
    flipped, rows = flip_labels(labels, 4, rate, seed=3)
    assert len(rows) == count and sorted(rows) == np.flatnonzero(flipped != labels).tolist()
    assert set(flipped) <= set(range(4)) and (flip_labels(labels, 4, rate, seed=3)[0] == flipped).all()
