"""The optimizer of a phase: its class, its learning rates, and the moving average of weights."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.training.optimizers import compute_layer_factors, list_averaging_callbacks, make_optimizer
from tests.fixtures.training import make_recipe


def make(epochs=10, steps=10, factors=(), **training):
    return make_optimizer(make_recipe(training=training).training, 0.01, epochs, steps, factors)


def make_network():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3)(inputs)
    frozen = keras.layers.Dense(3, trainable=False)(hidden)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.ReLU()(keras.layers.Dense(3)(frozen))))


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


def test_factors_of_rates_decay_from_the_last_trained_layer_to_the_first():
    network = make_network()
    # Kernel and bias of each layer; frozen layers and layers without weights do not count.
    assert compute_layer_factors(network, 0.5) == [0.25, 0.25, 0.5, 0.5, 1, 1]
    assert compute_layer_factors(network, 1.0) == [1] * 6


@pytest.mark.parametrize("training", [{}, {"weight_decay": 0.01}, {"average_epochs": 1.0}])
def test_each_layer_is_trained_at_its_rate(training):
    """The first step of Adam changes each weight by the learning rate, whatever its gradient."""
    network = make_network()
    network.set_weights([np.ones_like(weight) for weight in network.get_weights()])
    optimizer = make(factors=compute_layer_factors(network, 0.5), **training)
    network.compile(optimizer, "mse")
    before = [keras.ops.convert_to_numpy(variable) for variable in network.trainable_variables]
    network.train_on_batch(np.ones((8, 4), np.float32), np.zeros((8, 2), np.float32))
    decayed = 1 - 0.01 * training.get("weight_decay", 0.0)
    after = [keras.ops.convert_to_numpy(variable) for variable in network.trainable_variables]
    changes = [float(np.mean(old * decayed - new)) for old, new in zip(before, after, strict=True)]
    assert changes == pytest.approx([0.0025, 0.0025, 0.005, 0.005, 0.01, 0.01], rel=1e-3)


def test_equal_factors_are_adam():
    assert type(make(factors=[1.0, 1.0])) is keras.optimizers.Adam


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
