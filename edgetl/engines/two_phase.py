"""The two-phase recipe: the head on the frozen base, then the top of the base and the head together at a lower rate.

In: a model made by `keras3.assembled`, the pixels of the training and validation parts. Out: the model with its best
weights, and what each phase reached. Phase 2 starts where phase 1 was best and counts epochs on from there; if it does
not help, the model leaves with the weights of phase 1 and the record says so.

What a phase leaves frozen is computed once per photo and view (`features`), and only the rest of the network is
trained: the same numbers in a fraction of the time.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from edgetl.core import featurestore
from edgetl.core.errors import StageError
from edgetl.core.recipe import Recipe
from edgetl.core.records import Input, Phase
from edgetl.engines import cuts, keras3
from edgetl.engines.cuts import Cut
from edgetl.engines.features import Frozen, View
from edgetl.engines.sources import AugmentedPixels, Batches, CachedFeatures, Photos, PlainPixels, Source, turn


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
    """Who is told: what begins with how many steps, the steps with a note, the epochs, and what is worth saying."""

    begin: Callable[[str, int], None]
    step: Callable[[int, str], None]
    epoch: Callable[[Epoch], None]
    say: Callable[[str], None]


def train(model: keras.Model, train_on: Photos, validate_on: Photos, recipe: Recipe, watch: Watch) -> tuple[Phase, ...]:
    """Run both phases; leave the best weights in `model` and give what each phase did."""
    tuned = keras3.tunable(model, recipe.phase2.unfreeze, recipe.training) if recipe.phase2.epochs else []
    fare = _Fare(model, train_on, validate_on, recipe, watch)
    fare.cook(tuned)
    head = _phase(model, fare.head(), _Plan.head(recipe), watch)
    if not tuned:
        return (head.phase,)
    keras3.unfreeze(model, tuned, recipe.training)
    fine = _phase(model, fare.fine_tune(), _Plan.fine_tune(recipe, after=head, first_layer=tuned[0]), watch)
    if fine.score > head.score:
        return (head.phase, fine.phase)
    model.set_weights(head.weights)
    note = "did not help on the validation photos: the weights of phase 1 are kept"
    return (head.phase, fine.phase.model_copy(update={"kept": False, "note": note}))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Course:
    """What one phase trains, and on what: the part of the network above a cut, or all of it."""

    network: keras.Model
    training: Source
    validation: Source
    training_labels: np.ndarray
    validation_labels: np.ndarray


class _Fare:
    """Prepares what each phase eats: features below its cut where they may be kept, pixels where not."""

    def __init__(self, model: keras.Model, train_on: Photos, validate_on: Photos, recipe: Recipe, watch: Watch) -> None:
        self._model = model
        self._parts = (train_on, validate_on)
        self._recipe = recipe
        self._watch = watch
        self._cuts: list[Cut] = []
        self._frozen: Frozen | None = None

    def cook(self, tuned: list[str]) -> None:
        """Compute the features of both phases in one pass; `tuned` names the layers that phase 2 trains."""
        if not self._recipe.training.feature_cache:
            return
        found = cuts.cuts(self._model)
        head = [layer.name for layer in self._model.layers if layer.trainable and layer.weights]
        self._cuts = [cuts.below(self._model, found, head)]
        if tuned:
            lower = cuts.below(self._model, found, tuned)
            if lower.name not in (self._model.layers[0].name, keras3.SCALING) and self._affordable(lower):
                self._cuts.insert(0, lower)
        shape = self._parts[0].pixels.shape
        self._frozen = Frozen(self._model, self._cuts, Input(side_px=shape.side_px, fit=shape.fit))
        views = [*self._training_views(), self._validation_view()]
        self._watch.begin("frozen", sum(len(view.sha256s) for view in views))
        self._frozen.fill(views, lambda photos: self._watch.step(photos, ""))

    def head(self) -> _Course:
        """Phase 1: everything above the pooling."""
        return self._cached(len(self._cuts) - 1) if self._frozen else self._plain()

    def fine_tune(self) -> _Course:
        """Phase 2: everything above the highest cut that nothing trained lies below."""
        return self._cached(0) if self._frozen and len(self._cuts) == 2 else self._plain()

    def _cached(self, cut: int) -> _Course:
        assert self._frozen is not None
        return _Course(
            network=keras.Model(self._cuts[cut].tensor, self._model.output),
            training=CachedFeatures([self._frozen.opened(view, cut) for view in self._training_views()]),
            validation=CachedFeatures([self._frozen.opened(self._validation_view(), cut)]),
            training_labels=self._parts[0].labels,
            validation_labels=self._parts[1].labels,
        )

    def _plain(self) -> _Course:
        return _Course(
            network=self._model,
            training=AugmentedPixels(self._parts[0], self._recipe),
            validation=PlainPixels(self._parts[1]),
            training_labels=self._parts[0].labels,
            validation_labels=self._parts[1].labels,
        )

    def _affordable(self, cut: Cut) -> bool:
        views = self._recipe.augment.views if self._recipe.augment.on else 1
        photos = len(self._parts[0].labels) * views + len(self._parts[1].labels)
        needed = photos * 4 * math.prod(int(length) for length in cut.tensor.shape[1:])
        allowed = featurestore.budget_bytes(self._recipe.training.cache_bytes)
        if needed > allowed:
            self._watch.say(
                f"features at {cut.name} would take {needed / 1e9:.1f} GB, {allowed / 1e9:.1f} GB are allowed "
                "(--cache-bytes): phase 2 computes the frozen layers anew every epoch"
            )
        return needed <= allowed

    def _training_views(self) -> Sequence[View]:
        """The views that the epochs on cached features will ask for."""
        photos, recipe = self._parts[0], self._recipe
        if not recipe.augment.on:
            return [_as_is(photos)]
        epochs = recipe.phase1.epochs + (recipe.phase2.epochs if len(self._cuts) == 2 else 0)
        numbers = sorted({turn(epoch, recipe.augment) for epoch in range(1, epochs + 1)})
        return [_augmented(photos, number, recipe) for number in numbers]

    def _validation_view(self) -> View:
        return _as_is(self._parts[1])


def _as_is(photos: Photos) -> View:
    return View(key="as it is", sha256s=photos.sha256s, pixels=photos.pixels.rows)


def _augmented(photos: Photos, number: int, recipe: Recipe) -> View:
    seed, how = recipe.training.seed, recipe.augment
    return View(
        key=f"{number}/{seed}/{how.model_dump_json(exclude={'views'})}",
        sha256s=photos.sha256s,
        pixels=lambda rows: photos.view(rows, number, seed, how),
    )


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
        return cls(
            name="head",
            recipe=recipe,
            learning_rate=recipe.phase1.learning_rate,
            first_epoch=1,
            epochs=recipe.phase1.epochs,
            first_layer="hidden" if recipe.head.hidden_units else keras3.SCORES,
        )

    @classmethod
    def fine_tune(cls, recipe: Recipe, after: _Reached, first_layer: str) -> "_Plan":
        return cls(
            name="fine_tune",
            recipe=recipe,
            learning_rate=recipe.phase1.learning_rate * recipe.phase2.learning_rate_ratio,
            first_epoch=after.phase.last_epoch + 1,
            epochs=recipe.phase2.epochs,
            first_layer=first_layer,
        )


def _phase(model: keras.Model, course: _Course, plan: _Plan, watch: Watch) -> _Reached:
    start = time.monotonic()
    recipe = plan.recipe
    course.network.compile(
        optimizer=keras.optimizers.Adam(plan.learning_rate),
        loss="binary_crossentropy" if recipe.head.activation == "sigmoid" else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    training = Batches(course.training, course.training_labels, recipe, first_epoch=plan.first_epoch, shuffled=True)
    validation = Batches(
        course.validation, course.validation_labels, recipe, first_epoch=plan.first_epoch, shuffled=False
    )
    keeper = _Keeper(model, plan, watch)
    watch.begin(plan.name, plan.epochs * len(training))
    course.network.fit(
        training,
        validation_data=validation,
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
        first_trainable_layer=plan.first_layer,
        validation_accuracy=accuracy,
        validation_loss=-negative_loss,
        kept=True,
        note="stopped early" if keeper.last_epoch < plan.first_epoch - 1 + plan.epochs else "",
        seconds=round(time.monotonic() - start, 3),
    )
    return _Reached(phase=phase, score=keeper.score, weights=keeper.weights)


class _Keeper(keras.callbacks.Callback):
    """Keep the whole model's weights of the best epoch, stop when patience runs out, and tell who watches."""

    # Reading the loss waits for the step to finish, so it is done for the eye and not for every step.
    _GLANCE_S = 0.2

    def __init__(self, whole: keras.Model, plan: _Plan, watch: Watch) -> None:
        super().__init__()
        self._whole = whole
        self._plan = plan
        self._watch = watch
        self._start = self._glanced = 0.0
        self._unseen = 0
        self.score: _Score = (-1.0, 0.0)
        self.weights: list[np.ndarray] = []
        self.best_epoch = self.last_epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self._start = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
        """Tell of the steps since the last glance."""
        self._unseen += 1
        if time.monotonic() - self._glanced < self._GLANCE_S:
            return
        self._watch.step(self._unseen, f"loss {float(logs['loss']):.3f}  accuracy {float(logs['accuracy']):.3f}")
        self._unseen, self._glanced = 0, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep the weights if this epoch is the best so far.

        Raises:
            StageError: the loss is no longer a number.
        """
        if not np.isfinite([logs["loss"], logs["val_loss"]]).all():
            raise StageError(
                f"training diverged in epoch {epoch + 1}: the loss is no longer a number",
                hint=f"lower the learning rate, now {self._plan.learning_rate:g}, with --learning-rate",
            )
        score = (float(logs["val_accuracy"]), -float(logs["val_loss"]))
        self.last_epoch = epoch + 1
        if score > self.score:
            self.score, self.best_epoch, self.weights = score, epoch + 1, self._whole.get_weights()
        self._watch.step(self._unseen, "")
        self._unseen = 0
        self._watch.epoch(
            Epoch(
                phase=self._plan.name,
                epoch=epoch + 1,
                learning_rate=self._plan.learning_rate,
                loss=float(logs["loss"]),
                accuracy=float(logs["accuracy"]),
                validation_loss=float(logs["val_loss"]),
                validation_accuracy=float(logs["val_accuracy"]),
                seconds=round(time.monotonic() - self._start, 3),
            )
        )
        patience = self._plan.recipe.training.patience
        if patience and self.last_epoch - self.best_epoch >= patience:
            self.model.stop_training = True
