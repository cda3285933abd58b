"""integer_export.py: weights on their grid, the input scaling as one convolution, and every range in the graph."""

import numpy as np
import pytest

from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.network import description
from edgetl.core.network.description import Network, Node, arrange_by_channel
from edgetl.core.records import InputSpec
from edgetl.engines.keras import build, to_network
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import qat as onnx_qat
from edgetl.engines.tflite import convert, inspect, runtime
from edgetl.engines.tfmot.integer_export import PixelScaling, round_to_grid, round_weights

QAT8 = METHODS["qat8"]


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("Conv2D", (3, 3, 4, 6)), ("Conv2D", (1, 1, 4, 1)), ("Dense", (40, 1)), ("DepthwiseConv2D", (3, 3, 5, 1))],
)
def test_weights_are_multiples_of_the_scale_of_their_channel(kind, shape):
    generator = np.random.default_rng(2)
    weights = (generator.normal(size=shape) * generator.uniform(0.01, 10, shape[-1])).astype(np.float32)
    node = Node(name="n", kind=kind, inputs=(), shape=(1,), weights=(weights, np.float32([0.3])))
    rounded, bias = round_weights(node, 0.02)
    by_channel = arrange_by_channel(Node(name="n", kind=kind, inputs=(), shape=(1,), weights=(rounded,)))
    scales = np.abs(arrange_by_channel(node)).max(axis=0) / 127
    integers = by_channel / scales
    np.testing.assert_allclose(integers, np.round(integers), atol=1e-3)
    np.testing.assert_allclose(np.abs(integers).max(axis=0), 127, atol=1e-3)
    assert np.abs(by_channel - arrange_by_channel(node)).max() <= scales.max() / 2 * 1.001
    bias_scales = scales * 0.02
    np.testing.assert_allclose(
        bias / bias_scales, np.round(bias / bias_scales), atol=1e-3 * np.abs(bias / bias_scales).max()
    )
    assert (np.abs(bias - 0.3) <= bias_scales / 2 * 1.001).all()


def test_a_channel_of_zeros_keeps_its_bias():
    node = Node(name="n", kind="Dense", inputs=(), shape=(2,), weights=(np.zeros((4, 2), np.float32),))
    assert (round_weights(node, 0.02)[0] == 0).all()
    with_bias = Node(name="n", kind="Dense", inputs=(), shape=(2,), weights=(*node.weights, np.float32([0.3, -0.2])))
    assert (round_weights(with_bias, 0.02)[1] == np.float32([0.3, -0.2])).all()


def test_the_scale_of_a_bias_depends_on_the_range_of_the_input():
    def make_dense(name, source):
        weights = (np.eye(2, dtype=np.float32), np.float32([0.3, 0.7]))
        return Node(name=name, kind="Dense", inputs=(source,), shape=(2,), weights=weights)

    network = Network(
        (
            Node(name="photo", kind="InputLayer", inputs=(), shape=(2,)),
            make_dense("first", "photo"),
            Node(name="relu", kind="ReLU", inputs=("first",), shape=(2,)),
            Node(name="dropout", kind="Dropout", inputs=("relu",), shape=(2,)),
            make_dense("second", "dropout"),
        )
    )
    rounded = round_to_grid(network, {"photo": (0, 255), "relu": (0, 2.55), "second": (0, 1)})
    first, second = (rounded.node(name).weights[1] for name in ("first", "second"))
    np.testing.assert_allclose(first, np.round([0.3 * 127, 0.7 * 127]) / 127, rtol=1e-6)
    np.testing.assert_allclose(second, np.round([0.3 * 12700, 0.7 * 12700]) / 12700, rtol=1e-6)


