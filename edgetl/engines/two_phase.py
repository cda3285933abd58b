"""The two-phase recipe: the head on the frozen base, then the top of the base and the head together at a lower rate.

In: a model made by `keras3.assembled`, the pixels of the training and validation parts. Out: the model with its best
weights, and what each phase reached. Phase 2 starts where phase 1 was best and counts epochs on from there; if it does
not help, the model leaves with the weights of phase 1 and the record says so.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from edgetl.core.augment import views
from edgetl.core.errors import StageError
from edgetl.core.pixelstore import Pixels
from edgetl.core.recipe import Recipe
from edgetl.core.records import Phase
from edgetl.engines import keras3


@dataclass(frozen=True, kw_only=True, slots=True)
class Photos:
    """Pixels with their labels (int64 [photos]) and the sha256 of each photo."""

    pixels: Pixels
    labels: np.ndarray
    sha256s: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """What one epoch reached. Epochs count from 1 through both phases."""

    phase: str
    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Who is told: `begin(phase, batches)`, `batch(loss, accuracy)` and `epoch(Epoch)`."""

    begin: Callable[[str, int], None]
    batch: Callable[[float, float], None]
    epoch: Callable[[Epoch], None]


def train(model: keras.Model, train_on: Photos, validate_on: Photos, recipe: Recipe, watch: Watch) -> tuple[Phase, ...]:
    """Run both phases; leave the best weights in `model` and give what each phase did."""
    head = _phase(model, train_on, validate_on, _Plan.head(recipe), watch)
    if recipe.phase2.epochs == 0:
        return (head.phase,)
    plan = _Plan.fine_tune(recipe, model, after=head)
    tuned = _phase(model, train_on, validate_on, plan, watch)
    if tuned.score > head.score:
        return (head.phase, tuned.phase)
    model.set_weights(head.weights)
    note = "did not help on the validation photos: the weights of phase 1 are kept"
    return (head.phase, tuned.phase.model_copy(update={"kept": False, "note": note}))


# Higher is better: accuracy first, loss where accuracies tie, as they often do on small validation parts.
_Score = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reached:
    phase: Phase
    score: _Score
    weights: list[np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    name: str
    recipe: Recipe
    learning_rate: float
    first_epoch: int
    epochs: int
    first_layer: str

    @classmethod
    def head(cls, recipe: Recipe) -> "_Plan":
        rate = recipe.phase1.learning_rate
        return cls(
            name="head", recipe=recipe, learning_rate=rate, first_epoch=1, epochs=recipe.phase1.epochs, first_layer=""
        )

    @classmethod
    def fine_tune(cls, recipe: Recipe, model: keras.Model, after: _Reached) -> "_Plan":
        return cls(
            name="fine_tune",
            recipe=recipe,
            learning_rate=recipe.phase1.learning_rate * recipe.phase2.learning_rate_ratio,
            first_epoch=after.phase.last_epoch + 1,
            epochs=recipe.phase2.epochs,
            first_layer=keras3.unfreeze(model, recipe.phase2.unfreeze, recipe.training),
        )


def _phase(model: keras.Model, train_on: Photos, validate_on: Photos, plan: _Plan, watch: Watch) -> _Reached:
    start = time.monotonic()
    training = plan.recipe.training
    sigmoid = plan.recipe.head.activation == "sigmoid"
    model.compile(
        optimizer=keras.optimizers.Adam(plan.learning_rate),
        loss="binary_crossentropy" if sigmoid else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    keeper = _Keeper(plan, watch)
    watch.begin(plan.name, plan.epochs * math.ceil(len(train_on.labels) / training.batch_size))
    model.fit(
        _Batches(train_on, plan.recipe, first_epoch=plan.first_epoch, training=True),
        validation_data=_Batches(validate_on, plan.recipe, first_epoch=plan.first_epoch, training=False),
        initial_epoch=plan.first_epoch - 1,
        epochs=plan.first_epoch - 1 + plan.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[keeper],
    )
    model.set_weights(keeper.weights)
    accuracy, negative_loss = keeper.score
    phase = Phase(
        name="head" if plan.name == "head" else "fine_tune",
        learning_rate=plan.learning_rate,
        first_epoch=plan.first_epoch,
        last_epoch=keeper.last_epoch,
        best_epoch=keeper.best_epoch,
        trainable_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        first_trainable_layer=plan.first_layer or keras3.POOLING,
        validation_accuracy=accuracy,
        validation_loss=-negative_loss,
        kept=True,
        note="stopped early" if keeper.last_epoch < plan.first_epoch - 1 + plan.epochs else "",
        seconds=round(time.monotonic() - start, 3),
    )
    return _Reached(phase=phase, score=keeper.score, weights=keeper.weights)


class _Batches(keras.utils.PyDataset):
    """Batches in an order drawn from seed and epoch; augmented when training, in photo order when not."""

    def __init__(self, photos: Photos, recipe: Recipe, *, first_epoch: int, training: bool) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        self._photos = photos
        self._recipe = recipe
        self._training = training
        self._epoch = first_epoch
        self._order = self._drawn()

    def __len__(self) -> int:
        return math.ceil(len(self._photos.labels) / self._recipe.training.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size = self._recipe.training.batch_size
        rows = self._order[index * size : (index + 1) * size]
        pixels = self._photos.pixels.rows(rows)
        labels = self._photos.labels[rows]
        if self._training:
            keys = [self._photos.sha256s[row] for row in rows]
            pixels = views(pixels, keys, self._epoch, self._recipe.training.seed, self._recipe.augment)
        sigmoid = self._recipe.head.activation == "sigmoid"
        return pixels, labels.reshape(-1, 1).astype("float32") if sigmoid else labels

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._order = self._drawn()

    def _drawn(self) -> np.ndarray:
        count = len(self._photos.labels)
        if not self._training:
            return np.arange(count)
        return np.random.default_rng((self._recipe.training.seed, self._epoch)).permutation(count)


class _Keeper(keras.callbacks.Callback):
    """Keep the weights of the best epoch, stop when patience runs out, and tell who watches."""

    def __init__(self, plan: _Plan, watch: Watch) -> None:
        super().__init__()
        self._plan = plan
        self._watch = watch
        self._start = 0.0
        self.score: _Score = (-1.0, 0.0)
        self.weights: list[np.ndarray] = []
        self.best_epoch = self.last_epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._start = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
        self._watch.batch(float(logs["loss"]), float(logs["accuracy"]))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        score = (logs["val_accuracy"], -logs["val_loss"])
        self.last_epoch = epoch + 1
        if not np.isfinite([logs["loss"], logs["val_loss"]]).all():
            raise StageError(
                f"training diverged in epoch {epoch + 1}: the loss is no longer a number",
                hint=f"lower the learning rate, now {self._plan.learning_rate:g}, with [phase1] learning_rate",
            )
        if score > self.score:
            self.score, self.best_epoch, self.weights = score, epoch + 1, self.model.get_weights()
        reached = Epoch(
            phase=self._plan.name,
            epoch=epoch + 1,
            learning_rate=self._plan.learning_rate,
            loss=logs["loss"],
            accuracy=logs["accuracy"],
            validation_loss=logs["val_loss"],
            validation_accuracy=logs["val_accuracy"],
            seconds=round(time.monotonic() - self._start, 3),
        )
        self._watch.epoch(reached)
        patience = self._plan.recipe.training.patience
        if patience and self.last_epoch - self.best_epoch >= patience:
            self.model.stop_training = True
