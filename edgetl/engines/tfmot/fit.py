"""Epochs of a retraining: train on augmented photos, evaluate on validation photos. Child process only."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras

from edgetl.core.errors import StageError
from edgetl.core.parallel import BatchPlan, predict_in_batches, prepare_ahead
from edgetl.core.photos.labelled import LabelledPhotos, choose_view
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.tasks.one_class import Loss
from edgetl.core.tasks.task import PhotoTask

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
        scale_pixels: uint8 [photos, height, width, 3] → float32 of the same shape, as the network expects them.
    """

    train: LabelledPhotos
    validation: LabelledPhotos
    recipe: RetrainingTables
    learning_rate: float
    scale_pixels: Callable[[np.ndarray], Any]

    @property
    def task(self) -> PhotoTask:
        """Return what the network decides about a photo."""
        return self.train.task

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
    model.compile(
        optimizer=tf_keras.optimizers.Adam(setup.learning_rate),
        loss=_compute_label_loss if loss_name == "label_crossentropy" else loss_name,
        # Weights apply to weighted metrics only.
        **{"metrics" if setup.train.weights is None else "weighted_metrics": [_make_accuracy(loss_name)]},
    )
    hooks.before_validation()
    start_score = _evaluate(model, setup)
    # An accuracy of -1 is below every other, so that the first eligible epoch is better.
    best = (start_score, 0, model.get_weights()) if hooks.is_eligible(0) else ((-1.0, 0.0), 0, [])
    listener.begin(kind, epochs * setup.steps_per_epoch)
    for epoch in range(1, epochs + 1):
        start = time.monotonic()
        loss, accuracy = _train_epoch(model, setup, epoch, listener)
        hooks.before_validation()
        score = _evaluate(model, setup)
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


def predict_batches(model: tf_keras.Model, photos: Pixels, scale_pixels: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Predict photos in order.

    Args:
        model: its input is float32 [photos, height, width, 3], scaled.
        photos: uint8 [photos, height, width, 3].
        scale_pixels: see `RetrainSetup`.

    Returns:
        float32 [photos, units].
    """
    return predict_in_batches(
        BatchPlan(count=len(photos), size=_PREDICTION_BATCH_SIZE),
        lambda rows: model.predict_on_batch(scale_pixels(photos.rows(rows))),
    )


def _train_epoch(
    model: tf_keras.Model, setup: RetrainSetup, epoch: int, listener: TrainingListener
) -> tuple[float, float]:
    """Train on every photo once; return the mean loss and accuracy."""
    recipe, photos = setup.recipe, setup.train
    seed, batch_size = recipe.training.seed, recipe.training.batch_size
    order = np.random.default_rng((seed, epoch)).permutation(len(photos.labels))
    view = choose_view(epoch, recipe.augment)
    results, reported_steps, last_report = [], 0, time.monotonic()
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    views = prepare_ahead(batches, lambda rows: photos.augmented(rows, view, seed, recipe.augment))
    for step, (rows, pixels) in enumerate(zip(batches, views, strict=True)):
        targets = setup.task.make_targets(photos.labels[rows], recipe.head.activation)
        weights = None if photos.weights is None else photos.weights[rows]
        results.append([*model.train_on_batch(setup.scale_pixels(pixels), targets, weights), len(rows)])
        if time.monotonic() - last_report >= _REPORT_INTERVAL_S or step == setup.steps_per_epoch - 1:
            listener.step(step + 1 - reported_steps, f"loss {results[-1][0]:.3f}")
            reported_steps, last_report = step + 1, time.monotonic()
    # Weighted by the photos of each batch: the last one may be smaller.
    values = np.array(results)
    loss, accuracy = (values[:, :2] * values[:, 2:]).sum(axis=0) / values[:, 2].sum()
    return float(loss), float(accuracy)


def _compute_label_loss(targets: Any, scores: Any) -> Any:
    """Return the binary crossentropy of each label, which weights apply to: [photos, labels]."""
    return tf_keras.backend.binary_crossentropy(targets, scores)


def _make_accuracy(loss: Loss) -> Any:
    """Return the accuracy for a loss: of labels, the right decisions with a threshold of 0.5."""
    if loss != "label_crossentropy":
        return "accuracy"
    return tf_keras.metrics.MeanMetricWrapper(
        lambda targets, scores: tf_keras.backend.cast(
            tf_keras.backend.equal(targets >= 0.5, scores >= 0.5),
            "float32",
        ),
        name="accuracy",
    )


def _evaluate(model: tf_keras.Model, setup: RetrainSetup) -> _Score:
    scores = predict_batches(model, setup.validation.pixels, setup.scale_pixels).astype(np.float64)
    labels, weights = setup.validation.labels, setup.validation.weights
    # One sigmoid unit is the probability of the second of two classes.
    scores = np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores
    true_scores = np.maximum(setup.task.select_true_probabilities(scores, labels), _EPSILON)
    correct = setup.task.decide(scores) == labels
    return float(np.average(correct, weights=weights)), float(np.average(np.log(true_scores), weights=weights))
