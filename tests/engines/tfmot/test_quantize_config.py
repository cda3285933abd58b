"""tfmot_configs.py: fake quantization per output channel, depthwise kernels too, and ranges only where asked."""


def test_a_depthwise_kernel_has_a_range_for_each_channel(legacy):
    found = legacy("""
import numpy as np, tf_keras
from edgetl.core.network.description import Network, Node
from edgetl.engines.tfmot.quantize_config import make_layer_wrapper
kernel = np.zeros((3, 3, 2, 1), np.float32)
kernel[..., 0, 0], kernel[..., 1, 0] = 100.3, 0.01003
layer = tf_keras.layers.DepthwiseConv2D(3, use_bias=False)
layer.build((None, 8, 8, 2))
layer.set_weights([kernel])
node = Node(name="d", kind="DepthwiseConv2D", inputs=("x",), shape=(6, 6, 2))
photo = Node(name="x", kind="InputLayer", inputs=(), shape=(8, 8, 2))
wrapped = make_layer_wrapper(Network((photo, node)))(node, layer)
answer = wrapped(np.ones((1, 8, 8, 2), np.float32), training=True)
(variable, quantizer, variables), = wrapped._weight_vars
low, high = quantizer.ranges(variable)
ranges = [high, low, variables["max_var"]]
result = [*(of.numpy().tolist() for of in ranges), len(wrapped.trainable_weights)]
""")
    highs, lows, kept, trainable = found
    assert [round(high, 5) for high in highs] == [100.3, 0.01003] and lows == [-high for high in highs]
    # With one range for both, the second channel would be nothing but zeros.
    assert kept == highs and trainable == 1


def test_what_gets_a_range_and_what_is_left_alone(legacy, told):
    found = legacy(
        told
        + """
import tensorflow_model_optimization as tfmot
from edgetl.engines.tfmot.quantize_config import make_layer_wrapper
from edgetl.engines.tfmot.keras2_model import build_keras2
whole = folding.fold_batch_norm(net)
made = build_keras2(whole, make_layer_wrapper(whole))
result = {}
for name, layer in made.layers.items():
    if isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2):
        result[name] = [len(layer._weight_vars), bool(layer._output_quantizers)]
"""
    )
    assert found == {
        "bn1": [1, False],
        "relu1": [0, True],
        "bn2": [1, False],
        "relu2": [0, True],
        "conv3": [1, False],
        "relu3": [0, True],
        "pooling": [0, True],
        "scores/linear": [1, True],
    }


def test_an_average_is_rounded_away_from_the_middle_in_the_steps_of_its_source(legacy):
    found = legacy("""
import numpy as np, tensorflow as tf
from edgetl.engines.tfmot.quantize_config import AverageQuantizer
low, high = tf.Variable(0.0), tf.Variable(25.5)
levels = tf.constant(np.float32([0, 3.5, 3.25, 127.5, 128.5, 200.5, 200.25, 254.5, 255]) / 10)
with tf.GradientTape() as tape:
    tape.watch(levels)
    rounded = AverageQuantizer(lambda: (low, high))(levels, False, {})
result = [np.round(rounded.numpy() * 10, 3).tolist(), tape.gradient(rounded, levels).numpy().tolist()]
""")
    # Levels count from -128: below the middle a half goes down, above it goes up.
    assert found == [[0, 3, 3, 127, 129, 201, 200, 255, 255], [1] * 9]


def test_a_sigmoid_is_rounded_to_what_runtimes_give(legacy):
    assert legacy("""
import numpy as np
from edgetl.core.network import folding
from edgetl.engines.tfmot.quantize_config import FixedRangeQuantizer
rounding = FixedRangeQuantizer(lambda: folding.SIGMOID_RANGE)
result = (rounding(np.float32([0, 0.3, 0.5, 1]), False, {}).numpy() * 256).tolist()
""") == [0, 77, 128, 255]


def test_an_average_of_a_sigmoid_has_its_steps(legacy):
    assert (
        legacy("""
import numpy as np, tf_keras
from edgetl.core.network.description import Network, Node
from edgetl.engines.tfmot.quantize_config import make_layer_wrapper
from edgetl.engines.tfmot.keras2_model import build_keras2
gate = Node(name="s", kind="Activation", inputs=("x",), shape=(2, 2, 1), config={"activation": "sigmoid"})
config = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}
pool = Node(name="p", kind="AveragePooling2D", inputs=("s",), shape=(1, 1, 1), config=config)
last = Node(name="l", kind="Activation", inputs=("p",), shape=(1, 1, 1), config={"activation": "linear"})
photo = Node(name="x", kind="InputLayer", inputs=(), shape=(2, 2, 1))
made = build_keras2(Network((photo, gate, pool, last)), make_layer_wrapper(Network((photo, gate, pool, last))))
levels = np.float32([100, 101, 100, 101]) / 256
photos = np.log(levels / (1 - levels)).reshape(1, 2, 2, 1)
probe = tf_keras.Model(made.model.input, made.layers["p"].output)
result = float(probe.predict_on_batch(photos).ravel()[0] * 256)
""")
        == 100
    )
