"""The epochs of a retraining: train on augmented photos, judge on validation, keep the best. Child processes only.

tfmot's models want something before each step, and before they are judged: `Hooks`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras

from edgetl.core.errors import StageError
from edgetl.core.parallel import predict_in_batches
from edgetl.core.photos.labelled import LabelledPhotos, choose_view
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind

_BATCH = 64
_GLANCE_S = 0.2
# Higher is better: accuracy first, loss where accuracies tie.
Score = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainSetup:
    """What is trained on, what is judged on, and how pixels become what the network eats."""

    train: LabelledPhotos
    validation: LabelledPhotos
    recipe: RetrainingTables
    learning_rate: float
    scaled: Callable[[np.ndarray], Any]

    @property
    def sigmoid(self) -> bool:
        """Whether one unit stands for two classes."""
        return self.recipe.head.activation == "sigmoid"

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self.train.labels) / self.recipe.training.batch_size)


def _nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class FitHooks:
    """`settle` comes before every judgement; `counts` says which epochs may win, 0 being the model as it began."""

    settle: Callable[[], None] = _nothing
    counts: Callable[[int], bool] = lambda epoch: epoch >= 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """What was reached; the best weights are in the model."""

    start_accuracy: float
    accuracy: float
    best_epoch: int
    epochs: int


def fit_model(
    model: tf_keras.Model, course: RetrainSetup, watch: TrainingListener, hooks: FitHooks, *, what: RetrainKind
) -> FitResult:
    """Train for the recipe's epochs and leave the best one's weights in the model.

    Raises:
        StageError: the loss is no longer a number.
    """
    epochs = course.recipe.retrain.epochs_of(what)
    # The rate is a variable of the optimizer's; a fresh one begins with no memory of an earlier training.
    model.compile(
        optimizer=tf_keras.optimizers.Adam(course.learning_rate),
        loss="binary_crossentropy" if course.sigmoid else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hooks.settle()
    start = _judged(model, course)
    best = (start, 0, model.get_weights()) if hooks.counts(0) else ((-1.0, 0.0), 0, [])
    watch.begin(what, epochs * course.steps)
    for epoch in range(1, epochs + 1):
        began = time.monotonic()
        loss, accuracy = _epoch(model, course, epoch, watch)
        hooks.settle()
        score = _judged(model, course)
        if not np.isfinite([loss, score[1]]).all():
            raise StageError(
                f"retraining diverged in epoch {epoch}: the loss is no longer a number",
                hint=f"lower the rate, now {course.learning_rate:g}: the ratios in [retrain] of a recipe file",
            )
        if hooks.counts(epoch) and score > best[0]:
            best = (score, epoch, model.get_weights())
        watch.epoch(
            EpochResult(
                phase=what,
                epoch=epoch,
                learning_rate=course.learning_rate,
                loss=loss,
                accuracy=accuracy,
                validation_loss=-score[1],
                validation_accuracy=score[0],
                seconds=round(time.monotonic() - began, 3),
            )
        )
    model.set_weights(best[2])
    return FitResult(start_accuracy=start[0], accuracy=best[0][0], best_epoch=best[1], epochs=epochs)


def predict_batches(model: tf_keras.Model, photos: Pixels, scaled: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Predict photos in order: float32 [photos, units]."""
    return predict_in_batches(len(photos), _BATCH, lambda rows: model.predict_on_batch(scaled(photos.rows(rows))))


def _epoch(model: tf_keras.Model, course: RetrainSetup, epoch: int, watch: TrainingListener) -> tuple[float, float]:
    seed, size = course.recipe.training.seed, course.recipe.training.batch_size
    order = np.random.default_rng((seed, epoch)).permutation(len(course.train.labels))
    how, reached, told, glanced = course.recipe.augment, [], 0, time.monotonic()
    for step in range(course.steps):
        rows = order[step * size : (step + 1) * size]
        pixels = course.train.augmented(rows, choose_view(epoch, how), seed, how)
        labels = course.train.labels[rows]
        targets = labels.reshape(-1, 1).astype(np.float32) if course.sigmoid else labels
        reached.append([*model.train_on_batch(course.scaled(pixels), targets), len(rows)])
        if time.monotonic() - glanced >= _GLANCE_S or step == course.steps - 1:
            watch.step(step + 1 - told, f"loss {reached[-1][0]:.3f}")
            told, glanced = step + 1, time.monotonic()
    whole = np.array(reached)
    loss, accuracy = (whole[:, :2] * whole[:, 2:]).sum(axis=0) / whole[:, 2].sum()
    return float(loss), float(accuracy)


def _judged(model: tf_keras.Model, course: RetrainSetup) -> Score:
    scores = predict_batches(model, course.validation.pixels, course.scaled).astype(np.float64)
    labels = course.validation.labels
    if course.sigmoid:
        scores = np.concatenate([1 - scores, scores], axis=1)
    right = np.maximum(scores[np.arange(len(labels)), labels], 1e-7)
    return float((scores.argmax(axis=1) == labels).mean()), float(np.log(right).mean())
