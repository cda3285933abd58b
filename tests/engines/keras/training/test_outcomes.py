"""Validation photos are predicted after each epoch where few of them choose the best one."""

import dataclasses

import numpy as np
import pytest

from edgetl.core.evaluation.quality.epoch_choice import EpochOutcomes, cross_fit_choice
from edgetl.engines.keras import two_phase
from edgetl.engines.keras.phase_inputs import TrainingData
from edgetl.engines.keras.training.outcomes import find_outcomes
from tests.fixtures.training import RecordingListener, label_photos, make_recipe


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    # The photos of other tests have the same numbers as sha256.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_only_the_choice_by_few_photos_of_one_class_is_judged():
    def photos(count, labels=0, **changes):
        shape = (count, labels) if labels else count
        return dataclasses.replace(
            label_photos(np.zeros((count, 1, 1, 3), np.uint8), np.zeros(shape, np.int64)), **changes
        )

    assert find_outcomes(photos(300), "best") is not None
    assert find_outcomes(photos(301), "best") is None
    assert find_outcomes(photos(30), "last") is None
    assert find_outcomes(photos(30, 2), "best") is None
    assert find_outcomes(photos(30, weights=np.ones(30, np.float32)), "best") is None


def test_outcomes_are_those_of_the_epochs_of_both_phases(small_model, photo_array):
    labels = np.repeat(np.arange(3), 10)
    parts = label_photos(photo_array[::2], labels[::2]), label_photos(photo_array[1::2], labels[1::2], first_sha256=20)
    outcomes, events = EpochOutcomes(), RecordingListener()
    data = TrainingData(
        training=parts[0],
        validation=parts[1],
        recipe=make_recipe(training={"average_epochs": 1.0}),
        listener=events.listener,
        outcomes=outcomes,
    )
    two_phase.train_two_phases(small_model(), data)
    assert len(outcomes.right) == len(events.epochs) == 4
    for right, losses, epoch in zip(outcomes.right, outcomes.losses, events.epochs, strict=True):
        assert right.mean() == pytest.approx(epoch.validation_accuracy)
        assert losses.mean() == pytest.approx(epoch.validation_loss, rel=1e-3)
    assert 0 <= cross_fit_choice(outcomes) <= 1