def test_the_range_of_scaled_pixels_has_a_level_at_zero():
    even = PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))
    # One step more than -1..1.
    assert even.output_range == pytest.approx((-1, 1 + 1 / 127))
    raw = PixelScaling(matrix=np.eye(3, dtype=np.float32), offset=np.zeros(3, np.float32))
    assert raw.output_range == (0, 255)
    mixed = PixelScaling(matrix=np.diag([1, -2, 0.5]).astype(np.float32), offset=np.float32([10, 0, 0]))
    assert mixed.output_range == pytest.approx((-510, -510 + 255 * 510 / 167))
    pixels = np.array([[[[255, 255, 0]]]], np.uint8)
    np.testing.assert_allclose(mixed.apply(pixels), [[[[265, -510, 0]]]])


@pytest.mark.parametrize("matrix", [np.diag([0.3, -0.7, 1 / 127.5]), np.eye(3)[::-1] / 58, np.full((3, 3), 0.1)])
def test_pixels_are_scaled_by_the_matrix_bit_for_bit(matrix):
    scaling = PixelScaling(matrix=matrix.astype(np.float32), offset=np.float32([0.1, -2, 30]))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 7, 5, 3)).astype(np.uint8)
    expected = pixels.astype(np.float32) @ scaling.matrix + scaling.offset
    assert scaling.apply(pixels).dtype == np.float32
    np.testing.assert_array_equal(scaling.apply(pixels), expected)


def test_a_quantized_scaling_has_integer_weights_and_bias():
    even = PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))
    quantized = even.quantize()
    np.testing.assert_allclose(quantized.matrix * 127 * 127.5, np.eye(3) * 127, atol=0.01)
    # -1 is -16192.5 steps.
    np.testing.assert_allclose(quantized.offset * 127 * 127.5, [-16192] * 3, atol=0.01)


