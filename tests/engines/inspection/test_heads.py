"""Heads predict photos that they were not trained on, and nothing of a photo reaches its own prediction."""

import numpy as np
import pytest

from edgetl.engines.inspection.heads import predict_out_of_fold, reduce_features, train_head


def test_reduced_features_keep_the_angles_between_photos(make_clouds):
    features, _ = make_clouds()
    reduced = reduce_features(features)
    assert reduced.shape == (240, 32)
    assert (reduced**2).sum(axis=1).mean() == pytest.approx(128)
    brighter = reduce_features(features * 1000)
    assert brighter @ brighter.T == pytest.approx(reduced @ reduced.T, abs=0.01)


def test_more_channels_than_components_are_reduced():
    features = np.random.default_rng(1).normal(size=(300, 400)).astype(np.float32)
    assert reduce_features(features).shape == (300, 256)
    assert reduce_features(features[:20]).shape == (20, 20)


def test_equal_photos_have_finite_features():
    assert np.isfinite(reduce_features(np.ones((5, 8), np.float32))).all()
    assert np.isfinite(reduce_features(np.zeros((5, 8), np.float32))).all()


def test_separate_classes_are_predicted(make_clouds, divide):
    features, labels = make_clouds()
    advanced = []
    scores = predict_out_of_fold(reduce_features(features), labels, divide(labels), advance=advanced.append)
    assert scores.shape == (240, 3) and scores.sum(axis=1) == pytest.approx(1)
    assert (scores.argmax(axis=1) == labels).mean() > 0.95 and sum(advanced) == 15


def test_random_labels_are_not_predicted(make_clouds, divide):
    """Heads that saw the label of a photo would predict it."""
    features, _ = make_clouds(600)
    labels = np.random.default_rng(2).integers(0, 3, 600)
    scores = predict_out_of_fold(reduce_features(features), labels, divide(labels))
    assert 0.25 < (scores.argmax(axis=1) == labels).mean() < 0.42


def test_group_of_equal_photos_is_not_predicted_from_itself(divide):
    """Each group has a place and a label of its own: only a head that saw the group would know its label."""
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(60), 5)
    labels = generator.integers(0, 2, 60)[groups]
    features = generator.normal(size=(60, 64))[groups] + generator.normal(0, 0.01, (300, 64))
    alone = predict_out_of_fold(reduce_features(features), labels, divide(labels))
    together = predict_out_of_fold(reduce_features(features), labels, divide(labels, groups))
    assert (alone.argmax(axis=1) == labels).mean() > 0.95
    assert (together.argmax(axis=1) == labels).mean() < 0.7


def test_photos_that_are_not_trained_on_are_predicted_all_the_same(make_clouds, divide):
    features, labels = make_clouds()
    wrong = labels.copy()
    wrong[:30] = (labels[:30] + 1) % 3
    trusted = np.arange(240) >= 30
    scores = predict_out_of_fold(reduce_features(features), wrong, divide(wrong), trusted)
    assert (scores.argmax(axis=1)[:30] == labels[:30]).mean() > 0.9


def test_class_without_training_photos_has_probability_zero(make_clouds):
    features, labels = make_clouds()
    scores = train_head(features[labels < 2], labels[labels < 2], 3)(features)
    assert (scores[:, 2] == 0).all() and scores.sum(axis=1) == pytest.approx(1)
    assert (train_head(features[:1], labels[:1], 3)(features[:4]) == [1, 0, 0]).all()


def test_one_group_of_everything_has_no_prediction(make_clouds):
    features, labels = make_clouds(12)
    assert predict_out_of_fold(features, labels, [np.zeros(12, np.int64)]) == pytest.approx(1 / 3)
