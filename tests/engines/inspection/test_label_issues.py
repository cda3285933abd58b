"""Wrong labels are found and ranked; right ones are not named."""

import numpy as np
import pytest

from edgetl.engines.inspection.heads import reduce_features
from edgetl.engines.inspection.label_issues import find_wrong_labels, rank_label_issues


def test_photo_with_an_improbable_label_is_named_first():
    labels = np.array([0] * 10 + [1] * 10)
    scores = np.where(labels[:, None] == [0, 1], 0.9, 0.1)
    scores[3], scores[12] = (0.02, 0.98), (0.7, 0.3)
    rows, quality = rank_label_issues(labels, scores)
    assert rows.tolist()[0] == 3 and quality[3] == pytest.approx(0.02) and quality[0] == pytest.approx(0.9)
    assert set(rows.tolist()) <= {3, 12}


def test_right_labels_are_not_named(make_clouds, divide):
    features, labels = make_clouds(distance=6)
    rows, _, scores = find_wrong_labels(reduce_features(features), labels, divide(labels))
    assert len(rows) <= 2 and (scores.argmax(axis=1) == labels).mean() > 0.98


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_wrong_labels_are_found(make_clouds, divide, seed):
    features, labels = make_clouds(600, distance=2, seed=seed)
    generator = np.random.default_rng(seed)
    flipped = generator.choice(600, 30, replace=False)
    wrong = labels.copy()
    wrong[flipped] = (labels[flipped] + generator.integers(1, 3, 30)) % 3
    rows, quality, scores = find_wrong_labels(reduce_features(features), wrong, divide(wrong))
    hits = np.isin(rows, flipped)
    assert hits.mean() >= 0.8 and hits.sum() >= 24
    assert (np.diff(quality[rows]) >= 0).all()
    named = rows[hits]
    assert (scores[named].argmax(axis=1) == labels[named]).mean() > 0.9
    assert (scores[rows].argmax(axis=1) != wrong[rows]).all()


def test_same_photos_give_the_same_ranking(make_clouds, divide):
    features, labels = make_clouds(distance=1)
    first, second = (find_wrong_labels(reduce_features(features), labels, divide(labels)) for _ in range(2))
    assert first[0].tolist() == second[0].tolist() and (first[2] == second[2]).all()
