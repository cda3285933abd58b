"""Dataset → Trained: two-phase training on the training photos, evaluated on the validation photos.

A student learns from the labels and from the probabilities of a teacher, which never sees more photos than the student.
"""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgetl.core.console import Console
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.quality.epoch_choice import cross_fit_choice, describe_choice
from edgetl.core.photos.labelled import LabelledPhotos, open_training_parts
from edgetl.core.progress import listen_on_console
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.records import Dataset, InputSpec, Trained
from edgetl.core.report.calibration_lines import describe_temperature
from edgetl.core.report.training import describe_phases, describe_teacher
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.core.tasks.label_threshold import LabelThreshold
from edgetl.core.tasks.lesson import Lesson
from edgetl.core.tasks.thresholds import choose_thresholds, describe_thresholds
from edgetl.engines.head_temperature import fold_temperature, predict_last_features
from edgetl.engines.keras import build, two_phase
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.phase_inputs import Teacher, TrainingData
from edgetl.engines.keras.training.data_parallel import TrainingDevices, find_training_devices, use_devices
from edgetl.engines.keras.training.outcomes import find_outcomes
from edgetl.engines.keras.training.speed import fit_into_budget
from edgetl.engines.keras.training_log import TrainingLog

_TITLES = {
    "teacher": "the teacher, once per photo",
    "frozen": "frozen layers, once per photo",
    "head": "phase 1, head on the frozen base",
    "fine_tune": "phase 2, top of the base",
}


def train_student(work: Workspace, lesson: Lesson, recipe: TrainingTables, weights: Path | None) -> Trained:
    """Train the base of a recipe from labels and a teacher, as `train_model` does.

    Args:
        work: folder and console.
        lesson: photos, which are decoded for the inputs of both models, and the teacher.
        recipe: how to train.
        weights: file with the base's weights; None for random ones.

    Raises:
        ConfigError, DataError, StageError: see `train_model`.
    """
    return _train(work, lesson, recipe, weights)


def train_model(
    work: Workspace, dataset: Dataset, input_spec: InputSpec, recipe: TrainingTables, weights: Path | None
) -> Trained:
    """Train the base of a recipe; write model.keras, log.csv and tensorboard/.

    Args:
        work: folder and console.
        dataset: photos of all parts; the test part is not read.
        input_spec: input of the model.
        recipe: how to train.
        weights: file with the base's weights; None for random ones.

    Raises:
        ConfigError: weights that do not fit, or a layer to unfreeze from that does not exist.
        DataError: the decoded photos are not in the cache any more.
        StageError: training diverged, or the model could not be saved.
    """
    return _train(work, _Photos(dataset=dataset, input_spec=input_spec), recipe, weights)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Photos:
    """A lesson without a teacher."""

    dataset: Dataset
    input_spec: InputSpec


def _train(work: Workspace, lesson: Lesson | _Photos, recipe: TrainingTables, weights: Path | None) -> Trained:
    # Before the model is assembled: the seed decides its initial weights.
    keras_model.reset_keras(recipe.training.seed)
    devices = find_training_devices(recipe.training.batch_size)
    if text := devices.describe():
        work.console.say(f"  {text}")
    with use_devices(devices):
        return _train_on_devices(work, lesson, recipe, weights, devices)