def test_the_file_is_full_integer_and_predicts_what_the_model_does(qat_export, photo_array, as_pixels, tmp_path):
    expected = np.load(qat_export / "predictions.npy")
    path = tmp_path / "model.tflite"
    # The dark photos of the converter set no range: the graph contains all ranges.
    dark = as_pixels(photo_array[:4] // 8)
    path.write_bytes(convert.convert_saved_model(qat_export / "saved_model", QAT8, dark))
    inspect.check_file(path, QAT8)
    assert inspect.summarize_file(path).operators == {
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 1,
        "FULLY_CONNECTED": 1,
        "MEAN": 1,
        "QUANTIZE": 2,
        "SOFTMAX": 1,
    }
    scores = runtime.predict_file(path, as_pixels(photo_array), "xnnpack", lambda _: None).scores
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.96
    assert np.abs(scores - expected).max() < 0.12


def save_network(model, pixels, folder):
    """Write a Keras model as a network with photos, for `tests.engines.small_network`."""
    description.save_network(to_network.describe_network(model), folder)
    photos, scores = to_network.probe_model(model, pixels)
    np.savez(folder / "probe.npz", photos=photos, scores=scores, pixels=pixels)


def test_sigmoids_and_averages_are_rounded_as_in_the_file(keras2, photo_array, as_pixels, tmp_path):
    """Their roundings have no range of their own. The network has silu, a gate and averages."""
    layers, side_px = keras_model.keras.layers, photo_array.shape[1]
    # Around 127, scaled pixels are close to rounding ties, which kernels resolve differently.
    photos = np.where(np.abs(photo_array.astype(int) - 127) < 8, 100, photo_array).astype(np.uint8)
    keras_model.reset_keras(3)
    image = keras_model.keras.Input((side_px, side_px, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    features = layers.Conv2D(8, 3, strides=2, activation="silu")(scaled)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(features))
    features = layers.Multiply()([features, gate])
    averages = [layers.AveragePooling2D(size, 1, padding="same")(features) for size in (2, 3)]
    features = layers.Conv2D(16, 3, activation="silu")(layers.Concatenate()(averages))
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(layers.AveragePooling2D(2)(features))
    model = keras_model.keras.Model(image, layers.Dense(16, activation="softmax", name=build.SCORES)(features))
    # Large weights: a difference of one step in a feature is many steps in the scores.
    weights, bias = model.get_layer(build.SCORES).get_weights()
    model.get_layer(build.SCORES).set_weights([weights * 60, bias])
    save_network(model, photos, tmp_path)
    keras2("tests.engines.small_network.export_qat_model", tmp_path, tmp_path, "even")
    expected = np.load(tmp_path / "predictions.npy")
    path = tmp_path / "model.tflite"
    path.write_bytes(convert.convert_saved_model(tmp_path / "saved_model", QAT8, as_pixels(photos)))
    operators = inspect.summarize_file(path).operators
    assert (operators["LOGISTIC"], operators["AVERAGE_POOL_2D"]) == (3, 3)
    scores = runtime.predict_file(path, as_pixels(photos), "xnnpack", lambda _: None).scores
    # Without the rounding of sigmoids and averages in the model, 0.76 of the scores were equal.
    assert np.mean(np.abs(scores - expected) <= 1 / 512 + 1e-6) > 0.9
    assert np.abs(scores - expected).max() <= 4 / 256


# Networks whose layers tfmot's own placement rejects, and some that it accepts, at the smallest side of each.
BASES = {
    "DenseNet121": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}


def set_statistics(model, pixels):
    """Set the statistics of BatchNormalization to those of the photos: with initial ones, activations would vanish.

    Branches add little to their sum, as in a trained network. In a ResNet50 with random weights whose branches add as
    much as they can, the outputs of Keras 3 differ from those in float64 by 1.0e-4 and those of the folded network by
    1.2e-4, while both differ by 1.2e-5 in float64. A smaller gamma: Goyal et al., 2017, arXiv 1706.02677, 5.1.

    Where BatchNormalization has no gamma, as in InceptionV3, beta is 1: the ReLUs after it are closer to linear. With a
    beta of 0, the normalizations enlarge the rounding of float32 from 1e-7 of the standard deviation of the activations
    in the first layer to 2e-4 in the last one. Keras 3, Keras 2 and the folded network are equally far from float64,
    and the scores of the folded network differ from those of Keras 3 by 1.3e-4; with a beta of 1, by 7e-6. In float64,
    the folded network differs from the network by 3e-13.
    Source: Yang et al., 2019, A Mean Field Theory of Batch Normalization, arXiv 1902.08129.
    """
    layers = keras_model.keras.layers
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
            if any(isinstance(node.operation, layers.Add) for node in layer._outbound_nodes):
                layer.gamma.assign(0.2 * layer.gamma)
            if not layer.scale:
                layer.beta.assign(layer.beta + 1.0)
    model(pixels, training=True)


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
def test_every_base_trains_with_quantization_and_becomes_full_integer(keras2, as_pixels, base, tmp_path):
    side_px = BASES[base]
    layers = keras_model.keras.layers
    keras_model.reset_keras(1)
    image = keras_model.keras.Input((side_px, side_px, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    application = getattr(keras_model.keras.applications, base)
    network = application(input_tensor=scaled, input_shape=(side_px, side_px, 3), include_top=False, weights=None)
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(network.output)
    model = keras_model.keras.Model(image, layers.Dense(3, activation="softmax", name=build.SCORES)(features))
    # Deep layers have feature maps of one pixel. Over few photos their variance is near zero, which would enlarge all
    # differences.
    pixels = np.random.default_rng(1).integers(0, 256, (64, side_px, side_px, 3), dtype=np.uint8)
    set_statistics(model, pixels)
    pixels = pixels[:8]
    save_network(model, pixels, tmp_path)
    result = keras2("tests.engines.small_network.check_train_and_export", tmp_path)
    assert max(result["differences"]) < 1e-4 and result["has_moved"]
    path = tmp_path / "model.tflite"
    path.write_bytes(convert.convert_saved_model(tmp_path / "saved_model", QAT8, as_pixels(pixels)))
    inspect.check_file(path, QAT8)
    path = tmp_path / "model.onnx"
    metadata = ModelMetadata(classes=("a", "b", "c"), input=InputSpec(height_px=side_px, width_px=side_px, fit="crop"))
    path.write_bytes(onnx_qat.convert_qat(tmp_path / "saved_model", metadata))
    onnx_inspect.check_file(path, QAT8)
