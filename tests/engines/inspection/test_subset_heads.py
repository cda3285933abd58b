"""Heads on subsets: more photos are better, and no group is divided."""

import numpy as np

from edgetl.engines.inspection.heads import reduce_features
from edgetl.engines.inspection.subset_heads import FRACTIONS, _rank_in_classes, predict_by_subsets


def test_more_training_photos_are_better(make_clouds, divide):
    features, labels = make_clouds(300, distance=1)
    advanced = []
    found = predict_by_subsets(reduce_features(features), labels, np.arange(300), divide(labels)[:2], advanced.append)
    assert found.right.shape == (2, len(FRACTIONS), 300) and sum(advanced) == 2 * 5 * len(FRACTIONS)
    assert (np.diff(found.photos) > 0).all() and found.photos[-1] == 240
    accuracies = found.right.mean(axis=(0, 2))
    assert accuracies[-1] > accuracies[0]


def test_every_class_is_in_the_smallest_subset(make_clouds, divide):
    features, labels = make_clouds(300)
    labels = np.where(np.arange(300) < 290, labels % 2, 2)
    found = predict_by_subsets(reduce_features(features), labels, np.arange(300), divide(labels)[:1])
    assert found.photos[0] >= 3


def test_photos_of_one_group_have_one_rank():
    groups = np.repeat(np.arange(20), 3)
    ranks = _rank_in_classes(np.random.default_rng(1).permutation(20)[groups], np.zeros(60, int), np.ones(60, bool))
    assert all(len(set(ranks[groups == group])) == 1 for group in range(20))
    assert ranks.min() == 0 and ranks.max() < 1
