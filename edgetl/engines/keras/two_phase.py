"""The two-phase recipe: the head on the frozen base, then the top of the base and the head together at a lower rate.

In: a model made by `keras3.assembled`, the pixels of the training and validation parts. Out: the model with its best
weights, and what each phase reached. Phase 2 starts where phase 1 was best and counts epochs on from there; if it does
not help, the model leaves with the weights of phase 1 and the record says so.

What a phase leaves frozen is computed once per photo and view (`features`), and only the rest of the network is
trained: the same numbers in a fraction of the time. Only a base that drops its own blocks at random, as EfficientNetV2
does, learns otherwise: what is frozen answers as it will on the board, with every block.
"""

import time
from dataclasses import dataclass

import keras
import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe import Recipe
from edgetl.core.records import TrainingPhase
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.batches import Batches, LabelledPhotos
from edgetl.engines.keras.phase_inputs import PhaseInput, PhaseInputs


def train_two_phases(
    model: keras.Model, train_on: LabelledPhotos, validate_on: LabelledPhotos, recipe: Recipe, watch: TrainingListener
) -> tuple[TrainingPhase, ...]:
    """Run both phases; leave the best weights in `model` and give what each phase did."""
    tuned = (
        keras_model.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training)
        if recipe.phase2.epochs
        else []
    )
    fare = PhaseInputs(model, train_on, validate_on, recipe, watch)
    fare.cook(tuned)
    head = _phase(model, fare.head(), _Plan.head(recipe), watch)
    if not tuned:
        return (head.phase,)
    keras_model.unfreeze(model, tuned, recipe.training)
    fine = _phase(model, fare.fine_tune(), _Plan.fine_tune(recipe, after=head, first_layer=tuned[0]), watch)
    if fine.score > head.score:
        return (head.phase, fine.phase)
    model.set_weights(head.weights)
    note = "did not help on the validation photos: the weights of phase 1 are kept"
    return (head.phase, fine.phase.model_copy(update={"kept": False, "note": note}))


# Measured on a head of 0.7 million weights, 2 cores: an epoch of 83 steps takes 0.50 s one by one, 0.33 s by 16.
_SHORT_STEPS = 16

# Higher is better: accuracy first, loss where accuracies tie, as they often do on small validation parts.
_Score = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reached:
    phase: TrainingPhase
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
            first_layer="hidden" if recipe.head.hidden_units else keras_model.SCORES,
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


def _phase(model: keras.Model, course: PhaseInput, plan: _Plan, watch: TrainingListener) -> _Reached:
    start = time.monotonic()
    recipe = plan.recipe
    training = Batches(course.training, course.training_labels, recipe, first_epoch=plan.first_epoch, shuffled=True)
    validation = Batches(
        course.validation, course.validation_labels, recipe, first_epoch=plan.first_epoch, shuffled=False
    )
    course.network.compile(
        optimizer=keras.optimizers.Adam(plan.learning_rate),
        loss="binary_crossentropy" if recipe.head.activation == "sigmoid" else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=_steps_per_execution(whole=course.network is model),
    )
    # Variables that are born while a step is traced make TensorFlow trace it twice: 18 s instead of 12 for all of a
    # MobileNetV2 on 2 cores.
    course.network.optimizer.build(course.network.trainable_variables)
    keeper = _Keeper(model, plan, watch, steps=len(training))
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
    phase = TrainingPhase(
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


def _steps_per_execution(*, whole: bool) -> int:
    """Steps that run without a word from Python: many where a step is short, one where it is long enough to watch."""
    long = whole and keras_model.get_device().startswith("cpu")
    # Keras refuses more than one on torch.
    return 1 if long or keras_model.get_backend() == "torch" else _SHORT_STEPS


class _Keeper(keras.callbacks.Callback):
    """Keep the whole model's weights of the best epoch, stop when patience runs out, and tell who watches."""

    # A line that changes faster than this is not read.
    _GLANCE_S = 0.2

    def __init__(self, whole: keras.Model, plan: _Plan, watch: TrainingListener, *, steps: int) -> None:
        super().__init__()
        self._whole = whole
        self._plan = plan
        self._watch = watch
        self._steps = steps
        self._start = self._glanced = 0.0
        self._told = 0
        self.score: _Score = (-1.0, 0.0)
        self.weights: list[np.ndarray] = []
        self.best_epoch = self.last_epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self._start, self._told = time.monotonic(), 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Tell of the steps since the last glance; `batch` is the last of those that ran together."""
        if time.monotonic() - self._glanced >= self._GLANCE_S:
            self._tell(batch + 1, f"loss {float(logs['loss']):.3f}  accuracy {float(logs['accuracy']):.3f}")
            self._glanced = time.monotonic()

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
        self._tell(self._steps, "")
        self._watch.epoch(
            EpochResult(
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

    def _tell(self, done: int, note: str) -> None:
        done = min(done, self._steps)
        self._watch.step(done - self._told, note)
        self._told = done
