"""Training: what the shared run's training left, and errors that end a training before its first epoch."""

import csv
import io

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.network import bases
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.storage.files import hash_file
from edgetl.core.tasks.lesson import Lesson
from edgetl.engines.keras import model as keras_model
from edgetl.stages.train import keep_teacher, train_model, train_student

# A MobileNet with random weights: quick to train, and it learns nothing.
RANDOM_BASE = {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"}


@pytest.fixture
def train(make_work, shared_dataset, built):
    """Return a function that trains by a recipe on the photos of the shared run."""

    def run(recipe, weights=None, console=None):
        tables = recipe.select(TrainingTables)
        return train_model(make_work(console), shared_dataset, built.trained.input, tables, weights)

    return run


def test_record_describes_the_trained_model(built, order, shared_dataset):
    trained = built.trained
    assert trained.sha256 == hash_file(trained.path) and trained.path.name == "model.keras"
    assert (trained.base, trained.alpha, trained.weights) == ("mobilenet", 0.25, order.recipe.base.weights)
    assert (trained.input.shape, trained.input.fit, trained.activation) == ((32, 32, 3), "crop", "softmax")
    assert trained.classes == ("circle", "square", "triangle") and trained.dataset_sha256 == shared_dataset.sha256
    assert [phase.name for phase in trained.phases] == ["head", "fine_tune"]
    assert trained.backend == bases.read_backend_name() == "tensorflow" and trained.device
    model = keras_model.load_model(trained.path)
    assert model.count_params() == trained.parameters and model.output_shape == (None, 3)


def test_shared_run_has_learned_the_shapes(built, delivered):
    assert max(phase.validation_accuracy for phase in built.trained.phases) > 0.9
    assert delivered.verdict.reference_accuracy > 0.9


def test_log_contains_every_epoch(built):
    folder = built.trained.path.parent
    rows = list(csv.DictReader((folder / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["phase"], int(row["epoch"])) for row in rows] == [
        ("head", 1),
        ("head", 2),
        ("head", 3),
        ("fine_tune", 4),
    ]
    best = built.trained.phases[0].best_epoch
    assert float(rows[best - 1]["validation_accuracy"]) == built.trained.phases[0].validation_accuracy
    assert (folder / "tensorboard").is_dir()


def test_saved_weights_are_those_of_the_best_epoch(built, shared_dataset):
    photos = PhotoSet(part="validation", photos=shared_dataset.validation, input_spec=built.trained.input)
    model = keras_model.load_model(built.trained.path)
    scores = keras_model.predict_scores(model, photos.open_pixels(), lambda _: None)
    accuracy = np.mean(scores.argmax(axis=1) == [photo.label for photo in photos.photos])
    last_accepted = next(phase for phase in reversed(built.trained.phases) if phase.accepted)
    assert accuracy == pytest.approx(last_accepted.validation_accuracy, abs=1e-6)


def test_last_layer_contains_the_temperature(built, delivered, shared_dataset):
    """The loss of the best epoch is that without the temperature, and the classes are the same."""
    trained = built.trained
    assert trained.temperature != 1
    model, with_temperature = (keras_model.load_model(trained.path) for _ in range(2))
    model.get_layer("scores").set_weights(
        [weight * trained.temperature for weight in model.get_layer("scores").get_weights()]
    )
    classes = []
    for part in (shared_dataset.train, shared_dataset.validation, shared_dataset.test):
        photos = PhotoSet(part="test", photos=part, input_spec=trained.input).open_pixels()
        without = keras_model.predict_scores(model, photos)
        with_it = keras_model.predict_scores(with_temperature, photos)
        classes.append((without.argmax(axis=1) == with_it.argmax(axis=1)).all())
    assert all(classes)
    labels = [photo.label for photo in shared_dataset.validation]
    scores = keras_model.predict_scores(
        model, PhotoSet(part="validation", photos=shared_dataset.validation, input_spec=trained.input).open_pixels()
    )
    phase = next(phase for phase in reversed(trained.phases) if phase.accepted)
    loss = -np.log(scores[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(phase.validation_loss, rel=1e-3)
    assert [row.title for row in delivered.verdict.reliability] == [
        "reference without temperature",
        "reference",
        "artifact",
    ]
    assert delivered.verdict.temperature == trained.temperature


def test_one_epoch_from_random_weights(train):
    flags = {"base": RANDOM_BASE, "phase1": {"epochs": 1}, "phase2": {"epochs": 0}}
    stream = io.StringIO()
    trained = train(resolve_recipe("default", flags), console=Console(stream=stream))
    names = sorted(path.name for path in trained.path.parent.iterdir())
    assert names == ["log.csv", "model.keras", "tensorboard"]
    assert trained.weights == "none" and [phase.name for phase in trained.phases] == ["head"]
    assert "temperature" in stream.getvalue() and trained.temperature != 1
    assert stream.getvalue().count("epoch   1") == 1 and "validation 0." in stream.getvalue()


def test_temperature_can_be_left_out(train):
    flags = {"base": RANDOM_BASE, "phase1": {"epochs": 1}, "phase2": {"epochs": 0}, "training": {"temperature": False}}
    stream = io.StringIO()
    trained = train(resolve_recipe("default", flags), console=Console(stream=stream))
    assert trained.temperature == 1 and "temperature" not in stream.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("feature_cache", [True, False])
def test_model_trained_in_bfloat16_is_saved_in_float32(train, monkeypatch, feature_cache):
    # bfloat16 is refused on a CPU.
    monkeypatch.setattr(keras_model, "get_device", lambda: "gpu:0")
    flags = {
        "base": RANDOM_BASE,
        "training": {"precision": "bfloat16", "feature_cache": feature_cache, "batch_norm": "inference"},
        "phase1": {"epochs": 1},
        "phase2": {"epochs": 1, "unfreeze": "-3"},
    }
    stream = io.StringIO()
    trained = train(resolve_recipe("default", flags), console=Console(stream=stream))
    assert trained.precision == "bfloat16"
    assert "with float32 computation, validation accuracy is 0." in stream.getvalue()
    model = keras_model.load_model(trained.path)
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"float32"}


# Errors


def test_photos_that_are_not_in_the_cache_are_an_error(train, order, base_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="not in the cache any more"):
        train(order.recipe, base_weights)


def test_absent_weights_are_an_error(train, order, tmp_path):
    with pytest.raises(ConfigError, match="weights"):
        train(order.recipe, tmp_path / "absent.h5")


def test_misspelt_layer_ends_the_training_before_its_first_epoch(train, order, base_weights):
    phase2 = order.recipe.phase2.model_copy(update={"unfreeze": "conv_pw_14"})
    stream = io.StringIO()
    with pytest.raises(ConfigError, match="no layer 'conv_pw_14'"):
        train(order.recipe.model_copy(update={"phase2": phase2}), base_weights, Console(stream=stream))
    assert "epoch   1" not in stream.getvalue()


def test_student_names_its_teacher_and_differs_from_a_model_without_one(make_work, train, shared_dataset, built):
    recipe = resolve_recipe(
        "default",
        {
            "base": RANDOM_BASE,
            "training": {"batch_norm": "inference", "temperature": False},
            "phase1": {"epochs": 1},
            "phase2": {"epochs": 0},
            "teacher": {"source": "run"},
        },
    )
    lesson = Lesson(dataset=shared_dataset, input_spec=built.trained.input, teacher=built.trained)
    stream = io.StringIO()
    tables = recipe.select(TrainingTables)
    student = train_student(make_work(Console(stream=stream)), lesson, tables, None)
    name = f"mobilenet (alpha 0.25, 32 px) {built.trained.sha256[:12]}"
    assert student.teacher == name
    assert f"taught by {name}: temperature 2, weight 0.7" in " ".join(stream.getvalue().split())
    assert built.trained.teacher == ""


def test_copy_of_a_teacher_is_complete_and_has_the_record_of_the_original(work, built):
    teacher = keep_teacher(work, built.trained)
    assert teacher.path == work.folder / "model.keras"
    assert hash_file(teacher.path) == teacher.sha256 == built.trained.sha256
    assert (teacher.classes, teacher.input, teacher.phases) == (
        built.trained.classes,
        built.trained.input,
        built.trained.phases,
    )
