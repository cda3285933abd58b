"""The optimizer of a training phase, from the settings of a recipe: Keras's, or one with a rate for each layer."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from edgetl.core.recipe.tables import TrainingRecipe


class AdamWithLayerRates(keras.optimizers.Adam):
    """Adam whose learning rate has a factor for each variable. The optimizers of Keras have one rate for all variables.

    Weight decay is that of AdamW, at the learning rate without the factors.

    Args:
        learning_rate: a rate or a schedule.
        factors: for each variable, in the order of `build`.
        options: further arguments of `keras.optimizers.Adam`.
    """

    def __init__(self, learning_rate: Any, factors: Sequence[float], **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self._factors = list(factors)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable. Keras calls this in every step."""
        super().update_step(gradient, variable, learning_rate * self._factors[self._get_variable_index(variable)])


def compute_layer_factors(network: keras.Model, layer_decay: float) -> list[float]:
    """Compute the factor of the learning rate of each trainable variable: layer-wise learning rate decay.

    The factor of the last layer is 1. Each layer with trainable variables counts, a BatchNormalization too. Layers of
    parallel branches count in the order of `network.layers`.

    Args:
        network: the network.
        layer_decay: the factor of a layer, relative to the next one.

    Source: Howard and Ruder, 2018, arXiv 1801.06146, section 3.2, discriminative fine-tuning.
    """
    trained = [layer for layer in reversed(network.layers) if layer.trainable_variables]
    factors = {
        id(variable): layer_decay**depth
        for depth, layer in enumerate(trained)
        for variable in layer.trainable_variables
    }
    return [factors[id(variable)] for variable in network.trainable_variables]


def make_optimizer(
    training: TrainingRecipe, learning_rate: float, epochs: int, steps: int, factors: Sequence[float] = ()
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a phase.

    Args:
        training: schedule, weight decay and moving average.
        learning_rate: the highest one.
        epochs: of the phase.
        steps: of an epoch.
        factors: see `compute_layer_factors`; empty or all 1 for the same rate everywhere.
    """
    rate = _make_schedule(training, learning_rate, epochs * steps)
    options: dict[str, Any] = {}
    if training.average_epochs:
        # A momentum for each step, so that the average covers as many epochs of few photos as of many.
        options = {"use_ema": True, "ema_momentum": math.exp(-1 / (training.average_epochs * steps))}
    if any(factor != 1 for factor in factors):
        return AdamWithLayerRates(rate, factors, weight_decay=training.weight_decay or None, **options)
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
