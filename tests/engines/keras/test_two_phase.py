"""The two-phase training: epochs, the best epoch, frozen layers, early stopping, and equal results with features."""

import dataclasses
import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.progress import TrainingListener
from edgetl.core.records import TrainingPhase
from edgetl.engines.head_temperature import predict_last_features
from edgetl.engines.keras import build, two_phase
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.phase_inputs import Teacher, TrainingData
from edgetl.engines.keras.training import optimizers
from tests.fixtures.signals import interrupt_here
from tests.fixtures.training import NO_AUGMENTATION, RecordingListener, label_photos, make_recipe

# So small that float32 weights do not change: the first epoch stays the best.
NO_LEARNING = 1e-12


@pytest.fixture(scope="module")
def parts(photo_array):
    """21 training and 9 validation photos of three classes."""
    labels = np.repeat(np.arange(3), 10)
    is_validation = np.arange(30) % 10 >= 7
    return (
        label_photos(photo_array[~is_validation], labels[~is_validation]),
        label_photos(photo_array[is_validation], labels[is_validation], first_sha256=21),
    )


def train(model, parts, **tables):
    """Train a model; return the phases and the recorded events. `tables` change the recipe."""
    events = RecordingListener()
    data = TrainingData(training=parts[0], validation=parts[1], recipe=make_recipe(**tables), listener=events.listener)
    return two_phase.train_two_phases(model, data).phases, events


