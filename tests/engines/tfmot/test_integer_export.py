"""integer_export.py: kernels on their steps, the scaling as one convolution, every range in the graph."""

import numpy as np
import pytest

from edgetl.core import methods
from edgetl.core.network import description
from edgetl.core.network.description import Network, Node, arrange_by_channel
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import to_network
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import qat as onnx_qat
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime
from edgetl.engines.tfmot.integer_export import PixelScaling, round_to_grid, round_weights


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("Conv2D", (3, 3, 4, 6)), ("Conv2D", (1, 1, 4, 1)), ("Dense", (40, 1)), ("DepthwiseConv2D", (3, 3, 5, 1))],
)
def test_a_kernel_is_a_multiple_of_its_channels_step(kind, shape):
    draws = np.random.default_rng(2)
    kernel = (draws.normal(size=shape) * draws.uniform(0.01, 10, shape[-1])).astype(np.float32)
    node = Node(name="n", kind=kind, inputs=(), shape=(1,), weights=(kernel, np.float32([0.3])))
    made, bias = round_weights(node, 0.02)
    flat = arrange_by_channel(Node(name="n", kind=kind, inputs=(), shape=(1,), weights=(made,)))
    step = np.abs(arrange_by_channel(node)).max(axis=0) / 127
    levels = flat / step
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    np.testing.assert_allclose(np.abs(levels).max(axis=0), 127, atol=1e-3)
    assert np.abs(flat - arrange_by_channel(node)).max() <= step.max() / 2 * 1.001
    # A bias is a multiple of what a step of the kernel times a step of the photo is worth.
    grid = step * 0.02
    np.testing.assert_allclose(bias / grid, np.round(bias / grid), atol=1e-3 * np.abs(bias / grid).max())
    assert (np.abs(bias - 0.3) <= grid / 2 * 1.001).all()


def test_a_channel_of_zeros():
    node = Node(name="n", kind="Dense", inputs=(), shape=(2,), weights=(np.zeros((4, 2), np.float32),))
    assert (round_weights(node, 0.02)[0] == 0).all()
    with_bias = Node(name="n", kind="Dense", inputs=(), shape=(2,), weights=(*node.weights, np.float32([0.3, -0.2])))
    assert (round_weights(with_bias, 0.02)[1] == np.float32([0.3, -0.2])).all()


def test_a_bias_counts_in_steps_of_what_its_layer_eats():
    def dense(name, eaten):
        weights = (np.eye(2, dtype=np.float32), np.float32([0.3, 0.7]))
        return Node(name=name, kind="Dense", inputs=(eaten,), shape=(2,), weights=weights)

    network = Network(
        (
            Node(name="photo", kind="InputLayer", inputs=(), shape=(2,)),
            dense("first", "photo"),
            Node(name="relu", kind="ReLU", inputs=("first",), shape=(2,)),
            Node(name="moved", kind="Dropout", inputs=("relu",), shape=(2,)),
            dense("second", "moved"),
        )
    )
    made = {
        node.name: node
        for node in round_to_grid(network, {"photo": (0, 255), "relu": (0, 2.55), "second": (0, 1)}).nodes
    }
    np.testing.assert_allclose(made["first"].weights[1], np.round([0.3 * 127, 0.7 * 127]) / 127, rtol=1e-6)
    np.testing.assert_allclose(made["second"].weights[1], np.round([0.3 * 12700, 0.7 * 12700]) / 12700, rtol=1e-6)


def test_the_range_of_a_scaling():
    even = PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))
    # Zero is a level, so a step more than from -1 to 1.
    assert even.range == pytest.approx((-1, 1 + 1 / 127))
    raw = PixelScaling(matrix=np.eye(3, dtype=np.float32), offset=np.zeros(3, np.float32))
    assert raw.range == (0, 255)
    mixed = PixelScaling(matrix=np.diag([1, -2, 0.5]).astype(np.float32), offset=np.float32([10, 0, 0]))
    assert mixed.range == pytest.approx((-510, -510 + 255 * 510 / 167))
    inside = even.whole()
    np.testing.assert_allclose(inside.matrix * 127 * 127.5, np.eye(3) * 127, atol=0.01)
    np.testing.assert_allclose(inside.offset * 127 * 127.5, [-16192] * 3, atol=0.01)
    pixels = np.array([[[[255, 255, 0]]]], np.uint8)
    np.testing.assert_allclose(mixed.scaled(pixels), [[[[265, -510, 0]]]])


