"""trials.py: chance is told from a mistake in how a model is fed or read."""

import numpy as np
import pytest

from edgetl.core.evaluation import preprocessing_check


def rights(both, only_other, only_stated, neither):
    other = [True] * both + [True] * only_other + [False] * only_stated + [False] * neither
    stated = [True] * both + [False] * only_other + [True] * only_stated + [False] * neither
    return np.array(other), np.array(stated)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((50, 0, 0, 50), False),
        ((50, 9, 0, 41), False),
        ((50, 10, 0, 40), True),
        ((50, 30, 14, 6), False),
        ((50, 40, 14, 6), True),
        ((0, 0, 100, 0), False),
    ],
)
def test_clearly_better(counts, expected):
    assert preprocessing_check.is_clearly_better(*rights(*counts)) is expected


def test_near_chance():
    right = np.zeros(100, bool)
    for count, expected in ((0, True), (25, True), (37, True), (39, False), (100, False)):
        assert preprocessing_check.is_near_chance(np.arange(100) < count, 4) is expected
    assert preprocessing_check.is_near_chance(right, 2)


def test_likelier():
    draws = np.random.default_rng(1)
    stated = draws.uniform(0.4, 0.6, 100)
    assert preprocessing_check.is_likelier(stated * 1.5, stated)
    assert not preprocessing_check.is_likelier(stated, stated)
    assert not preprocessing_check.is_likelier(stated / 1.5, stated)
    assert not preprocessing_check.is_likelier(draws.permutation(stated), stated)


def test_another_order_is_found():
    labels = np.arange(90) % 3
    order = np.array([2, 0, 1])
    named = order[labels]
    found = preprocessing_check.find_better_order(named, labels, 3)
    assert found is not None and np.array_equal(np.array(found)[named], labels)


def test_no_order_is_better_than_the_right_one_or_than_guesses():
    labels = np.arange(90) % 3
    assert preprocessing_check.find_better_order(labels, labels, 3) is None
    assert preprocessing_check.find_better_order(np.zeros(90, np.int64), labels, 3) is None
    assert preprocessing_check.find_better_order(np.random.default_rng(2).integers(0, 3, 90), labels, 3) is None
    assert preprocessing_check.find_better_order(labels[:9], labels[:9] * 0, 3) is None
