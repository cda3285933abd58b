"""hard_sigmoid of Keras 2 by scaled weights: exact numbers, only where a gate uses it."""

import numpy as np
import pytest

from edgetl.engines.keras.from_keras2 import gates
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError
from edgetl.engines.keras2_graph import SavedLayer


def make(class_name, *weights, **config):
    return SavedLayer(name="x", class_name=class_name, config=config, weights=weights)


def test_ratio_makes_both_definitions_equal():
    x = np.linspace(-5, 5, 1001)
    keras2 = np.clip(0.2 * x + 0.5, 0, 1)
    keras3 = np.clip(gates.RATIO * x / 6 + 0.5, 0, 1)
    assert np.abs(keras2 - keras3).max() < 1e-12


def test_weights_before_hard_sigmoid_are_scaled():
    kernel, bias = np.ones((2, 2), np.float32), np.full(2, 5, np.float32)
    scaled = gates.scale_before_activation(make("Dense", kernel, bias, activation="hard_sigmoid"))
    assert np.allclose(scaled[0], 1.2) and np.allclose(scaled[1], 6)
    assert gates.scale_before_activation(make("Dense", kernel, activation="relu"))[0] is kernel


def test_depthwise_weights_of_a_separable_layer_are_not_scaled():
    weights = [np.ones((1, 1), np.float32)] * 3
    scaled = gates.scale_before_activation(make("SeparableConv2D", *weights, activation="hard_sigmoid"))
    assert np.allclose([weight[0, 0] for weight in scaled], [1, 1.2, 1.2])


@pytest.mark.parametrize(
    ("class_name", "activation", "factors"),
    [
        ("LSTM", "tanh", [1.2, 1.2, 1.0, 1.2]),
        ("LSTMCell", "tanh", [1.2, 1.2, 1.0, 1.2]),
        ("ConvLSTM2D", "tanh", [1.2, 1.2, 1.0, 1.2]),
        ("GRU", "tanh", [1.2, 1.2, 1.0]),
        ("GRUCell", "hard_sigmoid", [1.2, 1.2, 1.2]),
    ],
)
def test_gates_of_recurrent_layers_are_scaled(class_name, activation, factors):
    config = {"activation": activation, "recurrent_activation": "hard_sigmoid"}
    (kernel,) = gates.scale_gates(make(class_name, np.ones((3, 2 * len(factors)), np.float32), **config))
    assert np.allclose(kernel, np.repeat(factors, 2))


def test_gates_of_other_activations_stay():
    (kernel,) = gates.scale_gates(
        make("LSTM", np.ones((3, 8), np.float32), activation="tanh", recurrent_activation="sigmoid")
    )
    assert (kernel == 1).all()


def test_lstm_whose_state_passes_hard_sigmoid_is_refused():
    with pytest.raises(NoCounterpartError, match="hard_sigmoid"):
        gates.scale_gates(make("LSTM", activation="hard_sigmoid", recurrent_activation="sigmoid"))
