"""quantize_config.py: which tensors are fake-quantized, and how they are rounded."""

from typing import Any

import numpy as np


def wrap_depthwise_layer() -> dict[str, Any]:
    import tf_keras

    from edgetl.core.network.description import Network, Node
    from edgetl.engines.tfmot.quantize_config import make_layer_wrapper

    weights = np.zeros((3, 3, 2, 1), np.float32)
    weights[..., 0, 0], weights[..., 1, 0] = 100.3, 0.01003
    layer = tf_keras.layers.DepthwiseConv2D(3, use_bias=False)
    layer.build((None, 8, 8, 2))
    layer.set_weights([weights])
    photo = Node(name="photo", kind="InputLayer", inputs=(), shape=(8, 8, 2))
    node = Node(name="depthwise", kind="DepthwiseConv2D", inputs=("photo",), shape=(6, 6, 2))
    wrapper = make_layer_wrapper(Network((photo, node)))(node, layer)
    wrapper(np.ones((1, 8, 8, 2), np.float32), training=True)
    ((variable, quantizer, variables),) = wrapper._weight_vars
    lows, highs = quantizer.compute_ranges(variable)
    return {
        "lows": lows.numpy().tolist(),
        "highs": highs.numpy().tolist(),
        "learned_highs": variables["max_var"].numpy().tolist(),
        "trainable_weights": len(wrapper.trainable_weights),
    }


def test_depthwise_weights_have_a_range_for_each_channel(keras2):
    result = keras2(wrap_depthwise_layer)
    # With one range for both channels, all weights of the second would be rounded to zero.
    assert [round(high, 5) for high in result["highs"]] == [100.3, 0.01003]
    assert result["lows"] == [-high for high in result["highs"]] and result["learned_highs"] == result["highs"]
    assert result["trainable_weights"] == 1


def compute_weight_gradients() -> dict[str, Any]:
    import tensorflow as tf

    from edgetl.engines.tfmot.quantize_config import WeightQuantizer

    quantizer = WeightQuantizer()
    weights = tf.Variable(np.random.default_rng(0).normal(size=(1, 1, 64, 32)).astype(np.float32))
    ranges = {"min_var": tf.Variable(tf.zeros(32)), "max_var": tf.Variable(tf.zeros(32))}
    with tf.GradientTape() as tape:
        quantized = quantizer(weights, training=True, weights=ranges)
        loss = tf.reduce_sum(quantized * tf.range(32.0))
    expected = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        weights, *quantizer.compute_ranges(weights), narrow_range=True
    )
    weights.assign(weights * 2)
    evaluated = quantizer(weights, training=False, weights=ranges)
    return {
        "gradient": tape.gradient(loss, weights).numpy()[0, 0].tolist(),
        "is_rounded": bool(np.array_equal(quantized, expected)),
        "is_clipped": bool((np.abs(evaluated).max(axis=(0, 1, 2)) <= ranges["max_var"].numpy()).all()),
    }


def test_gradients_pass_the_rounding_of_weights_unchanged(keras2):
    result = keras2(compute_weight_gradients)
    assert result["gradient"] == [list(range(32))] * 64, "the largest weights included"
    assert result["is_rounded"]
    assert result["is_clipped"], "an evaluation uses the ranges of the last training step"


def list_wrapped_layers(folder: str) -> dict[str, list[Any]]:
    import tensorflow_model_optimization as tfmot

    from edgetl.core.network import folding
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from edgetl.engines.tfmot.quantize_config import make_layer_wrapper
    from tests.engines.small_network import load_small_network

    folded = folding.fold_batch_norm(load_small_network(folder).network)
    layers = build_keras2(folded, make_layer_wrapper(folded)).layers
    return {
        name: [len(layer._weight_vars), bool(layer._output_quantizers)]
        for name, layer in layers.items()
        if isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2)
    }


def test_weights_and_outputs_with_a_range_are_quantized_and_nothing_else(keras2, small_network):
    # Name → number of quantized weights, and whether the output is quantized.
    assert keras2(list_wrapped_layers, small_network) == {
        "bn1": [1, False],
        "relu1": [0, True],
        "bn2": [1, False],
        "relu2": [0, True],
        "conv3": [1, False],
        "relu3": [0, True],
        "pooling": [0, True],
        "scores/linear": [1, True],
    }


def round_averages() -> dict[str, list[float]]:
    import tensorflow as tf

    from edgetl.engines.tfmot.quantize_config import AverageQuantizer

    low, high = tf.Variable(0.0), tf.Variable(25.5)
    averages = tf.constant(np.float32([0, 3.5, 3.25, 127.5, 128.5, 200.5, 200.25, 254.5, 255]) / 10)
    with tf.GradientTape() as tape:
        tape.watch(averages)
        rounded = AverageQuantizer(lambda: (low, high))(averages, False, {})
    return {
        "rounded": np.round(rounded.numpy() * 10, 3).tolist(),
        "gradient": tape.gradient(rounded, averages).numpy().tolist(),
    }


def test_halves_of_an_average_are_rounded_away_from_the_int8_zero(keras2):
    result = keras2(round_averages)
    # int8 values count from -128: halves below 128 are rounded down, halves above are rounded up.
    assert result["rounded"] == [0, 3, 3, 127, 129, 201, 200, 255, 255]
    assert result["gradient"] == [1] * 9, "at the ends of the range as well"


def round_sigmoids() -> list[float]:
    from edgetl.core.network import folding
    from edgetl.engines.tfmot.quantize_config import FixedRangeQuantizer

    quantizer = FixedRangeQuantizer(lambda: folding.SIGMOID_RANGE)
    return (quantizer(np.float32([0, 0.3, 0.5, 1]), False, {}).numpy() * 256).tolist()


def test_sigmoids_are_rounded_to_multiples_of_1_256(keras2):
    assert keras2(round_sigmoids) == [0, 77, 128, 255]


def average_sigmoids() -> float:
    import tf_keras

    from edgetl.core.network.description import Network, Node
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from edgetl.engines.tfmot.quantize_config import make_layer_wrapper

    sigmoid, linear = {"activation": "sigmoid"}, {"activation": "linear"}
    pooling = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}
    network = Network(
        (
            Node(name="photo", kind="InputLayer", inputs=(), shape=(2, 2, 1)),
            Node(name="gate", kind="Activation", inputs=("photo",), shape=(2, 2, 1), config=sigmoid),
            Node(name="average", kind="AveragePooling2D", inputs=("gate",), shape=(1, 1, 1), config=pooling),
            Node(name="last", kind="Activation", inputs=("average",), shape=(1, 1, 1), config=linear),
        )
    )
    keras2 = build_keras2(network, make_layer_wrapper(network))
    probabilities = np.float32([100, 101, 100, 101]) / 256
    photos = np.log(probabilities / (1 - probabilities)).reshape(1, 2, 2, 1)
    probe = tf_keras.Model(keras2.model.input, keras2.layers["average"].output)
    return float(probe.predict_on_batch(photos).ravel()[0] * 256)


def test_an_average_of_sigmoids_is_rounded_to_their_steps(keras2):
    assert keras2(average_sigmoids) == 100