def _train_on_devices(
    work: Workspace, lesson: Lesson | _Photos, recipe: TrainingTables, weights: Path | None, devices: TrainingDevices
) -> Trained:
    start = time.monotonic()
    dataset, input_spec = lesson.dataset, lesson.input_spec
    training, validation = open_training_parts(
        dataset.train, dataset.validation, input_spec, recipe.training.class_weight
    )
    if training.weights is not None:
        work.console.say(f"  {training.task.describe_weights(training.labels)}")
    with keras_model.use_precision(recipe.training.precision):
        task = training.task if dataset.multi_label else None
        model = build.assemble_model(recipe.base, recipe.head, len(dataset.classes), weights, task)
    # After the student is assembled, whose initial weights the seed decides.
    teacher = None
    if isinstance(lesson, Lesson):
        teacher = _open_teacher(lesson.teacher, dataset)
        work.console.say(
            f"  taught by {describe_teacher(lesson.teacher)}: temperature {recipe.teacher.temperature:g}, weight "
            f"{recipe.teacher.weight:g} ([teacher] of a recipe)"
        )
    log, effort = TrainingLog(work.folder), ""
    with listen_on_console(work.console, _TITLES, log.epoch) as listener:
        outcomes = find_outcomes(validation, recipe.training.epoch_choice)
        data = TrainingData(
            training=training,
            validation=validation,
            recipe=recipe,
            listener=listener,
            teacher=teacher,
            outcomes=outcomes,
            executor=work.executor,
        )
        if recipe.training.time_budget:
            recipe, effort = fit_into_budget(model, data, start)
            work.console.say(f"  {effort}")
            data = replace(data, recipe=recipe)
        for line in describe_phases(recipe):
            work.console.say(f"  {line}")
        trained = two_phase.train_two_phases(model, data)
    phases = trained.phases
    log.close()
    cross_fitted = cross_fit_choice(outcomes) if outcomes else 0.0
    if outcomes:
        accuracy = max(phase.validation_accuracy for phase in phases if phase.accepted)
        work.console.say(f"  {describe_choice(accuracy, cross_fitted, len(validation.labels))}")
    if recipe.training.precision != "float32":
        # Converters and devices compute in float32, so its accuracy is the one that counts.
        model = keras_model.convert_to_float32(model)
        scores = keras_model.predict_scores(model, validation.pixels)
        accuracy = metrics.compute_accuracy(scores, validation.labels, training.task)
        work.console.say(
            f"  trained in {recipe.training.precision}; with float32 computation, validation accuracy is {accuracy:.4f}"
        )
    fit = None
    if recipe.training.temperature:
        if recipe.training.precision == "float32":
            # The frozen layers have computed the validation photos already.
            features = trained.last_input.predict_last_features(model)
        else:
            features = predict_last_features(model, validation.pixels)
        fit = fold_temperature(model, features, validation.labels)
        for line in describe_temperature(fit):
            work.console.say(f"  {line}")
    # After the temperature: it changes the scores.
    thresholds = _choose_thresholds(model, validation, dataset, work.console) if dataset.multi_label else ()
    path = work.folder / "model.keras"
    keras_model.save_model(model, path)
    return Trained(
        path=path,
        sha256=hash_file(path),
        base=recipe.base.name,
        alpha=recipe.base.alpha,
        weights=recipe.base.weights,
        input=input_spec,
        classes=dataset.classes,
        activation=recipe.head.activation,
        parameters=int(model.count_params()),
        phases=phases,
        dataset_sha256=dataset.sha256,
        backend=keras_model.get_backend(),
        device=devices.label,
        precision=recipe.training.precision,
        thresholds=thresholds,
        temperature=fit.temperature if fit else 1.0,
        teacher=describe_teacher(lesson.teacher) if isinstance(lesson, Lesson) else "",
        effort=effort,
        cross_fitted_accuracy=cross_fitted,
    )


def keep_teacher(work: Workspace, teacher: Trained) -> Trained:
    """Copy the model of a finished run as the teacher of another one, which stays complete without the first.

    Args:
        work: folder of the stage.
        teacher: the model of the run.
    """
    path = work.folder / "model.keras"
    shutil.copyfile(teacher.path, path)
    return teacher.model_copy(update={"path": path, "sha256": hash_file(path)})


def _open_teacher(teacher: Trained, dataset: Dataset) -> Teacher:
    """Load a teacher, and open the training photos in the size of its input."""
    photos = LabelledPhotos.open(dataset.train, teacher.input)
    return Teacher(model=keras_model.load_model(teacher.path), photos=photos)


def _choose_thresholds(
    model: Any, validation: LabelledPhotos, dataset: Dataset, console: Console
) -> tuple[LabelThreshold, ...]:
    """Choose the threshold of each label on the validation photos, and say which labels have too few of them."""
    scores = keras_model.predict_scores(model, validation.pixels)
    thresholds = choose_thresholds(scores, validation.labels, dataset.classes)
    for line in describe_thresholds(thresholds):
        console.say(f"  {line}")
    return thresholds
