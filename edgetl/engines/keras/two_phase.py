"""Trains in two phases: the head on the frozen base, then the top of the base and the head at a lower learning rate.

Phase 2 starts from the best epoch of phase 1, and its epochs are counted on from phase 1. If there is no improvement on
the validation photos, the weights of phase 1 are restored, and the record contains a note.

The frozen layers of a phase are computed once for each photo and view, and only the layers above them are trained. The
result is the same, in a fraction of the time. The exception is a base that drops whole blocks at random, such as
EfficientNetV2: its frozen layers compute in inference mode, with every block.
"""

import time
from dataclasses import dataclass

import keras
import numpy as np

from edgetl.core.errors import StageError
from edgetl.core.evaluation.quality.epoch_choice import EpochOutcomes
from edgetl.core.interrupt import check_interrupt
from edgetl.core.network import unfreezing
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.records import TrainingPhase
from edgetl.core.tasks.task import find_task
from edgetl.engines.keras import build, losses
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.batches import Batches
from edgetl.engines.keras.phase_inputs import PhaseInput, TrainingData, prepare_phase_inputs
from edgetl.engines.keras.training import optimizers, soft_targets
from edgetl.engines.keras.training.data_parallel import place_batches
from edgetl.engines.keras.training.outcomes import RecordOutcomes

# Training steps in one call of a compiled function, where a step is short. Measured on a head of 0.7 million weights, 2
# cores: an epoch of 83 steps takes 0.50 s with one step per call, 0.33 s with 16.
_STEPS_PER_EXECUTION = 16
# A call of many steps takes half a second longer to trace, and saves 3 ms a step. Below so many steps one is faster.
_FEW_STEPS = 160

# Higher is better: accuracy, then negative loss, because accuracies are often equal on small validation parts.
_Score = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedPhases:
    """The result of each phase, and the input of the last one."""

    phases: tuple[TrainingPhase, ...]
    last_input: PhaseInput


def train_two_phases(model: keras.Model, data: TrainingData) -> TrainedPhases:
    """Train both phases of a recipe in place.

    Args:
        model: from `build.assemble_model`. Its weights are those of the best epoch afterwards.
        data: photos of both parts, recipe and listener.

    Raises:
        ConfigError: the recipe's `unfreeze` selects no layer with weights.
        StageError: training diverged, or LiteRT's features differ from Keras's.
    """
    recipe = data.recipe
    unfrozen: list[str] = []
    # Selected before phase 1, so that a wrong layer name fails before minutes of training.
    if recipe.phase2.epochs:
        unfrozen = build.select_trainable_layers(model, recipe.phase2.unfreeze, recipe.training)
        if not unfrozen:
            layers = build.describe_base_layers(model, recipe.training)
            data.listener.say(unfreezing.explain_head_only(layers, recipe.phase2.unfreeze, recipe.base.name))
    inputs = prepare_phase_inputs(model, data, unfrozen)
    head = _train_phase(model, inputs.head, _PhasePlan.for_head(recipe), data.listener, data.outcomes)
    if not recipe.phase2.epochs:
        return TrainedPhases(phases=(head.phase,), last_input=inputs.head)
    build.unfreeze(model, unfrozen, recipe.training)
    first_layer = unfrozen[0] if unfrozen else head.phase.first_trainable_layer
    plan = _PhasePlan.for_fine_tuning(recipe, after=head, first_layer=first_layer)
    fine_tuned = _train_phase(model, inputs.fine_tune, plan, data.listener, data.outcomes)
    phase = fine_tuned.phase
    if fine_tuned.score <= head.score:
        model.set_weights(head.weights)
        note = "no improvement on the validation photos: the weights of phase 1 are kept"
        phase = phase.model_copy(update={"accepted": False, "note": note})
    return TrainedPhases(phases=(head.phase, phase), last_input=inputs.fine_tune)