def test_a_full_integer_file_that_answers_as_the_model_that_learned(legacy, told, photo_array, as_pixels, tmp_path):
    promised = np.array(
        legacy(
            told
            + f"""
from edgetl.engines.tfmot.qat import QatModel
scaling = PixelScaling(matrix=np.diag([1 / 127.5, 1 / 100, 1 / 110]).astype(np.float32), offset=np.float32([-1, -0.9, -1.1]))
aware = QatModel(folding.fold_batch_norm(net), Held(), scaling, watch)
aware.export(Path({str(tmp_path / "saved")!r}))
result = aware.answers(Held()).tolist()
"""
        )
    )
    path, int8 = tmp_path / "model.tflite", methods.find_method("qat8")
    path.write_bytes(tflite_convert.convert_saved_model(tmp_path / "saved", int8, as_pixels(photo_array[:4] // 8)))
    tflite_convert.check_file(path, int8)
    found = tflite_convert.summarize_file(path)
    assert found.operators == {
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 1,
        "FULLY_CONNECTED": 1,
        "MEAN": 1,
        "QUANTIZE": 2,
        "SOFTMAX": 1,
    }
    # The few dark photos given to the converter set no range: all of them are in the graph.
    answered = tflite_runtime.predict_file(path, as_pixels(photo_array), "xnnpack", lambda _: None).scores
    assert (answered.argmax(1) == promised.argmax(1)).mean() >= 0.96
    assert np.abs(answered - promised).max() < 0.12


def test_every_rounding_of_the_file_is_in_the_model_that_learned(legacy, photo_array, as_pixels, tmp_path):
    """A silu, a gate and averages, whose roundings have no range of their own."""
    layers, side = keras_model.keras.layers, photo_array.shape[1]
    # A gray of 127 or so lies next to half a step after the scaling, where kernels differ.
    photo_array = np.where(np.abs(photo_array.astype(int) - 127) < 8, 100, photo_array).astype(np.uint8)
    keras_model.reset_keras(3)
    image = keras_model.keras.Input((side, side, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    features = layers.Conv2D(8, 3, strides=2, activation="silu")(scaled)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(features))
    features = layers.Multiply()([features, gate])
    averages = [layers.AveragePooling2D(size, 1, padding="same")(features) for size in (2, 3)]
    features = layers.Conv2D(16, 3, activation="silu")(layers.Concatenate()(averages))
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(layers.AveragePooling2D(2)(features))
    model = keras_model.keras.Model(image, layers.Dense(16, activation="softmax", name=build.SCORES)(features))
    kernel, bias = model.get_layer(build.SCORES).get_weights()
    # Scores that are far from each other, so that a step in a feature is many in them.
    model.get_layer(build.SCORES).set_weights([kernel * 60, bias])
    description.save_network(to_network.describe_network(model), tmp_path)
    np.save(tmp_path / "pixels.npy", photo_array)
    promised = np.array(
        legacy(f"""
import numpy as np
from pathlib import Path
from edgetl.core.network import description as flatnet, folding
from edgetl.engines.tfmot.integer_export import PixelScaling
from edgetl.engines.tfmot.qat import QatModel
from edgetl.core.progress import TrainingListener
folder = Path({str(tmp_path)!r})
pixels = np.load(folder / "pixels.npy")
class Held:
    def __len__(self): return len(pixels)
    def rows(self, rows): return pixels[np.asarray(rows)]
quiet = TrainingListener(begin=lambda *a: None, step=lambda *a: None, epoch=lambda *a: None, say=lambda *a: None)
scaling = PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))
aware = QatModel(folding.fold_batch_norm(flatnet.load_network(folder)), Held(), scaling, quiet)
aware.export(folder / "saved")
result = aware.answers(Held()).tolist()
""")
    )
    path = tmp_path / "model.tflite"
    path.write_bytes(
        tflite_convert.convert_saved_model(tmp_path / "saved", methods.find_method("qat8"), as_pixels(photo_array))
    )
    assert tflite_convert.summarize_file(path).operators["LOGISTIC"] == 3
    assert tflite_convert.summarize_file(path).operators["AVERAGE_POOL_2D"] == 3
    answered = tflite_runtime.predict_file(path, as_pixels(photo_array), "xnnpack", lambda _: None).scores
    # Without the roundings of the sigmoids and averages it was 0.76.
    assert np.mean(np.abs(answered - promised) <= 1 / 512 + 1e-6) > 0.9
    assert np.abs(answered - promised).max() <= 4 / 256


# Networks whose layers tfmot's own placement refuses, and those it takes, at the smallest side of each.
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


def _wake(model, pixels):
    """Let BatchNormalization hold the statistics of these photos: from random weights the signal dies on the way.

    And let each branch add little to its sum, as in a trained network: in a ResNet50 of random weights whose branches
    add as much as they may, Keras 3 itself is 1.0e-4 from what the network answers in float64, the folded network
    1.2e-4, and in float64 the two are 1.2e-5 apart. A smaller gamma: Goyal et al., 2017, arXiv 1706.02677, 5.1.
    """
    layers = keras_model.keras.layers
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
            if any(isinstance(node.operation, layers.Add) for node in layer._outbound_nodes):
                layer.gamma.assign(0.2 * layer.gamma)
    model(pixels, training=True)


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
def test_every_base_learns_with_the_rounding_and_becomes_integers(legacy, as_pixels, base, tmp_path):
    side = BASES[base]
    layers = keras_model.keras.layers
    keras_model.reset_keras(1)
    image = keras_model.keras.Input((side, side, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    builder = getattr(keras_model.keras.applications, base)
    network = builder(input_tensor=scaled, input_shape=(side, side, 3), include_top=False, weights=None)
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(network.output)
    model = keras_model.keras.Model(image, layers.Dense(3, activation="softmax", name=build.SCORES)(features))
    # Few photos of one pixel each, as deep layers see them, have next to no variance: differences would be blown up.
    pixels = np.random.default_rng(1).integers(0, 256, (64, side, side, 3), dtype=np.uint8)
    _wake(model, pixels)
    pixels = pixels[:8]
    description.save_network(to_network.describe_network(model), tmp_path)
    photos, answers = to_network.probe_model(model, pixels)
    np.savez(tmp_path / "probe.npz", photos=photos, answers=answers, pixels=pixels)
    found = legacy(f"""
import numpy as np
from pathlib import Path
from edgetl.core.network import description as flatnet, folding
from edgetl.engines.tfmot.integer_export import PixelScaling
from edgetl.engines.tfmot.qat import QatModel
from edgetl.engines.tfmot.keras2_model import check_against_keras3, build_keras2
from edgetl.core.progress import TrainingListener
folder = Path({str(tmp_path)!r})
net, kept = flatnet.load_network(folder), np.load(folder / "probe.npz")
pixels = kept["pixels"]
class Held:
    def __len__(self): return len(pixels)
    def rows(self, rows): return pixels[np.asarray(rows)]
quiet = TrainingListener(begin=lambda *a: None, step=lambda *a: None, epoch=lambda *a: None, say=lambda *a: None)
scaling = PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))
plain = check_against_keras3(build_keras2(net).model, kept["photos"], kept["answers"], "it")
aware = QatModel(folding.fold_batch_norm(net), Held(), scaling, quiet)
folded = check_against_keras3(aware.plain, kept["photos"], kept["answers"], "it")
first = aware._kernels()[0]
before = aware._weights(first)[0]
aware.model.compile("adam", "sparse_categorical_crossentropy")
aware.model.train_on_batch(aware.scaled(pixels), np.arange(8) % 3)
moved = bool((before != aware._weights(first)[0]).any())
aware.export(folder / "saved")
result = [plain, folded, moved]
""")
    assert max(found[:2]) < 1e-4 and found[2]
    path = tmp_path / "model.tflite"
    path.write_bytes(
        tflite_convert.convert_saved_model(tmp_path / "saved", methods.find_method("qat8"), as_pixels(pixels))
    )
    tflite_convert.check_file(path, methods.find_method("qat8"))
    card = onnx_convert.ModelMetadata(classes=("a", "b", "c"), input=InputSpec(side_px=side, fit="crop"))
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_qat.convert_qat(tmp_path / "saved", card))
    onnx_inspect.check_file(path, methods.find_method("qat8"))
