"""The best of many epochs on few photos is partly chance: photos that do not choose say how much."""

import numpy as np
import pytest

from edgetl.core.evaluation.quality.epoch_choice import EpochOutcomes, cross_fit_choice, describe_choice


def make(right, losses=None):
    right = np.asarray(right, bool)
    losses = np.where(right, 0.1, 2.0) if losses is None else np.asarray(losses, float)
    return EpochOutcomes(right=list(right), losses=list(losses))


def test_one_epoch_has_its_accuracy():
    assert cross_fit_choice(make([[1, 1, 0, 1, 1]])) == pytest.approx(0.8)


def test_epoch_that_is_best_on_all_parts_is_chosen_everywhere():
    assert cross_fit_choice(make([np.arange(100) % 10 > 4, np.arange(100) % 10 > 0])) == pytest.approx(0.9)


def test_best_of_many_equal_epochs_is_better_than_on_photos_that_did_not_choose():
    # Every epoch is right about a photo with a probability of 0.9, whatever the photo.
    generator = np.random.default_rng(5)
    gaps, best = [], []
    for _ in range(40):
        right = generator.random((30, 60)) < 0.9
        best.append(right.mean(axis=1).max())
        gaps.append(cross_fit_choice(make(right)))
    assert np.mean(best) > 0.96
    assert np.mean(gaps) == pytest.approx(0.9, abs=0.015)


def test_outcomes_are_those_of_the_probabilities():
    outcomes = EpochOutcomes()
    outcomes.add(np.array([[0.7, 0.3], [0.6, 0.4]], np.float32), np.array([0, 1]))
    assert outcomes.right[0].tolist() == [True, False]
    assert outcomes.losses[0] == pytest.approx([-np.log(0.7), -np.log(0.4)])


def test_message_has_both_figures():
    assert "0.9850 of the best epoch, chosen on these 120 photos; 0.9500 where" in describe_choice(0.985, 0.95, 120)
