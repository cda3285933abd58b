"""recurrent.py: recurrent layers of few steps are unrolled wherever they are, and the model predicts the same."""

import keras
import numpy as np
import pytest

from edgetl.engines.keras.recurrent import MOST_STEPS, can_unroll, unroll_recurrent_layers

L = keras.layers


def list_recurrent(model):
    layers = []
    for layer in model._flatten_layers():
        layers += [part for part in (layer, *vars(layer).values()) if isinstance(part, L.RNN)]
    return layers


HEADS = {
    "lstm": lambda: [L.LSTM(4)],
    "two": lambda: [L.LSTM(4, return_sequences=True), L.GRU(3)],
    "bidirectional": lambda: [L.Bidirectional(L.SimpleRNN(4))],
    "cells": lambda: [L.RNN([L.LSTMCell(4), L.GRUCell(3)])],
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("nested", [False, True])
def test_unrolled_layers_predict_the_same(name, nested):
    model = keras.Sequential([keras.Input((6, 5)), *HEADS[name]()])
    if nested:
        outer = keras.Input((6, 5))
        model = keras.Model(outer, model(outer))
    values = np.random.default_rng(1).normal(size=(2, 6, 5)).astype(np.float32)
    expected = np.asarray(model(values))
    layers = list_recurrent(model)
    assert layers and not any(layer.unroll for layer in layers)
    assert can_unroll(model)
    unroll_recurrent_layers(model)
    assert all(layer.unroll for layer in layers)
    np.testing.assert_allclose(np.asarray(model(values)), expected, atol=1e-6)


@pytest.mark.parametrize("length", [MOST_STEPS + 1, None])
def test_layers_of_many_or_open_steps_keep_their_loop(length):
    steps = keras.Input((length, 2))
    model = keras.Model(steps, L.LSTM(2)(steps))
    assert not can_unroll(model)
    unroll_recurrent_layers(model)
    assert not any(layer.unroll for layer in list_recurrent(model))


def test_a_model_without_recurrent_layers_is_not_changed(small_model):
    model = small_model()
    before = model.get_config()
    unroll_recurrent_layers(model)
    assert model.get_config() == before
