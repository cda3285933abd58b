"""class_design_effect.py: exact cases, and one class against the design effect of accuracy."""

import numpy as np
import pytest

from edgetl.core.evaluation.balanced.class_design_effect import measure_class_design_effect
from edgetl.core.evaluation.design_effect import measure_design_effect


def test_groups_of_one_photo_change_nothing():
    assert measure_class_design_effect(np.array([1, 0, -1, 0]), np.array([0, 0, 1, 1]), np.arange(4)) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_one_class_has_the_design_effect_of_accuracy(seed):
    rng = np.random.default_rng(seed)
    differences, groups = rng.integers(-1, 2, 60), rng.integers(0, 12, 60)
    effect = measure_class_design_effect(differences, np.zeros(60, int), groups)
    assert effect == pytest.approx(measure_design_effect(differences, groups))


def test_single_group_counts_as_one_photo():
    assert measure_class_design_effect(np.array([1, 0, 0, -1]), np.zeros(4, int), np.zeros(4, int)) == pytest.approx(4)


def test_groups_of_the_class_with_few_photos_count_most():
    """Class 1 has 6 photos in 2 groups, class 0 has 60 photos that are independent."""
    labels = np.repeat([0, 1], [60, 6])
    differences = np.zeros(66, int)
    rare_in_groups = np.concatenate([np.arange(60), np.repeat([60, 61], 3)])
    common_in_groups = np.concatenate([np.repeat(np.arange(20), 3), np.arange(60, 66)])
    assert measure_class_design_effect(differences, labels, rare_in_groups) > 3
    assert measure_class_design_effect(differences, labels, common_in_groups) < 1.3


def test_class_in_a_single_group_counts_as_one_photo_of_it():
    labels = np.repeat([0, 1], [60, 6])
    groups = np.concatenate([np.arange(60), np.full(6, 60)])
    differences = np.zeros(66, int)
    differences[60:63] = 1
    assert 5 < measure_class_design_effect(differences, labels, groups) < 6


def test_group_with_photos_of_two_classes_adds_their_changes():
    labels, groups = np.tile([0, 1], 20), np.repeat(np.arange(20), 2)
    together = np.where(np.arange(40) < 8, 1, 0)
    apart = np.where(labels == 0, together, 0) - np.where(labels == 1, together, 0)
    assert measure_class_design_effect(together, labels, groups) > 1.3
    assert measure_class_design_effect(apart, labels, groups) < 1


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="must be"):
        measure_class_design_effect(np.zeros(3, int), np.zeros(2, int), np.zeros(3, int))
    with pytest.raises(ValueError, match="must be"):
        measure_class_design_effect(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int))
