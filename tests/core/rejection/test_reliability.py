import numpy as np
import pytest

from edgetl.core.rejection.reliability import compute_reliability_gap, merge_bins, tabulate_reliability


def test_answers_are_counted_in_bins_that_contain_their_upper_edge():
    table = tabulate_reliability([0.0, 0.5, 0.500001, 1.0], [True, False, True, True], bins=2)
    assert [(row.low, row.high, row.photos, row.accuracy) for row in table] == [(0, 0.5, 2, 0.5), (0.5, 1, 2, 1.0)]


def test_bins_without_photos_are_left_out():
    assert [row.photos for row in tabulate_reliability([0.99, 0.98], [True, True])] == [2]


def test_error_of_an_overconfident_classifier():
    """Always 0.9, right in half of the photos."""
    table = tabulate_reliability([0.9] * 10, [True, False] * 5)
    assert compute_reliability_gap(table) == pytest.approx(0.4)


def test_error_of_a_calibrated_classifier_is_small():
    generator = np.random.default_rng(2)
    probabilities = generator.random(50_000)
    table = tabulate_reliability(probabilities, generator.random(50_000) < probabilities)
    assert compute_reliability_gap(table) < 0.01


def test_error_without_photos_is_zero():
    assert compute_reliability_gap(tabulate_reliability([], [])) == 0.0


def test_arrays_of_different_lengths_are_errors():
    with pytest.raises(ValueError, match="must both be"):
        tabulate_reliability([0.5], [])


def test_merged_bins_have_the_photos_of_theirs():
    table = tabulate_reliability([0.2, 0.5, 0.7, 0.81, 0.99, 1.0], [True, False, True, True, True, False], bins=15)
    merged = merge_bins(table, (0.0, 0.6, 0.8, 1.0))
    assert [(row.low, row.high, row.photos) for row in merged] == [(0.0, 0.6, 2), (0.6, 0.8, 1), (0.8, 1.0, 3)]
    assert [row.accuracy for row in merged] == pytest.approx([0.5, 1.0, 2 / 3])
    assert [row.probability for row in merged] == pytest.approx([0.35, 0.7, 2.8 / 3])


def test_merged_bins_without_photos_are_left_out():
    assert [row.high for row in merge_bins(tabulate_reliability([0.9], [True]), (0.0, 0.6, 1.0))] == [1.0]
