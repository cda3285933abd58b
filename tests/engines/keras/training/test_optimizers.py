"""The optimizer of a phase: its class, its learning rates, and the moving average of weights."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.training.optimizers import list_averaging_callbacks, make_optimizer
from tests.fixtures.training import make_recipe


def make(epochs=10, steps=10, **training):
    return make_optimizer(make_recipe(training=training).training, 0.01, epochs, steps)


def read_rates(optimizer, steps):
    return [float(optimizer._learning_rate(step)) for step in steps]


def test_default_is_adam_at_a_constant_rate():
    optimizer = make()
    assert type(optimizer) is keras.optimizers.Adam
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert not optimizer.use_ema


def test_weight_decay_is_that_of_adamw():
    optimizer = make(weight_decay=0.05)
    assert isinstance(optimizer, keras.optimizers.AdamW)
    assert optimizer.weight_decay == 0.05


def test_cosine_schedule_ends_at_0():
    assert read_rates(make(schedule="cosine"), [0, 50, 100]) == pytest.approx([0.01, 0.005, 0.0], abs=1e-8)


def test_warmup_rises_from_0_within_its_part_of_all_steps():
    rates = read_rates(make(schedule="cosine", warmup=0.1), [0, 5, 10, 55, 100])
    assert rates == pytest.approx([0.0, 0.005, 0.01, 0.005, 0.0], abs=1e-8)


def test_average_has_the_same_time_constant_in_epochs_for_any_number_of_steps():
    few, many = (make(steps=steps, average_epochs=2.0).ema_momentum for steps in (5, 50))
    assert few**10 == pytest.approx(np.exp(-1))
    assert many**100 == pytest.approx(np.exp(-1))


def test_validation_sees_averages_only_where_there_are_any():
    assert not list_averaging_callbacks(make_recipe().training)
    (callback,) = list_averaging_callbacks(make_recipe(training={"average_epochs": 1.0}).training)
    assert isinstance(callback, keras.callbacks.SwapEMAWeights)