def copy_weights(model):
    """Name of a layer → its weights."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def list_changed(before, after):
    """The names of the layers whose weights differ."""
    return {
        name
        for name, weights in before.items()
        if any(not np.array_equal(old, new) for old, new in zip(weights, after[name], strict=True))
    }


def check_matches_phase(model, photos, phase):
    """Check that accuracy and loss of the model are those in the record."""
    scores = keras_model.predict_scores(model, photos.pixels)
    assert np.mean(scores.argmax(axis=1) == photos.labels) == pytest.approx(phase.validation_accuracy, abs=1e-6)
    loss = -np.log(scores[np.arange(len(scores)), photos.labels]).mean()
    assert loss == pytest.approx(phase.validation_loss, abs=1e-3)


def find_last_accepted(phases):
    return next(phase for phase in reversed(phases) if phase.accepted)


@dataclasses.dataclass(frozen=True)
class Training:
    """A training: the model after it, the weights of the layers before it, the phases, and the recorded events."""

    model: keras.Model
    before: dict[str, list[np.ndarray]]
    phases: tuple[TrainingPhase, ...]
    events: RecordingListener


@pytest.fixture(scope="module")
def training(small_model, parts):
    """A training of three epochs of the head and two of the layers from conv2 on. No test changes its model."""
    model = small_model()
    before = copy_weights(model)
    phases, events = train(model, parts, phase1={"epochs": 3}, phase2={"unfreeze": "conv2"})
    return Training(model=model, before=before, phases=phases, events=events)


def test_epochs_are_counted_on_and_the_best_is_restored(training, parts):
    phases, events = training.phases, training.events
    assert [(phase.name, phase.first_epoch, phase.last_epoch) for phase in phases] == [
        ("head", 1, 3),
        ("fine_tune", 4, 5),
    ]
    assert [epoch.epoch for epoch in events.epochs] == [1, 2, 3, 4, 5]
    assert [epoch.phase for epoch in events.epochs] == ["head"] * 3 + ["fine_tune"] * 2
    assert [epoch.learning_rate for epoch in events.epochs] == pytest.approx([0.02] * 3 + [0.002] * 2)
    assert [phase.learning_rate for phase in phases] == pytest.approx([0.02, 0.002])
    assert [task for task, _ in events.tasks if task != "frozen"] == ["head", "fine_tune"]
    for phase in phases:
        epochs = [epoch for epoch in events.epochs if epoch.phase == phase.name]
        best = max(epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
        assert (phase.best_epoch, phase.validation_accuracy) == (best.epoch, best.validation_accuracy)
        assert phase.validation_loss == pytest.approx(best.validation_loss)
    check_matches_phase(training.model, parts[1], find_last_accepted(phases))


@pytest.mark.parametrize(
    "tables", [{}, {"phase2": {"epochs": 0}}, {"training": {"feature_cache": False}, "phase2": {"epochs": 0}}]
)
def test_features_of_the_last_layer_are_those_of_the_whole_network(small_model, parts, tables):
    model = small_model()
    recipe = make_recipe(**{"phase1": {"epochs": 1}, "phase2": {"epochs": 1}, **tables})
    data = TrainingData(training=parts[0], validation=parts[1], recipe=recipe, listener=RecordingListener().listener)
    trained = two_phase.train_two_phases(model, data)
    features = trained.last_input.predict_last_features(model)
    expected = predict_last_features(model, parts[1].pixels)
    np.testing.assert_allclose(features, expected, atol=1e-5)
    assert features.std() > 0.001


def test_training_reaches_a_high_accuracy(small_model, parts):
    model = small_model()
    phases, _ = train(model, parts, phase1={"epochs": 25, "learning_rate": 0.05})
    assert phases[-1].validation_accuracy >= 0.8
    check_matches_phase(model, parts[1], find_last_accepted(phases))


def test_phase_1_trains_the_head_only(small_model, parts):
    model = small_model()
    before = copy_weights(model)
    (phase,), _ = train(model, parts, phase2={"epochs": 0})
    assert list_changed(before, copy_weights(model)) == {build.SCORES}
    assert phase.trainable_parameters == 128 * 3 + 3


def test_phase_2_trains_the_unfrozen_layers_and_the_head(training):
    phases = training.phases
    assert phases[1].accepted and phases[1].first_trainable_layer == "conv2"
    assert list_changed(training.before, copy_weights(training.model)) == {"conv2", "conv3", build.SCORES}
    assert phases[1].trainable_parameters == 9 * 8 + (8 * 128 + 128) + (128 * 3 + 3)


def test_count_that_reaches_no_weights_trains_the_head_at_the_lower_rate(small_model, parts):
    model = small_model()
    before = copy_weights(model)
    # The last layer of the base is a ReLU.
    phases, events = train(model, parts, phase2={"unfreeze": "-1", "learning_rate_ratio": 0.5})
    assert [phase.first_trainable_layer for phase in phases] == [build.SCORES] * 2
    assert phases[1].learning_rate == phases[0].learning_rate / 2 and len(events.epochs) == 4
    assert list_changed(before, copy_weights(model)) == {build.SCORES}
    (message,) = events.messages
    assert message.startswith("--unfreeze -1 reaches no layer with weights in mobilenet: phase 2 trains the head alone")


@pytest.mark.slow
def test_features_and_pixels_train_the_head_alone_alike(small_model, parts):
    check_features_give_the_training_of_pixels(
        small_model, parts, augment={"views": 3}, phase2={"unfreeze": "-1", "learning_rate_ratio": 0.5}
    )


def test_wrong_layer_to_unfreeze_fails_before_phase_1(small_model, parts):
    model = small_model()
    before = copy_weights(model)
    with pytest.raises(ConfigError, match="no layer 'conv9'"):
        train(model, parts, phase2={"unfreeze": "conv9"})
    assert list_changed(before, copy_weights(model)) == set()


def test_statistics_of_trained_batch_normalization_change(small_model, parts):
    model = small_model()
    before = copy_weights(model)
    phases, _ = train(
        model,
        parts,
        training={"batch_norm": "training", "batch_norm_momentum": 0.5},
        # Phase 1 learns little, so that phase 2 is an improvement.
        phase1={"epochs": 1, "learning_rate": 1e-3},
        phase2={"unfreeze": "all", "epochs": 6, "learning_rate_ratio": 10.0},
    )
    assert phases[1].first_trainable_layer == "conv1" and phases[1].accepted
    assert {"bn1", "bn2"} <= list_changed(before, copy_weights(model))


def test_phase_2_without_improvement_is_undone(small_model, parts):
    alone, both = small_model(), small_model()
    phase1 = {"epochs": 6, "learning_rate": 0.05}
    (head,), _ = train(alone, parts, phase1=phase1, phase2={"epochs": 0})
    # A learning rate ten times that of phase 1 makes the model worse.
    harmful = {"epochs": 1, "learning_rate_ratio": 10.0, "unfreeze": "all"}
    phases, _ = train(both, parts, phase1=phase1, phase2=harmful)
    assert phases[0].model_copy(update={"seconds": head.seconds}) == head and head.accepted
    assert not phases[1].accepted and "the weights of phase 1 are kept" in phases[1].note
    assert phases[1].validation_accuracy < head.validation_accuracy
    assert list_changed(copy_weights(alone), copy_weights(both)) == set()


def test_training_stops_when_the_patience_is_over_and_phase_2_begins_after_it(small_model, parts):
    phase1 = {"epochs": 10, "learning_rate": NO_LEARNING}
    phases, events = train(small_model(), parts, training={"patience": 2}, phase1=phase1, phase2={"epochs": 1})
    assert (phases[0].best_epoch, phases[0].note) == (1, "stopped early")
    assert [(phase.first_epoch, phase.last_epoch) for phase in phases] == [(1, 3), (4, 4)]
    assert [epoch.epoch for epoch in events.epochs] == [1, 2, 3, 4]


def test_patience_0_never_stops(small_model, parts):
    phase1 = {"epochs": 7, "learning_rate": NO_LEARNING}
    (phase,), _ = train(small_model(), parts, training={"patience": 0}, phase1=phase1, phase2={"epochs": 0})
    assert (phase.best_epoch, phase.last_epoch, phase.note) == (1, 7, "")


def test_loss_that_is_not_finite_is_an_error(small_model, parts):
    model = small_model()
    weights = model.get_layer(build.SCORES).kernel
    weights.assign(np.full(weights.shape, np.nan))
    with pytest.raises(StageError, match="training diverged in epoch 1") as error:
        train(model, parts)
    assert "lower the learning rate, now 0.02" in error.value.hint


@pytest.mark.slow
def test_same_seed_gives_the_same_weights(small_model, parts):
    results = []
    for seed in (5, 5, 6):
        model = small_model(seed=5)
        train(model, parts, training={"seed": seed}, phase2={"epochs": 1 if seed == 5 else 0})
        results.append(copy_weights(model))
    assert list_changed(results[0], results[1]) == set()
    assert build.SCORES in list_changed(results[0], results[2])


def test_one_sigmoid_unit_is_trained_on_two_classes(small_model, parts):
    binary = [label_photos(part.pixels.rows(np.arange(len(part.labels))), np.minimum(part.labels, 1)) for part in parts]
    model = small_model(classes=2, activation="sigmoid")
    (phase,), _ = train(model, binary, head={"activation": "sigmoid"}, phase1={"epochs": 8}, phase2={"epochs": 0})
    scores = keras_model.predict_scores(model, binary[1].pixels)
    assert np.mean(scores.argmax(axis=1) == binary[1].labels) == pytest.approx(phase.validation_accuracy, abs=1e-6)


def assemble(builder, **arguments):
    """A network of keras.applications with a head, assembled as `build.assemble_model` does it."""
    image = keras.Input((32, 32, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    network = builder(input_tensor=scaled, input_shape=(32, 32, 3), include_top=False, weights=None, **arguments)
    network.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D(name=build.POOLING)(network.output)
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name=build.SCORES)(pooled))


def draw_bands(count, seed):
    """Noise with a bright band at a height that depends on the class."""
    labels = np.arange(count) % 3
    pixels = np.random.default_rng(seed).integers(0, 90, (count, 32, 32, 3), dtype=np.uint8)
    for row, label in enumerate(labels):
        pixels[row, 10 * label : 10 * label + 10] += 120
    return label_photos(pixels, labels, first_sha256=seed * 10_000)


def check_features_give_the_training_of_pixels(make_model, parts, **tables):
    """Train with features and with pixels, and compare the losses of all epochs and the weights."""
    losses, weights = [], []
    for cached in (True, False):
        keras_model.reset_keras(1)
        model = make_model()
        training = {"patience": 0, "feature_cache": cached}
        _, events = train(model, parts, training=training, phase1={"learning_rate": 5e-4}, **tables)
        losses.append([(epoch.loss, epoch.validation_loss) for epoch in events.epochs])
        weights.append(model.get_weights())
    assert len(losses[0]) == 4 and np.allclose(*losses, atol=1e-4)
    assert max(float(np.abs(a - b).max()) for a, b in zip(*weights, strict=True)) < 1e-4


def test_features_and_pixels_give_the_same_training(small_model, parts):
    check_features_give_the_training_of_pixels(small_model, parts, augment={"views": 3})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("builder", "arguments", "unfreeze"),
    [
        (keras.applications.MobileNetV2, {"alpha": 0.35}, "-3"),
        (keras.applications.MobileNetV2, {"alpha": 0.35}, "block_15_expand"),
        (keras.applications.MobileNet, {"alpha": 0.25}, "-3"),
        (keras.applications.ResNet50, {}, "conv5_block3_3_conv"),
        (keras.applications.VGG16, {}, "-3"),
    ],
)
def test_features_and_pixels_give_the_same_training_of_a_base(builder, arguments, unfreeze):
    check_features_give_the_training_of_pixels(
        lambda: assemble(builder, **arguments),
        (draw_bands(40, seed=0), draw_bands(12, seed=1)),
        augment=NO_AUGMENTATION,
        phase2={"unfreeze": unfreeze},
    )


@pytest.mark.parametrize(
    "photos",
    [
        # Of one execution with fewer steps than planned, and of whole executions. The last number has both.
        pytest.param(8, marks=pytest.mark.slow),
        pytest.param(8 * two_phase._STEPS_PER_EXECUTION, marks=pytest.mark.slow),
        8 * two_phase._STEPS_PER_EXECUTION + 3,
    ],
)
def test_each_training_step_is_reported_once(small_model, photo_array, photos, monkeypatch):
    monkeypatch.setattr(two_phase._BestEpoch, "_REFRESH_S", 0.0)
    monkeypatch.setattr(two_phase, "_FEW_STEPS", 0)
    rows = np.arange(photos) % 30
    part = label_photos(photo_array[rows], rows // 10)
    announced, steps = {}, []
    listener = TrainingListener(
        begin=lambda task, count: (announced.update({task: count}), steps.clear()),
        step=lambda count, _: steps.append(count),
        epoch=lambda _: None,
        say=lambda _: None,
    )
    data = TrainingData(training=part, validation=part, recipe=make_recipe(phase2={"epochs": 0}), listener=listener)
    two_phase.train_two_phases(small_model(), data)
    assert sum(steps) == announced["head"] == 2 * -(-photos // 8)
    assert min(steps) >= 0


@pytest.mark.slow
def test_number_of_steps_per_execution_changes_no_weight(small_model, parts, monkeypatch):
    monkeypatch.setattr(two_phase, "_FEW_STEPS", 0)
    results = []
    for steps in (1, 2, 16):
        monkeypatch.setattr(two_phase, "_STEPS_PER_EXECUTION", steps)
        model = small_model()
        train(model, parts, phase2={"epochs": 0})
        results.append(copy_weights(model))
    assert list_changed(results[0], results[1]) == list_changed(results[0], results[2]) == set()


def test_long_steps_run_one_per_execution(monkeypatch):
    monkeypatch.setattr(keras_model, "get_device", lambda: "cpu:0")
    assert two_phase._choose_steps_per_execution(1000, whole_network=True) == 1
    assert two_phase._choose_steps_per_execution(1000, whole_network=False) > 1
    monkeypatch.setattr(keras_model, "get_device", lambda: "gpu:0")
    assert two_phase._choose_steps_per_execution(1000, whole_network=True) > 1
    monkeypatch.setattr(keras_model, "get_backend", lambda: "torch")
    assert two_phase._choose_steps_per_execution(1000, whole_network=False) == 1


def test_few_steps_run_one_per_execution(monkeypatch):
    monkeypatch.setattr(keras_model, "get_device", lambda: "cpu:0")
    few = two_phase._FEW_STEPS
    assert two_phase._choose_steps_per_execution(few - 1, whole_network=False) == 1
    assert two_phase._choose_steps_per_execution(few, whole_network=False) > 1


def test_training_ends_with_a_signal_at_the_next_step(small_model, parts):
    events = RecordingListener()

    def interrupt(task: str, steps: int) -> None:
        events.listener.begin(task, steps)
        if task == "head":
            interrupt_here()

    listener = dataclasses.replace(events.listener, begin=interrupt)
    data = TrainingData(training=parts[0], validation=parts[1], recipe=make_recipe(), listener=listener)
    # Keras reads batches in callbacks of TensorFlow, which turns an exception there into one of its own.
    with watch_signals(), pytest.raises((Interrupted, tf.errors.UnknownError)):
        two_phase.train_two_phases(small_model(), data)


def test_weighted_phases_report_the_balanced_accuracy(small_model, photo_array):
    """19 photos of one class and 2 of another: the validation accuracy is the mean of both recalls."""
    labels = np.array([0] * 19 + [1] * 2 + [0] * 7 + [1] * 2)
    parts = (
        label_photos(photo_array[:21], labels[:21]).weigh_classes(),
        label_photos(photo_array[21:30], labels[21:], first_sha256=21).weigh_classes(),
    )
    model = small_model()
    phases, events = train(model, parts, phase2={"epochs": 0})
    assert all(phase.class_weighted for phase in phases)
    right = keras_model.predict_scores(model, parts[1].pixels).argmax(axis=1) == parts[1].labels
    recalls = [right[parts[1].labels == label].mean() for label in (0, 1)]
    assert phases[0].validation_accuracy == pytest.approx(np.mean(recalls), abs=1e-6)
    assert max(epoch.validation_accuracy for epoch in events.epochs) == pytest.approx(phases[0].validation_accuracy)


def test_averaged_weights_are_those_of_the_record_and_the_last_epoch_is_kept(small_model, parts):
    model = small_model()
    training = {
        "schedule": "cosine",
        "warmup": 0.1,
        "weight_decay": 0.01,
        "average_epochs": 0.5,
        "label_smoothing": 0.1,
        "mixup": 0.2,
        "epoch_choice": "last",
        "patience": 0,
    }
    phases, events = train(model, parts, training=training, phase1={"epochs": 3}, phase2={"epochs": 3})
    assert [phase.best_epoch for phase in phases] == [3, 6]
    check_matches_phase(model, parts[1], find_last_accepted(phases))
    # The rate after the last step of each epoch: a cosine ends at 0.
    rates = [epoch.learning_rate for epoch in events.epochs]
    assert rates[0] > rates[1] > rates[2] == pytest.approx(0, abs=1e-8)


def test_rates_decay_by_layer_in_phase_2_only(small_model, parts, monkeypatch):
    factors = []
    make = optimizers.make_optimizer
    monkeypatch.setattr(optimizers, "make_optimizer", lambda *a: factors.append(a[-1]) or make(*a))
    train(small_model(), parts, phase1={"epochs": 1}, phase2={"epochs": 1, "unfreeze": "all", "layer_decay": 0.5})
    head, fine_tuned = factors
    assert set(head) == {1}
    assert fine_tuned == sorted(fine_tuned) and fine_tuned[-1] == 1
    layers = len(set(fine_tuned))
    assert layers > 2 and set(fine_tuned) == {0.5**depth for depth in range(layers)}


def test_trained_model_is_saved_without_its_optimizer(small_model, parts, tmp_path):
    model = small_model()
    train(model, parts, phase1={"epochs": 1}, phase2={"epochs": 1, "unfreeze": "all", "layer_decay": 0.5})
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
        # Keras alone loads the file.
        assert not config.get("compile_config") and "edgetl" not in json.dumps(config)
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            assert "optimizer" not in weights


def test_student_learns_the_classes_of_its_teacher_where_labels_count_little(small_model, parts):
    teacher = small_model(seed=3)
    # A teacher that calls every class the next one.
    train(teacher, [dataclasses.replace(part, labels=(part.labels + 1) % 3) for part in parts], phase1={"epochs": 8})
    # Not the best epoch: by its labels that would be the one that has learned least from the teacher.
    recipe = make_recipe(
        augment={"views": 1},
        training={"epoch_choice": "last", "patience": 0},
        phase1={"epochs": 8},
        phase2={"epochs": 0},
        teacher={"source": "run", "weight": 0.99, "temperature": 1.0},
    )
    model = small_model()
    data = TrainingData(
        training=parts[0],
        validation=parts[1],
        recipe=recipe,
        listener=RecordingListener().listener,
        teacher=Teacher(model=teacher, photos=parts[0]),
    )
    phases = two_phase.train_two_phases(model, data).phases
    taught, predicted = (keras_model.predict_scores(one, parts[0].pixels).argmax(axis=1) for one in (teacher, model))
    assert np.mean(predicted == taught) > 0.8 and np.mean(predicted == parts[0].labels) < 0.5
    # Validation is against the labels.
    check_matches_phase(model, parts[1], find_last_accepted(phases))
