"""The optimizer of a training phase, from the settings of a recipe. All of it is Keras's."""

import math
from typing import Any

import keras

from edgetl.core.recipe.tables import TrainingRecipe


def make_optimizer(
    training: TrainingRecipe, learning_rate: float, epochs: int, steps: int
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a phase.

    Args:
        training: schedule, weight decay and moving average.
        learning_rate: the highest one.
        epochs: of the phase.
        steps: of an epoch.
    """
    rate = _make_schedule(training, learning_rate, epochs * steps)
    options: dict[str, Any] = {}
    if training.average_epochs:
        # A momentum for each step, so that the average covers as many epochs of few photos as of many.
        options = {"use_ema": True, "ema_momentum": math.exp(-1 / (training.average_epochs * steps))}
    if training.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, **options)
    return keras.optimizers.Adam(rate, **options)


def list_averaging_callbacks(training: TrainingRecipe) -> list[keras.callbacks.Callback]:
    """List the callbacks with which validation, and all callbacks after them, see the averaged weights."""
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if training.average_epochs else []


def _make_schedule(training: TrainingRecipe, learning_rate: float, steps: int) -> Any:
    if training.schedule == "constant":
        return learning_rate
    warmup = round(training.warmup * steps)
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - warmup, warmup_target=learning_rate, warmup_steps=warmup)
