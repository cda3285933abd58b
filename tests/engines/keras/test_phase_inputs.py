"""Inputs of the training phases: features at the split point if they fit into the budget, and pixels otherwise."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras import build
from edgetl.engines.keras.batches import AugmentedPixels, CachedFeatures, PlainPixels
from edgetl.engines.keras.phase_inputs import Teacher, TrainingData, prepare_phase_inputs
from tests.fixtures.training import RecordingListener, label_photos, make_recipe

# Two views of 20 training photos and one of 10 validation photos, 128 features of 4 bytes each.
HEAD_BYTES = 50 * 128 * 4


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def parts(photo_array):
    """20 training and 10 validation photos."""
    labels = np.repeat(np.arange(3), 10)
    return label_photos(photo_array[:20], labels[:20]), label_photos(photo_array[20:], labels[20:], first_sha256=20)


def prepare(model, parts, unfrozen, phase2=None, **training):
    """Prepare the inputs of four epochs with three views; return them with the recorded events."""
    events = RecordingListener()
    recipe = make_recipe(augment={"views": 3}, training=training, phase2=phase2 or {})
    data = TrainingData(training=parts[0], validation=parts[1], recipe=recipe, listener=events.listener)
    return prepare_phase_inputs(model, data, unfrozen), events


def test_each_phase_computes_the_layers_above_its_split_point(small_model, parts):
    inputs, events = prepare(small_model(), parts, ["conv3"])
    assert [layer.name for layer in inputs.head.network.layers][1:] == [build.SCORES]
    names = [layer.name for layer in inputs.fine_tune.network.layers]
    assert "conv3" in names and "conv2" not in names
    sources = (inputs.head.training, inputs.head.validation, inputs.fine_tune.training)
    assert all(isinstance(source, CachedFeatures) for source in sources)
    # Four epochs read all three views of the training photos, and one view of the validation photos.
    assert (events.tasks, events.messages) == ([("frozen", 3 * 20 + 10)], [])
    assert inputs.head.training.rows(np.arange(4), 1).shape == (4, 128)


def test_the_part_above_a_split_point_shares_the_layers_of_the_model(small_model, parts):
    model = small_model()
    inputs, _ = prepare(model, parts, ["conv3"])
    assert inputs.fine_tune.network.get_layer("conv3") is model.get_layer("conv3")


def test_only_the_views_that_the_epochs_read_are_computed(small_model, parts):
    inputs, _ = prepare(small_model(), parts, [], phase2={"epochs": 0})
    rows = [inputs.head.training.rows(np.arange(20), epoch) for epoch in (1, 2, 3)]
    # Phase 1 has two epochs and needs two views, so that a third epoch would read the first view again.
    assert np.array_equal(rows[0], rows[2]) and not np.array_equal(rows[0], rows[1])


def test_phase_2_reads_pixels_if_only_the_features_of_phase_1_fit(small_model, parts):
    model = small_model()
    inputs, events = prepare(model, parts, ["conv3"], cache_bytes=HEAD_BYTES)
    assert len(events.messages) == 1 and "--cache-bytes" in events.messages[0]
    assert "phase 2 computes the frozen layers in each epoch" in events.messages[0]
    assert isinstance(inputs.head.training, CachedFeatures)
    assert inputs.fine_tune.network is model and isinstance(inputs.fine_tune.training, AugmentedPixels)


def test_both_phases_read_pixels_if_no_features_fit(small_model, parts):
    model = small_model()
    inputs, events = prepare(model, parts, ["conv3"], cache_bytes=HEAD_BYTES - 1)
    assert [message.rpartition(": ")[2][:7] for message in events.messages] == ["phase 2", "phase 1"]
    assert events.tasks == [] and inputs.head.network is model and inputs.fine_tune.network is model


def test_stored_features_need_no_budget(small_model, parts):
    model = small_model()
    prepare(model, parts, ["conv3"])
    inputs, events = prepare(model, parts, ["conv3"], cache_bytes=1)
    assert events.messages == [] and isinstance(inputs.fine_tune.training, CachedFeatures)


def test_phase_2_reads_pixels_if_all_layers_are_trained(small_model, parts):
    model = small_model()
    inputs, events = prepare(model, parts, ["conv1"])
    assert inputs.fine_tune.network is model and events.messages == []


def test_phase_2_reads_pixels_if_no_tensor_splits_the_network(parts):
    # The input is used again at the end of the network, so that there is no split point between.
    layers = keras.layers
    image = keras.Input((32, 32, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    low = layers.Conv2D(4, 3, padding="same", trainable=False, name="low")(scaled)
    joined = layers.Concatenate(name="joined")([layers.Conv2D(4, 3, padding="same", name="high")(low), scaled])
    pooled = layers.GlobalAveragePooling2D(name=build.POOLING)(joined)
    model = keras.Model(image, layers.Dense(3, activation="softmax", name=build.SCORES)(pooled))
    inputs, events = prepare(model, parts, ["high"])
    assert events.messages == [
        "no single tensor splits the network below high: phase 2 computes the frozen layers in each epoch"
    ]
    assert inputs.fine_tune.network is model


def test_both_phases_read_pixels_without_a_feature_cache(small_model, parts):
    model = small_model()
    inputs, events = prepare(model, parts, ["conv3"], feature_cache=False)
    assert inputs.head.network is model and events.tasks == []
    assert isinstance(inputs.head.training, AugmentedPixels) and isinstance(inputs.head.validation, PlainPixels)


def test_dropout_is_computed_in_each_step(parts):
    """Dropout has no weights. Below the split point it would be computed once, in inference mode."""
    recipe = make_recipe()
    assert recipe.head.dropout > 0 and not recipe.head.hidden_units
    keras.backend.clear_session()
    inputs, _ = prepare(build.assemble_model(recipe.base, recipe.head, 3, None), parts, [])
    head = inputs.head.network
    assert [layer.name for layer in head.layers][1:] == ["dropout", build.SCORES]
    rows = np.ones((4, 256), np.float32)
    assert not np.allclose(head(rows, training=True), head(rows, training=False))


def test_teacher_predicts_each_view_once_and_the_phases_read_it_by_epoch(small_model, parts):
    events = RecordingListener()
    recipe = make_recipe(augment={"views": 3}, teacher={"source": "run"})
    teacher = Teacher(model=small_model(seed=4), photos=parts[0])
    data = TrainingData(
        training=parts[0], validation=parts[1], recipe=recipe, listener=events.listener, teacher=teacher
    )
    inputs = prepare_phase_inputs(small_model(), data, ["conv3"])
    assert events.tasks == [("teacher", 3 * 20), ("frozen", 3 * 20 + 10)]
    rows = np.array([3, 8])
    for source in (inputs.head.training_targets.teacher, inputs.fine_tune.training_targets.teacher):
        for epoch in (1, 2, 3, 4):
            pixels = AugmentedPixels(parts[0], recipe).rows(rows, epoch)
            assert source.rows(rows, epoch) == pytest.approx(teacher.model.predict(pixels, verbose=0), abs=1e-4)
    assert inputs.head.validation_targets.teacher is None
