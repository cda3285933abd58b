"""adaround.py: the chosen integers reduce the error of the outputs, and no channel becomes worse."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgetl.core.network.rounding import adaround
from edgetl.core.network.rounding.layers import Integers, Layer, Samples

LARGE = 1e9


def make_layer(weights: np.ndarray, low: float = -LARGE, high: float = LARGE, **changes) -> Layer:
    """Return a layer whose file has its weights rounded to the nearest and its biases as they are."""
    scales = (np.abs(weights).max(axis=1) / 127).astype(np.float32)
    biases = np.zeros(len(weights), np.float32)
    integers = np.rint(weights / scales[:, None]).astype(np.int8)
    fields = {
        "name": "layer",
        "weights": weights,
        "biases": biases,
        "integers": Integers(weights=integers, scales=scales, biases=biases),
        "depthwise": False,
        "places": 1,
        "has_biases": True,
        "has_channel_scales": True,
        "low": low,
        "high": high,
    }
    return Layer(**{**fields, **changes})


def draw(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def draw_inputs(samples: int, inputs: int, seed: int) -> np.ndarray:
    """Draw inputs that correlate, as those of a layer behind a ReLU do."""
    mixing = draw((inputs // 4, inputs), 0)
    return np.maximum(
        draw((samples, inputs // 4), seed) @ mixing * 0.5 + 0.3 * draw((samples, inputs), seed + 1) + 0.3, 0
    )


def measure(layer: Layer, integers: Integers, samples: Samples) -> np.ndarray:
    outputs = np.clip(samples.compute(integers.dequantize(), integers.biases), layer.low, layer.high)
    return ((outputs - np.clip(samples.outputs, layer.low, layer.high)) ** 2).mean(axis=0)


@pytest.mark.parametrize(("inputs", "share"), [(96, 0.7), (16, 0.7)], ids=["together", "by channel"])
def test_the_error_on_other_samples_is_smaller_than_that_of_rounding_to_the_nearest(inputs, share):
    weights = draw((8, inputs), 1)
    layer = make_layer(weights)
    values = draw_inputs(1500, inputs, 2)
    chosen = adaround.choose_integers(layer, Samples(inputs=values, outputs=values @ weights.T))
    other = draw_inputs(1500, inputs, 9)
    samples = Samples(inputs=other, outputs=other @ weights.T)
    assert measure(layer, chosen, samples).mean() < share * measure(layer, layer.integers, samples).mean()


def test_integers_are_next_to_the_weights():
    weights = draw((4, 80), 3)
    layer, values = make_layer(weights), draw_inputs(400, 80, 4)
    chosen = adaround.choose_integers(layer, Samples(inputs=values, outputs=values @ weights.T))
    distances = np.abs(chosen.weights - weights / chosen.scales[:, None])
    assert distances.max() < 1 and chosen.weights.dtype == np.int8
    assert (chosen.scales == layer.integers.scales).all()


def test_a_depthwise_layer_is_as_good_as_the_best_of_all_roundings():
    weights, values = draw((3, 9), 5), np.maximum(draw((800, 3, 9), 6) + draw((800, 3, 1), 7), 0)
    layer = make_layer(weights, depthwise=True)
    outputs = np.einsum("sck,ck->sc", values, weights)
    samples = Samples(inputs=values, outputs=outputs)
    chosen = adaround.choose_integers(layer, samples)
    floors = np.floor(weights / layer.integers.scales[:, None])
    roundings = [floors + np.array(parts) for parts in itertools.product((0, 1), repeat=9)]
    losses = []
    for rounding in roundings:
        errors = np.einsum("sck,ck->sc", values, rounding * layer.integers.scales[:, None]) - outputs
        losses.append(errors.var(axis=0))
    # Other scales may be better still.
    assert (measure(layer, chosen, samples) < 1.3 * np.min(losses, axis=0)).all()
    assert measure(layer, chosen, samples).sum() < 0.5 * measure(layer, layer.integers, samples).sum()


def test_biases_keep_the_means_of_the_outputs():
    weights, values = draw((5, 80), 8), draw_inputs(500, 80, 9)
    layer = make_layer(weights)
    # The 8-bit layers before this one have a bias of their own.
    samples = Samples(inputs=values + 0.05, outputs=values @ weights.T)
    chosen = adaround.choose_integers(layer, samples)
    errors = samples.compute(chosen.dequantize(), chosen.biases) - samples.outputs
    np.testing.assert_allclose(errors.mean(axis=0), 0, atol=1e-3)


def test_a_layer_without_biases_keeps_them():
    weights, values = draw((5, 16), 8), draw_inputs(500, 16, 9)
    layer = make_layer(weights, has_biases=False)
    chosen = adaround.choose_integers(layer, Samples(inputs=values + 0.05, outputs=values @ weights.T))
    assert (chosen.biases == 0).all()
    layer = make_layer(draw((5, 80), 8), has_biases=False)
    values = draw_inputs(500, 80, 9)
    chosen = adaround.choose_integers(layer, Samples(inputs=values, outputs=values @ layer.weights.T))
    assert (chosen.biases == 0).all()


def test_one_scale_for_all_channels_stays():
    weights, values = draw((5, 16), 8), draw_inputs(500, 16, 9)
    layer = make_layer(weights, has_channel_scales=False)
    chosen = adaround.choose_integers(layer, Samples(inputs=values, outputs=values @ weights.T))
    assert (chosen.scales == layer.integers.scales).all()


@pytest.mark.parametrize("inputs", [16, 80])
def test_an_activation_lets_no_difference_through_where_both_outputs_are_clipped(inputs):
    weights, values = draw((6, inputs), 8), draw_inputs(800, inputs, 9)
    layer = make_layer(weights, low=0.0, high=6.0)
    samples = Samples(inputs=values, outputs=np.clip(values @ weights.T, 0, 6))
    chosen = adaround.choose_integers(layer, samples)
    assert measure(layer, chosen, samples).sum() < measure(layer, layer.integers, samples).sum()


def test_a_channel_that_cannot_be_improved_stays_as_it_is():
    weights = np.array([[1.0] * 15 + [127], [0.0] * 16], np.float32)
    scales = np.array([1, 1e-30], np.float32)
    biases = np.array([0, 3], np.float32)
    integers = Integers(weights=weights.astype(np.int8), scales=scales, biases=biases)
    layer = replace(make_layer(np.ones((2, 16), np.float32)), weights=weights, biases=biases, integers=integers)
    values = draw_inputs(300, 16, 1)
    chosen = adaround.choose_integers(layer, Samples(inputs=values, outputs=values @ weights.T + biases))
    assert (chosen.weights == integers.weights).all() and (chosen.scales == scales).all()
    assert (chosen.biases == biases).all()


@pytest.mark.parametrize("samples", [1, 3])
def test_few_samples_and_inputs_without_a_signal_give_finite_integers(samples):
    weights = draw((4, 80), 1)
    layer, values = make_layer(weights), np.zeros((samples, 80), np.float32)
    chosen = adaround.choose_integers(layer, Samples(inputs=values, outputs=values @ weights.T))
    assert np.isfinite(chosen.biases).all() and np.isfinite(chosen.scales).all()


def test_the_choice_is_the_same_each_time():
    weights, values = draw((4, 80), 1), draw_inputs(300, 80, 2)
    layer, samples = make_layer(weights), Samples(inputs=values, outputs=values @ weights.T)
    first, second = adaround.choose_integers(layer, samples), adaround.choose_integers(layer, samples)
    assert (first.weights == second.weights).all() and (first.biases == second.biases).all()
