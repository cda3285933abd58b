"""two_phase: epochs counted through, the best one kept, a phase 2 that harms thrown away, frozen weights frozen."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.records import TrainingPhase
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import two_phase
from edgetl.engines.keras.batches import LabelledPhotos


@dataclass
class Told:
    """What a training said on its way."""

    epochs: list[EpochResult] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    @property
    def watch(self) -> TrainingListener:
        return TrainingListener(
            begin=lambda what, _: self.begun.append(what),
            step=lambda *_: None,
            epoch=self.epochs.append,
            say=lambda _: None,
        )


@pytest.fixture(scope="module")
def parts(photo_array, as_pixels):
    """21 training and 9 validation photos of three classes."""
    labels = np.repeat(np.arange(3), 10)
    held = np.arange(30) % 10 >= 7

    def part(rows):
        return LabelledPhotos(
            pixels=as_pixels(photo_array[rows]), labels=labels[rows], sha256s=[f"{row:064x}" for row in rows]
        )

    return part(np.flatnonzero(~held)), part(np.flatnonzero(held))


def wanted(**tables):
    """A recipe of two phases of two epochs; `tables` change it."""
    base = {
        "base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"},
        "training": {"batch_size": 8, "batch_norm": "inference"},
        "phase1": {"epochs": 2, "learning_rate": 0.02},
        "phase2": {"epochs": 2, "unfreeze": "conv3"},
    }
    return recipe.resolve_recipe(
        "default", {table: {**base.get(table, {}), **tables.get(table, {})} for table in base | tables}
    )


def weights_of(model):
    """Layer → its weights."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def changed(before, after):
    """The layers whose weights differ."""
    return {
        name
        for name, weights in before.items()
        if any(not np.array_equal(old, new) for old, new in zip(weights, after[name], strict=True))
    }


