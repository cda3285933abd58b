"""Measures the speed of this machine, and leaves the model that it measures as it is."""

import time

import numpy as np
import pytest

from edgetl.core.recipe.time_plan import Effort
from edgetl.engines.keras import two_phase
from edgetl.engines.keras.phase_inputs import TrainingData
from edgetl.engines.keras.training import speed
from tests.fixtures.training import RecordingListener, label_photos, make_recipe


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    # The photos of other tests have the same numbers as sha256.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def data(photo_array, monkeypatch):
    monkeypatch.setattr(speed, "_SECONDS", 0.0)
    labels = np.repeat(np.arange(3), 10)
    recipe = make_recipe(training={"time_budget": "1h", "batch_norm": "inference"})
    parts = label_photos(photo_array[:20], labels[:20]), label_photos(photo_array[20:], labels[20:], first_sha256=20)
    return TrainingData(training=parts[0], validation=parts[1], recipe=recipe, listener=RecordingListener().listener)


def test_model_stays_as_it_is_and_can_be_trained(small_model, data):
    model = small_model()
    before = model.get_weights()
    measured = speed.measure_speed(model, data, ["conv3", "conv2"], time.monotonic() - 5)
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    assert 5 < measured.spent_s < 100
    assert set(measured.tuned) == {"conv3", "conv2"}
    paces = (measured.frozen, measured.head, *measured.tuned.values())
    assert all(pace.setup_s > pace.photo_s > 0 for pace in paces)
    assert len(two_phase.train_two_phases(model, data).phases) == 2


def test_recipe_that_fits_is_described(small_model, data, monkeypatch):
    efforts = [Effort(views=2, head_epochs=1, unfreeze="conv3", tuned_epochs=1)]
    monkeypatch.setattr(speed, "list_efforts", lambda _: efforts)
    recipe, text = speed.fit_into_budget(small_model(), data, time.monotonic())
    assert (recipe.augment.views, recipe.phase1.epochs, recipe.phase2.unfreeze) == (2, 1, "conv3")
    assert text.startswith("time budget 3600 s: a photo takes ")
