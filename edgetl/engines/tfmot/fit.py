"""Epochs of a retraining: train on augmented photos, evaluate on validation photos. Child process only."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.parallel import BatchPlan, predict_in_batches, prepare_ahead
from edgetl.core.photos.labelled import LabelledPhotos, choose_view
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.tasks.task import PhotoTask
from edgetl.engines.tfmot.frozen_outputs import ModelInputs
from edgetl.engines.tfmot.train_step import TrainStep, compile_train_step

_PREDICTION_BATCH_SIZE = 64
# Every report is a line of JSON that the parent parses and draws.
_REPORT_INTERVAL_S = 0.2
# Keras clips probabilities to this in its crossentropy losses. Source: tf_keras.backend.epsilon.
_EPSILON = 1e-7
# Validation accuracy and mean log probability of the true class. Tuples compare in this order, higher is better: the
# loss decides between epochs of equal accuracy.
_Score = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainSetup:
    """Data and settings of a retraining.

    Attributes:
        train: photos to train on.
        validation: photos that choose the best epoch.
        recipe: epochs, batch size, augmentation and seed.
        learning_rate: the same in all epochs.
        inputs: makes the inputs of the model from photos.
    """

    train: LabelledPhotos
    validation: LabelledPhotos
    recipe: RetrainingTables
    learning_rate: float
    inputs: ModelInputs

    @property
    def task(self) -> PhotoTask:
        """Return what the network decides about a photo."""
        return self.train.task

    @property
    def targets(self) -> np.ndarray:
        """Return the labels of the training photos as the loss takes them."""
        return self.task.make_targets(self.train.labels, self.recipe.head.activation)

    @property
    def weights(self) -> np.ndarray:
        """Return what the labels of the training photos count, in the shape of the labels."""
        return np.ones(self.train.labels.shape, np.float32) if self.train.weights is None else self.train.weights

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches in an epoch. The last one may be smaller."""
        return math.ceil(len(self.train.labels) / self.recipe.training.batch_size)


def _do_nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class FitHooks:
    """What a tfmot model needs beyond training steps.

    Attributes:
        before_validation: is called before each evaluation, to bring the wrappers of tfmot up to date with the weights.
        is_eligible: whether an epoch may be chosen as the best; epoch 0 is the model before the first step.
    """

    before_validation: Callable[[], None] = _do_nothing
    is_eligible: Callable[[int], bool] = lambda epoch: epoch >= 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """Validation accuracy before the training and in the best epoch, and the number of epochs."""

    start_accuracy: float
    accuracy: float
    best_epoch: int
    epochs: int


def fit_model(
    model: tf_keras.Model, setup: RetrainSetup, listener: TrainingListener, hooks: FitHooks, *, kind: RetrainKind
) -> FitResult:
    """Train for the recipe's number of epochs; the model ends with the weights of the best epoch.

    Raises:
        StageError: the loss is not finite.
    """
    epochs = setup.recipe.retrain.get_epochs(kind)
    loss_name = setup.task.choose_loss(setup.recipe.head.activation)
    predict = make_prediction_function(model)
    train_step = compile_train_step(model, loss_name, setup.learning_rate, (setup.targets, setup.weights))
    hooks.before_validation()
    start_score = _evaluate(predict, setup)
    # An accuracy of -1 is below every other, so that the first eligible epoch is better.
    best = (start_score, 0, model.get_weights()) if hooks.is_eligible(0) else ((-1.0, 0.0), 0, [])
    listener.begin(kind, epochs * setup.steps_per_epoch)
    for epoch in range(1, epochs + 1):
        start = time.monotonic()
        loss, accuracy = _train_epoch(train_step, setup, epoch, listener)
        hooks.before_validation()
        score = _evaluate(predict, setup)
        if not np.isfinite([loss, score[1]]).all():
            raise StageError(
                f"retraining diverged in epoch {epoch}: the loss is not finite",
                hint=f"lower the learning rate, now {setup.learning_rate:g}: the ratios in [retrain] of a recipe file",
            )
        if hooks.is_eligible(epoch) and score > best[0]:
            best = (score, epoch, model.get_weights())
        listener.epoch(
            EpochResult(
                phase=kind,
                epoch=epoch,
                learning_rate=setup.learning_rate,
                loss=loss,
                accuracy=accuracy,
                validation_loss=-score[1],
                validation_accuracy=score[0],
                seconds=round(time.monotonic() - start, 3),
            )
        )
    model.set_weights(best[2])
    return FitResult(start_accuracy=start_score[0], accuracy=best[0][0], best_epoch=best[1], epochs=epochs)