@dataclass(frozen=True, kw_only=True, slots=True)
class _PhaseResult:
    """A phase, and score and weights of its best epoch. The weights are those of the whole model."""

    phase: TrainingPhase
    score: _Score
    weights: list[np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class _PhasePlan:
    """What distinguishes the two phases."""

    name: str
    recipe: TrainingTables
    learning_rate: float
    layer_decay: float
    first_epoch: int
    epochs: int
    first_layer: str

    @classmethod
    def for_head(cls, recipe: TrainingTables) -> "_PhasePlan":
        return cls(
            name="head",
            recipe=recipe,
            learning_rate=recipe.phase1.learning_rate,
            layer_decay=1.0,
            first_epoch=1,
            epochs=recipe.phase1.epochs,
            first_layer="hidden" if recipe.head.hidden_units else build.SCORES,
        )

    @classmethod
    def for_fine_tuning(cls, recipe: TrainingTables, after: _PhaseResult, first_layer: str) -> "_PhasePlan":
        return cls(
            name="fine_tune",
            recipe=recipe,
            learning_rate=recipe.phase1.learning_rate * recipe.phase2.learning_rate_ratio,
            layer_decay=recipe.phase2.layer_decay,
            first_epoch=after.phase.last_epoch + 1,
            epochs=recipe.phase2.epochs,
            first_layer=first_layer,
        )


def _train_phase(
    model: keras.Model,
    phase_input: PhaseInput,
    plan: _PhasePlan,
    listener: TrainingListener,
    outcomes: EpochOutcomes | None,
) -> _PhaseResult:
    start = time.monotonic()
    recipe, network, targets = plan.recipe, phase_input.network, phase_input.training_targets
    loss = find_task(targets.labels).choose_loss(recipe.head.activation)
    soft = soft_targets.are_soft(recipe)
    loss = losses.find_soft_loss(loss) if soft else loss
    taught = targets.teacher is not None
    training = Batches(phase_input.training, targets, recipe, first_epoch=plan.first_epoch, shuffled=True)
    validation = Batches(
        phase_input.validation, phase_input.validation_targets, recipe, first_epoch=plan.first_epoch, shuffled=False
    )
    steps = plan.epochs * len(training)
    factors = optimizers.compute_layer_factors(network, plan.layer_decay)
    # Before the optimizer is built and the first step is traced, which take seconds.
    listener.begin(plan.name, steps)
    network.compile(
        optimizer=optimizers.make_optimizer(recipe.training, plan.learning_rate, plan.epochs, len(training), factors),
        loss=losses.make_teacher_loss(loss, recipe.teacher) if taught else losses.find_loss(loss),
        # Weights apply to weighted metrics only. The weighted accuracy is the balanced accuracy.
        **{"metrics" if targets.weights is None else "weighted_metrics": [losses.find_accuracy(loss, soft=soft)]},
        steps_per_execution=_choose_steps_per_execution(steps, whole_network=network is model),
    )
    # Optimizer variables that are created while a step is traced make TensorFlow trace it twice: 18 s instead of 12 s
    # for all layers of a MobileNetV2 on 2 cores.
    network.optimizer.build(network.trainable_variables)
    recorders = []
    if outcomes is not None:
        recorders.append(RecordOutcomes(phase_input.validation, phase_input.validation_targets.labels, outcomes))
    best = _BestEpoch(model, plan, listener, steps=len(training))
    with place_batches(network, training, validation) as (placed_training, placed_validation):
        network.fit(
            placed_training,
            validation_data=placed_validation,
            # Keras counts epochs from 0, and `epochs` is the number of the last one.
            initial_epoch=plan.first_epoch - 1,
            epochs=plan.first_epoch - 1 + plan.epochs,
            # `Batches` draws the order itself.
            shuffle=False,
            verbose=0,
            callbacks=[*optimizers.list_averaging_callbacks(recipe.training), *recorders, best],
        )
    # A saved model needs no optimizer: its state is twice as large as the weights, and Keras may not know its class.
    model.compiled, model.optimizer = False, None
    # `network` shares its layers with `model`, so that this restores both.
    model.set_weights(best.weights)
    accuracy, negative_loss = best.score
    phase = TrainingPhase(
        name="head" if plan.name == "head" else "fine_tune",
        learning_rate=plan.learning_rate,
        first_epoch=plan.first_epoch,
        last_epoch=best.last_epoch,
        best_epoch=best.best_epoch,
        trainable_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        first_trainable_layer=plan.first_layer,
        validation_accuracy=accuracy,
        validation_loss=-negative_loss,
        class_weighted=targets.weights is not None,
        accepted=True,
        note="stopped early" if best.last_epoch < plan.first_epoch - 1 + plan.epochs else "",
        seconds=round(time.monotonic() - start, 3),
    )
    return _PhaseResult(phase=phase, score=best.score, weights=best.weights)


def _choose_steps_per_execution(steps: int, *, whole_network: bool) -> int:
    """Choose one step if a step is long, so that progress is shown after each, or if there are few; otherwise many."""
    long = whole_network and keras_model.get_device().startswith("cpu")
    # Keras raises an error for more than one step on the PyTorch backend.
    return 1 if long or steps < _FEW_STEPS or keras_model.get_backend() == "torch" else _STEPS_PER_EXECUTION


class _BestEpoch(keras.callbacks.Callback):
    """Stores the weights of the best epoch, stops the training early, and informs the listener."""

    # A progress line cannot be read if it changes more often.
    _REFRESH_S = 0.2

    def __init__(self, model: keras.Model, plan: _PhasePlan, listener: TrainingListener, *, steps: int) -> None:
        super().__init__()
        self._whole_model = model
        self._plan = plan
        self._listener = listener
        self._steps = steps
        self._start = self._refreshed = 0.0
        self._shown_steps = 0
        self.score: _Score = (-1.0, 0.0)
        self.weights: list[np.ndarray] = []
        self.best_epoch = self.last_epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Start to measure the duration of the epoch."""
        self._start, self._shown_steps = time.monotonic(), 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Report the steps since the last refresh. `batch` is the index of the last step in a call, from 0.

        Raises:
            Interrupted: ^C or SIGTERM was received.
        """
        check_interrupt()
        if time.monotonic() - self._refreshed >= self._REFRESH_S:
            self._show_steps(batch + 1, f"loss {float(logs['loss']):.3f}  accuracy {float(logs['accuracy']):.3f}")
            self._refreshed = time.monotonic()

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Raise `Interrupted` in a validation if ^C or SIGTERM was received."""
        check_interrupt()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Store the weights if this epoch is the best so far, and stop when the patience is over.

        Raises:
            StageError: the loss is not finite.
        """
        if not np.isfinite([logs["loss"], logs["val_loss"]]).all():
            raise StageError(
                f"training diverged in epoch {epoch + 1}: the loss is not a finite number",
                hint=f"lower the learning rate, now {self._plan.learning_rate:g}, with --learning-rate",
            )
        # `epoch` counts from 0, records and messages count from 1.
        score = (float(logs["val_accuracy"]), -float(logs["val_loss"]))
        self.last_epoch = epoch + 1
        if score > self.score or self._plan.recipe.training.epoch_choice == "last":
            self.score, self.best_epoch, self.weights = score, epoch + 1, self._whole_model.get_weights()
        self._show_steps(self._steps, "")
        self._listener.epoch(
            EpochResult(
                phase=self._plan.name,
                epoch=epoch + 1,
                learning_rate=self._read_rate(),
                loss=float(logs["loss"]),
                accuracy=float(logs["accuracy"]),
                validation_loss=float(logs["val_loss"]),
                validation_accuracy=float(logs["val_accuracy"]),
                seconds=round(time.monotonic() - self._start, 3),
            )
        )
        # Patience 0 never stops.
        patience = self._plan.recipe.training.patience
        if patience and self.last_epoch - self.best_epoch >= patience:
            self.model.stop_training = True

    def _read_rate(self) -> float:
        """Return the learning rate after the last step of the epoch."""
        constant = self._plan.recipe.training.schedule == "constant"
        return self._plan.learning_rate if constant else float(self.model.optimizer.learning_rate)

    def _show_steps(self, steps: int, note: str) -> None:
        # The last call of several steps may count beyond the last one.
        steps = min(steps, self._steps)
        self._listener.step(steps - self._shown_steps, note)
        self._shown_steps = steps
