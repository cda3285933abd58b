"""Neighbours by cosine, outside the own group; outliers by the distance to them."""

import numpy as np
import pytest

from edgetl.core.inspection import neighbours
from edgetl.core.inspection.neighbours import find_neighbours, mark_outliers


@pytest.fixture
def features():
    return np.random.default_rng(1).normal(size=(50, 8))


def find_slowly(features, row, groups, count):
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    others = [(1 - unit[row] @ unit[other], other) for other in range(len(features)) if groups[other] != groups[row]]
    return [other for _, other in sorted(others)[:count]]


@pytest.mark.parametrize("cells", [50, 120, 1 << 22])
def test_neighbours_are_those_of_all_comparisons(features, monkeypatch, cells):
    monkeypatch.setattr(neighbours, "_CELLS_AT_ONCE", cells)
    groups, rows = np.arange(50) // 3, np.array([0, 7, 49])
    found, distances = find_neighbours(features, rows, groups, 4)
    assert found.tolist() == [find_slowly(features, row, groups, 4) for row in rows]
    assert (np.diff(distances, axis=1) >= 0).all()


def test_photos_of_one_group_have_no_neighbours(features):
    found, distances = find_neighbours(features[:5], np.arange(5), np.zeros(5, int), 3)
    assert (found == -1).all() and np.isinf(distances).all() and not mark_outliers(distances).any()


def test_fewer_photos_than_neighbours(features):
    found, _ = find_neighbours(features[:3], np.arange(3), np.arange(3), 10)
    assert found.shape == (3, 3) and (found[:, 2] == -1).all()


def test_features_of_zeros_have_distances():
    _, distances = find_neighbours(np.zeros((4, 3)), np.arange(4), np.arange(4), 2)
    assert np.isfinite(distances).all()


def test_photo_unlike_all_others_is_an_outlier():
    generator = np.random.default_rng(2)
    features = generator.normal(0, 0.2, (200, 16)) + np.eye(16)[0]
    features[17] = -np.eye(16)[0]
    _, distances = find_neighbours(features, np.arange(200), np.arange(200), 5)
    marked = mark_outliers(distances)
    assert marked[17] and marked.sum() <= 8


def test_equal_photos_are_no_outliers():
    assert not mark_outliers(np.zeros((20, 3))).any()