def test_epochs_count_on_and_the_best_is_kept(small_model, parts, as_pixels):
    model, told = small_model(), Told()
    phases = two_phase.train_two_phases(model, *parts, wanted(phase1={"epochs": 3}), told.watch)
    assert [(phase.name, phase.first_epoch, phase.last_epoch) for phase in phases] == [
        ("head", 1, 3),
        ("fine_tune", 4, 5),
    ]
    assert [epoch.epoch for epoch in told.epochs] == [1, 2, 3, 4, 5]
    assert [epoch.phase for epoch in told.epochs] == ["head"] * 3 + ["fine_tune"] * 2
    assert [epoch.learning_rate for epoch in told.epochs] == pytest.approx([0.02] * 3 + [0.002] * 2)
    assert [phase.learning_rate for phase in phases] == pytest.approx([0.02, 0.002])
    assert [what for what in told.begun if what != "frozen"] == ["head", "fine_tune"]
    for phase in phases:
        mine = [epoch for epoch in told.epochs if epoch.phase == phase.name]
        best = max(mine, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
        assert (phase.best_epoch, phase.validation_accuracy) == (best.epoch, best.validation_accuracy)
        assert phase.validation_loss == pytest.approx(best.validation_loss)
    kept = next(phase for phase in reversed(phases) if phase.kept)
    assert_reached(model, parts[1], kept)


def assert_reached(model, photos: LabelledPhotos, phase: TrainingPhase):
    """The model in hand is the one that the record speaks of."""
    scores = keras_model.predict_scores(model, photos.pixels, lambda _: None)
    assert np.mean(scores.argmax(axis=1) == photos.labels) == pytest.approx(phase.validation_accuracy, abs=1e-6)
    loss = -np.log(scores[np.arange(len(scores)), photos.labels]).mean()
    assert loss == pytest.approx(phase.validation_loss, abs=1e-3)


def test_it_learns(small_model, parts):
    model = small_model()
    phases = two_phase.train_two_phases(
        model, *parts, wanted(phase1={"epochs": 25, "learning_rate": 0.05}), Told().watch
    )
    assert phases[-1].validation_accuracy >= 0.8
    assert_reached(model, parts[1], next(phase for phase in reversed(phases) if phase.kept))


def test_frozen_weights_do_not_change(small_model, parts):
    model = small_model()
    before = weights_of(model)
    (phase,) = two_phase.train_two_phases(model, *parts, wanted(phase2={"epochs": 0}), Told().watch)
    assert changed(before, weights_of(model)) == {build.SCORES}
    assert phase.trainable_parameters == 128 * 3 + 3


def test_phase_2_changes_what_was_unfrozen_and_nothing_else(small_model, parts):
    model = small_model()
    before = weights_of(model)
    phases = two_phase.train_two_phases(model, *parts, wanted(phase2={"unfreeze": "conv2"}), Told().watch)
    assert phases[1].kept and phases[1].first_trainable_layer == "conv2"
    assert changed(before, weights_of(model)) == {"conv2", "conv3", build.SCORES}
    assert phases[1].trainable_parameters == 9 * 8 + (8 * 128 + 128) + (128 * 3 + 3)


def test_batch_normalization_that_is_trained_moves(small_model, parts):
    model = small_model()
    before = weights_of(model)
    # Patience off, two epochs, and a first phase that learns nothing: phase 2 wins.
    told = wanted(
        training={"batch_norm": "training", "batch_norm_momentum": 0.5},
        phase1={"epochs": 1, "learning_rate": 1e-7},
        phase2={"unfreeze": "all", "epochs": 6, "learning_rate_ratio": 10.0},
    )
    phases = two_phase.train_two_phases(model, *parts, told, Told().watch)
    assert phases[1].first_trainable_layer == "conv1"
    moved = changed(before, weights_of(model))
    assert {"bn1", "bn2"} <= moved if phases[1].kept else moved <= {build.SCORES}


def test_a_phase_2_that_harms_is_thrown_away(small_model, parts):
    alone, both = small_model(), small_model()
    phase1 = {"epochs": 6, "learning_rate": 0.05}
    (head,) = two_phase.train_two_phases(alone, *parts, wanted(phase1=phase1, phase2={"epochs": 0}), Told().watch)
    # Ten times too fast, so that it breaks what phase 1 has learned.
    harmful = wanted(phase1=phase1, phase2={"epochs": 1, "learning_rate_ratio": 10.0, "unfreeze": "all"})
    phases = two_phase.train_two_phases(both, *parts, harmful, Told().watch)
    assert phases[0].model_copy(update={"seconds": head.seconds}) == head and head.kept
    assert not phases[1].kept and "the weights of phase 1 are kept" in phases[1].note
    assert phases[1].validation_accuracy < head.validation_accuracy
    assert changed(weights_of(alone), weights_of(both)) == set()


def test_it_stops_when_patience_runs_out(small_model, parts):
    # So slow that float32 does not see the steps: the first epoch stays the best.
    slow = wanted(training={"patience": 2}, phase1={"epochs": 10, "learning_rate": 1e-12}, phase2={"epochs": 0})
    told = Told()
    (phase,) = two_phase.train_two_phases(small_model(), *parts, slow, told.watch)
    assert (phase.best_epoch, phase.last_epoch, len(told.epochs)) == (1, 3, 3)
    assert phase.note == "stopped early"


def test_patience_0_never_stops(small_model, parts):
    slow = wanted(training={"patience": 0}, phase1={"epochs": 7, "learning_rate": 1e-12}, phase2={"epochs": 0})
    (phase,) = two_phase.train_two_phases(small_model(), *parts, slow, Told().watch)
    assert (phase.best_epoch, phase.last_epoch, phase.note) == (1, 7, "")


def test_phase_2_counts_on_from_an_early_stop(small_model, parts):
    slow = wanted(training={"patience": 1}, phase1={"epochs": 10, "learning_rate": 1e-12}, phase2={"epochs": 1})
    phases = two_phase.train_two_phases(small_model(), *parts, slow, Told().watch)
    assert [(phase.first_epoch, phase.last_epoch) for phase in phases] == [(1, 2), (3, 3)]


def test_a_loss_that_is_no_number_stops_it(small_model, parts):
    model = small_model()
    kernel = model.get_layer(build.SCORES).kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(StageError, match="training diverged in epoch 1") as caught:
        two_phase.train_two_phases(model, *parts, wanted(), Told().watch)
    assert "lower the learning rate, now 0.02" in caught.value.hint


def test_the_same_seed_gives_the_same_weights(small_model, parts):
    made = []
    for seed in (5, 5, 6):
        model = small_model(seed=5)
        how = wanted(training={"seed": seed}, phase2={"epochs": 1 if seed == 5 else 0})
        two_phase.train_two_phases(model, *parts, how, Told().watch)
        made.append(weights_of(model))
    assert changed(made[0], made[1]) == set()
    assert build.SCORES in changed(made[0], made[2])


def test_one_sigmoid_unit(small_model, parts):
    train_on, validate_on = (
        LabelledPhotos(pixels=part.pixels, labels=np.minimum(part.labels, 1), sha256s=part.sha256s) for part in parts
    )
    model = small_model(classes=2, activation="sigmoid")
    how = wanted(head={"activation": "sigmoid"}, phase1={"epochs": 8}, phase2={"epochs": 0})
    (phase,) = two_phase.train_two_phases(model, train_on, validate_on, how, Told().watch)
    scores = keras_model.predict_scores(model, validate_on.pixels, lambda _: None)
    assert np.mean(scores.argmax(axis=1) == validate_on.labels) == pytest.approx(phase.validation_accuracy, abs=1e-6)


def test_frozen_layers_computed_once_give_the_same_training(small_model, parts):
    reached = []
    for cached in (True, False):
        told = Told()
        how = wanted(training={"feature_cache": cached})
        two_phase.train_two_phases(small_model(), *parts, how, told.watch)
        reached.append([[epoch.loss, epoch.accuracy, epoch.validation_loss] for epoch in told.epochs])
    assert np.allclose(*reached, atol=2e-3)


@pytest.mark.parametrize("photos", [8, 8 * two_phase._SHORT_STEPS, 8 * two_phase._SHORT_STEPS + 3])
def test_every_step_is_told_of_once(small_model, photo_array, as_pixels, photos, monkeypatch):
    monkeypatch.setattr(two_phase._Keeper, "_GLANCE_S", 0.0)
    rows = np.arange(photos) % 30
    many = LabelledPhotos(
        pixels=as_pixels(photo_array[rows]), labels=rows // 10, sha256s=[f"{row:064x}" for row in range(photos)]
    )
    begun, steps = {}, []
    watch = TrainingListener(
        begin=lambda what, count: (begun.update({what: count}), steps.clear()),
        step=lambda count, _: steps.append(count),
        epoch=lambda _: None,
        say=lambda _: None,
    )
    two_phase.train_two_phases(small_model(), many, many, wanted(phase2={"epochs": 0}), watch)
    assert sum(steps) == begun["head"] == 2 * -(-photos // 8)
    assert min(steps) >= 0


def test_steps_that_run_together_change_nothing(small_model, parts, monkeypatch):
    made = []
    for together in (1, 2, 16):
        monkeypatch.setattr(two_phase, "_SHORT_STEPS", together)
        model = small_model()
        two_phase.train_two_phases(model, *parts, wanted(), Told().watch)
        made.append(weights_of(model))
    assert changed(made[0], made[1]) == changed(made[0], made[2]) == set()


def test_long_steps_are_watched_one_by_one(monkeypatch):
    monkeypatch.setattr(keras_model, "get_device", lambda: "cpu:0")
    assert two_phase._steps_per_execution(whole=True) == 1
    assert two_phase._steps_per_execution(whole=False) > 1
    monkeypatch.setattr(keras_model, "get_device", lambda: "gpu:0")
    assert two_phase._steps_per_execution(whole=True) > 1
    monkeypatch.setattr(keras_model, "get_backend", lambda: "torch")
    assert two_phase._steps_per_execution(whole=False) == 1
