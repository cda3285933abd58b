"""fare.py: each phase is given the part of the network above its cut and the features below it, or all and pixels."""

import keras
import numpy as np
import pytest

from edgetl.core.progress import TrainingListener
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.batches import AugmentedPixels, CachedFeatures, LabelledPhotos, PlainPixels
from edgetl.engines.keras.phase_inputs import PhaseInputs


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def parts(photo_array, as_pixels):
    """20 training and 10 validation photos."""
    labels = np.repeat(np.arange(3), 10)

    def part(rows):
        return LabelledPhotos(
            pixels=as_pixels(photo_array[rows]), labels=labels[rows], sha256s=[f"{row:064x}" for row in rows]
        )

    return part(np.arange(20)), part(np.arange(20, 30))


def cooked(model, parts, tuned, **training):
    """A fare that is ready, with what it began and said."""
    begun, said = [], []
    watch = TrainingListener(
        begin=lambda what, steps: begun.append((what, steps)),
        step=lambda *_: None,
        epoch=lambda _: None,
        say=said.append,
    )
    flags = {
        "base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"},
        "augment": {"views": 3},
        "training": training,
        "phase1": {"epochs": 2},
        "phase2": {"epochs": 2},
    }
    fare = PhaseInputs(model, *parts, resolve_recipe("default", flags), watch)
    fare.cook(tuned)
    return fare, begun, said


def test_each_phase_trains_what_lies_above_its_cut(small_model, parts):
    model = small_model()
    fare, begun, said = cooked(model, parts, ["conv3"])
    head, fine = fare.head(), fare.fine_tune()
    assert [layer.name for layer in head.network.layers][1:] == [build.SCORES]
    names = [layer.name for layer in fine.network.layers]
    assert "conv3" in names and "conv2" not in names
    assert all(isinstance(source, CachedFeatures) for source in (head.training, head.validation, fine.training))
    # Three views of the training photos for four epochs, and the validation photos as they are.
    assert (begun, said) == ([("frozen", 3 * 20 + 10)], [])
    assert head.training.rows(np.arange(4), 1).shape == (4, 128)


def test_the_layers_are_the_model_s_own(small_model, parts):
    model = small_model()
    fare, _, _ = cooked(model, parts, ["conv3"])
    assert fare.fine_tune().network.get_layer("conv3") is model.get_layer("conv3")


def test_views_are_taken_in_turn(small_model, parts):
    fare, _, _ = cooked(small_model(), parts, [])
    rows = [fare.head().training.rows(np.arange(20), epoch) for epoch in (1, 2, 3)]
    # Two epochs need two views: the third epoch would begin again.
    assert np.array_equal(rows[0], rows[2]) and not np.array_equal(rows[0], rows[1])


def test_a_budget_too_small_for_phase_2_says_so_and_computes_anew(small_model, parts):
    model = small_model()
    # Two views of 20 photos and one of 10, 128 numbers each: what the head takes, and not a byte more.
    fare, _, said = cooked(model, parts, ["conv3"], cache_bytes=50 * 128 * 4)
    assert len(said) == 1 and "--cache-bytes" in said[0] and "phase 2 computes the frozen layers anew" in said[0]
    assert isinstance(fare.head().training, CachedFeatures)
    fine = fare.fine_tune()
    assert fine.network is model and isinstance(fine.training, AugmentedPixels)


def test_nothing_frozen_below_means_pixels(small_model, parts):
    model = small_model()
    fare, _, said = cooked(model, parts, ["conv1"])
    assert fare.fine_tune().network is model and said == []


def side_by_side():
    """A network whose input is needed again at its end, so that no cut lies between; as NASNet's cells do it."""
    layers = keras.layers
    image = keras.Input((32, 32, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    low = layers.Conv2D(4, 3, padding="same", trainable=False, name="low")(scaled)
    joined = layers.Concatenate(name="joined")([layers.Conv2D(4, 3, padding="same", name="high")(low), scaled])
    pooled = layers.GlobalAveragePooling2D(name=build.POOLING)(joined)
    return keras.Model(image, layers.Dense(3, activation="softmax", name=build.SCORES)(pooled))


def test_a_network_that_cannot_be_cut_says_so_and_computes_anew(parts):
    model = side_by_side()
    fare, _, said = cooked(model, parts, ["high"])
    assert said == [
        "no single tensor parts the network below high: phase 2 computes the frozen layers anew every epoch"
    ]
    assert fare.fine_tune().network is model


def test_no_feature_cache_means_pixels_in_both_phases(small_model, parts):
    model = small_model()
    fare, begun, _ = cooked(model, parts, ["conv3"], feature_cache=False)
    head = fare.head()
    assert head.network is model and begun == []
    assert isinstance(head.training, AugmentedPixels) and isinstance(head.validation, PlainPixels)


def test_a_budget_too_small_for_the_head_means_pixels_in_both_phases(small_model, parts):
    model = small_model()
    fare, begun, said = cooked(model, parts, ["conv3"], cache_bytes=50 * 128 * 4 - 1)
    assert [line.rpartition(": ")[2][:7] for line in said] == ["phase 2", "phase 1"] and begun == []
    assert fare.head().network is model and fare.fine_tune().network is model


def test_what_is_there_already_needs_no_budget(small_model, parts):
    model = small_model()
    cooked(model, parts, ["conv3"])
    fare, _, said = cooked(model, parts, ["conv3"], cache_bytes=1)
    assert said == [] and isinstance(fare.fine_tune().training, CachedFeatures)


def test_dropout_acts_in_the_head(parts):
    """It has no weights, and yet it is trained with: a cut above it would keep photos that nothing was dropped of."""
    told = resolve_recipe("default", {"base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}})
    assert told.head.dropout > 0 and not told.head.hidden_units
    keras.backend.clear_session()
    fare, _, _ = cooked(build.assemble_model(told.base, told.head, 3), parts, [])
    head = fare.head().network
    assert [layer.name for layer in head.layers][1:] == ["dropout", build.SCORES]
    rows = np.ones((4, 256), np.float32)
    assert not np.allclose(head(rows, training=True), head(rows, training=False))
