"""Values predict the class where they depend on it, and not where they do not."""

import numpy as np

from edgetl.engines.inspection.clue_predictions import predict_from_clue


def test_value_that_follows_the_class_predicts_it():
    generator = np.random.default_rng(1)
    labels, folds = np.arange(200) % 2, generator.integers(0, 5, 200)
    size = 1000.0 * (labels + 1)[:, None] + generator.normal(0, 100, (200, 1))
    assert (predict_from_clue(size, labels, folds) == labels).mean() > 0.95
    assert 0.3 < (predict_from_clue(generator.normal(size=(200, 2)), labels, folds) == labels).mean() < 0.7


def test_fold_whose_others_have_one_class_is_predicted_as_that():
    labels, folds = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    assert predict_from_clue(np.ones((4, 1)), labels, folds).tolist() == [1, 1, 0, 0]
