"""label_order.py: swapped outputs are found by their correlation with the labels."""

import numpy as np

from edgetl.core.tasks.label_order import find_better_label_order

GENERATOR = np.random.default_rng(1)
LABELS = (GENERATOR.random((120, 3)) < 0.4).astype(np.int64)
SCORES = np.clip(LABELS * 0.7 + GENERATOR.random((120, 3)) * 0.3, 0, 1)


def test_right_order_is_kept():
    assert find_better_label_order(SCORES, LABELS) is None


def test_swapped_outputs_are_found():
    # Output 0 predicts label 2, output 1 label 0, output 2 label 1.
    assert find_better_label_order(SCORES[:, [2, 0, 1]], LABELS) == (2, 0, 1)


def test_without_variation_there_is_no_order():
    assert find_better_label_order(np.full((120, 3), 0.2), LABELS) is None
    assert find_better_label_order(SCORES, np.ones_like(LABELS)) is None


def test_random_scores_give_no_order():
    assert find_better_label_order(GENERATOR.random((120, 3)), LABELS) is None