def make_prediction_function(model: tf_keras.Model) -> Callable[[Any], Any]:
    """Compile the predictions of a model for any number of photos: float32 [photos, …] → [photos, units].

    `Model.predict_on_batch` starts a data pipeline for each batch, and converts the Python code of every layer.
    """
    spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    return tf.function(lambda inputs: model(inputs, training=False), input_signature=[spec], autograph=False)


def predict_batches(predict: Callable[[Any], Any], photos: LabelledPhotos, inputs: ModelInputs) -> np.ndarray:
    """Predict photos in order.

    Args:
        predict: from `make_prediction_function`.
        photos: the photos.
        inputs: makes the inputs of the model.

    Returns:
        float32 [photos, units].
    """

    def predict_rows(rows: np.ndarray) -> np.ndarray:
        keys = [photos.sha256s[row] for row in rows]
        scores: np.ndarray = predict(inputs.make(keys, lambda: photos.pixels.rows(rows))).numpy()
        return scores

    return predict_in_batches(BatchPlan(count=len(photos.sha256s), size=_PREDICTION_BATCH_SIZE), predict_rows)


def name_view(sha256: str, view: int) -> str:
    """Return the key of an augmented view of a photo: see `ModelInputs`."""
    return f"{sha256}/{view}"


def list_repeated_keys(setup: RetrainSetup) -> list[str]:
    """List the keys of the photos whose inputs the training makes more than once: see `ModelInputs`.

    Those of validation are made after every epoch, those of a view in each epoch that trains on it.
    """
    recipe = setup.recipe
    views = [choose_view(epoch, recipe.augment) for epoch in range(1, recipe.retrain.epochs + 1)]
    repeated = [view for view in dict.fromkeys(views) if views.count(view) > 1]
    keys_of_views = [name_view(sha256, view) for view in repeated for sha256 in setup.train.sha256s]
    return [*setup.validation.sha256s, *keys_of_views]


def _train_epoch(
    train_step: TrainStep, setup: RetrainSetup, epoch: int, listener: TrainingListener
) -> tuple[float, float]:
    """Train on every photo once; return the mean loss and accuracy."""
    recipe, photos = setup.recipe, setup.train
    seed, batch_size = recipe.training.seed, recipe.training.batch_size
    targets, weights = setup.targets, setup.weights
    order = np.random.default_rng((seed, epoch)).permutation(len(photos.labels))
    view = choose_view(epoch, recipe.augment)

    def make_inputs(rows: np.ndarray) -> Any:
        keys = [name_view(photos.sha256s[row], view) for row in rows]
        return setup.inputs.make(keys, lambda: photos.augmented(rows, view, seed, recipe.augment))

    losses, scores, reported_steps, last_report = [], [], 0, time.monotonic()
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    for step, (rows, inputs) in enumerate(zip(batches, prepare_ahead(batches, make_inputs), strict=True)):
        batch_loss, batch_scores = train_step(inputs, targets[rows], weights[rows])
        losses.append(float(batch_loss))
        scores.append(batch_scores.numpy())
        if time.monotonic() - last_report >= _REPORT_INTERVAL_S or step == setup.steps_per_epoch - 1:
            listener.step(step + 1 - reported_steps, f"loss {losses[-1]:.3f}")
            reported_steps, last_report = step + 1, time.monotonic()
    # Weighted by the photos of each batch: the last one may be smaller.
    loss = float(np.average(losses, weights=[len(rows) for rows in batches]))
    return loss, _compute_accuracy(np.concatenate(scores), photos.labels[order], weights[order], setup)


def _compute_accuracy(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, setup: RetrainSetup) -> float:
    correct = setup.task.decide(metrics.expand_sigmoid(scores)) == labels
    return float(np.average(correct, weights=weights))


def _evaluate(predict: Callable[[Any], Any], setup: RetrainSetup) -> _Score:
    scores = predict_batches(predict, setup.validation, setup.inputs).astype(np.float64)
    labels, weights = setup.validation.labels, setup.validation.weights
    scores = metrics.expand_sigmoid(scores)
    true_scores = np.maximum(setup.task.select_true_probabilities(scores, labels), _EPSILON)
    correct = setup.task.decide(scores) == labels
    return float(np.average(correct, weights=weights)), float(np.average(np.log(true_scores), weights=weights))
