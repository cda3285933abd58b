"""thresholds.py: the best F1 score on validation photos, 0.5 for too few of them, and none that int8 rounding moves."""

import numpy as np
import pytest

from edgetl.core.tasks.several_labels import SeveralLabels
from edgetl.core.tasks.thresholds import choose_thresholds


def choose(scores: np.ndarray, labels: np.ndarray):
    (threshold,) = choose_thresholds(scores.reshape(-1, 1), labels.reshape(-1, 1), ("a",))
    return threshold


def test_threshold_separates_the_photos():
    scores = np.concatenate([np.linspace(0.02, 0.2, 40), np.linspace(0.3, 0.4, 10)])
    threshold = choose(scores, (scores > 0.25).astype(np.int64))
    # Of all that separate them, the nearest to 0.5.
    assert threshold.chosen and 0.29 < threshold.value <= 0.3 and threshold.photos == 10


def test_half_stays_where_it_is_best():
    scores = np.concatenate([np.full(20, 0.1), np.full(20, 0.9)])
    assert choose(scores, (scores > 0.5).astype(np.int64)).value == 0.5


@pytest.mark.parametrize("present", [0, 9, 31, 40])
def test_too_few_photos_with_or_without_the_label(present):
    labels = (np.arange(40) < present).astype(np.int64)
    threshold = choose(np.full(40, 0.2) + labels * 0.05, labels)
    assert threshold.value == 0.5 and not threshold.chosen and threshold.photos == present


def test_threshold_is_the_best_of_all_by_brute_force():
    generator = np.random.default_rng(1)
    labels = (generator.random(200) < 0.2).astype(np.int64)
    scores = np.clip(generator.normal(0.2 + 0.3 * labels, 0.15), 0, 1)

    def compute_f1(value: float) -> float:
        right = int(((scores >= value) & (labels == 1)).sum())
        return 2 * right / (int((scores >= value).sum()) + int(labels.sum()))

    best = max(compute_f1((step + 0.5) / 256) for step in range(12, 244))
    assert compute_f1(choose(scores, labels).value) == best > compute_f1(0.5)


def test_rounding_to_the_values_of_an_int8_sigmoid_changes_no_decision():
    generator = np.random.default_rng(2)
    scores = generator.random((300, 1))
    threshold = choose(scores, (scores > 0.37).astype(np.int64)[:, 0])
    task = SeveralLabels((threshold.value,))
    assert threshold.value != 0.5 and (task.decide(scores) == task.decide(np.round(scores * 256) / 256)).all()
