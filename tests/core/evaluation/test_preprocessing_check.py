"""preprocessing_check.py: a wrong preprocessing is distinguished from chance."""

import numpy as np
import pytest

from edgetl.core.evaluation import preprocessing_check


@pytest.mark.parametrize(
    ("both", "only_alternative", "only_baseline", "neither", "expected"),
    [
        (50, 0, 0, 50, False),
        (50, 9, 0, 41, False),
        (50, 10, 0, 40, True),
        (50, 30, 14, 6, False),
        (50, 40, 14, 6, True),
        (0, 0, 100, 0, False),
    ],
)
def test_alternative_is_better_if_chance_does_not_explain_it(both, only_alternative, only_baseline, neither, expected):
    counts = [both, only_alternative, only_baseline, neither]
    alternative, baseline = np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)
    assert preprocessing_check.is_clearly_better(alternative, baseline) is expected


@pytest.mark.parametrize(
    ("correct", "classes", "expected"),
    [(0, 4, True), (25, 4, True), (37, 4, True), (39, 4, False), (100, 4, False), (0, 2, True)],
)
def test_accuracy_near_chance(correct, classes, expected):
    assert preprocessing_check.is_near_chance(np.arange(100) < correct, classes) is expected


def test_alternative_with_higher_probabilities_is_likelier():
    generator = np.random.default_rng(1)
    baseline = generator.uniform(0.4, 0.6, 100)
    assert preprocessing_check.is_likelier(baseline * 1.5, baseline)
    for alternative in (baseline, baseline / 1.5, generator.permutation(baseline)):
        assert not preprocessing_check.is_likelier(alternative, baseline)


def test_wrong_order_of_outputs_is_corrected():
    labels = np.arange(90) % 3
    predictions = np.array([2, 0, 1])[labels]
    order = preprocessing_check.find_better_order(predictions, labels, 3)
    assert order is not None and np.array_equal(np.array(order)[predictions], labels)


LABELS = np.arange(90) % 3


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [
        (LABELS, LABELS),
        (np.zeros(90, np.int64), LABELS),
        (np.random.default_rng(2).integers(0, 3, 90), LABELS),
        (LABELS[:9], LABELS[:9] * 0),
    ],
    ids=["correct order", "always one class", "random predictions", "photos of one class"],
)
def test_no_better_order(predictions, labels):
    assert preprocessing_check.find_better_order(predictions, labels, 3) is None
