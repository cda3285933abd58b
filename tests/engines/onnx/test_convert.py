"""to_onnx: each method's file is what the method says, answers like Keras, and is always the same bytes."""

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import onnx
import pytest

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import runtime as onnx_runtime

NAMES = [name for name, method in METHODS.items() if "onnx" in method.formats and not method.float_layers]
CARD = onnx_convert.ModelMetadata(classes=("ant", "Gänseblümchen", "a,b"), input=InputSpec(side_px=32, fit="pad"))


@pytest.fixture(scope="module")
def model(small_model):
    return small_model()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    root = tmp_path_factory.mktemp("saved")
    keras_model.save_model(model, root / "model.keras")
    saved_model.export_saved_model(root / "model.keras", root / "saved", onnx_convert.KIND)
    return root / "saved"


@pytest.fixture(scope="module")
def made(saved, photo_array, as_pixels, onnx_bytes):
    """Method → .onnx."""
    paths = {}
    for name in NAMES:
        paths[name] = saved.parent / f"{name}.onnx"
        paths[name].write_bytes(onnx_bytes(saved, name, as_pixels(photo_array), CARD))
    return paths


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_the_method_says(made, name):
    onnx_inspect.check_file(made[name], METHODS[name])
    model = onnx_graph.read_model(made[name])
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", onnx_convert.OPSET)]
    assert model.ir_version == 8 and model.producer_name == "edgetl"


@pytest.mark.parametrize(("name", "far"), [("float32", 1e-5), ("float16", 2e-3), ("dynamic", 0.02), ("int8", 0.05)])
def test_it_answers_like_keras(made, model, photo_array, as_pixels, name, far):
    wanted = np.asarray(model(photo_array))
    for kernels in ("onnxruntime", "reference"):
        ran = onnx_runtime.predict_file(made[name], as_pixels(photo_array), kernels, lambda _: None)
        assert np.abs(ran.scores - wanted).max() < far, kernels


def test_what_the_file_says_of_itself(made):
    for path in made.values():
        said = {prop.key: prop.value for prop in onnx_graph.read_model(path).metadata_props}
        assert json.loads(said["labels"]) == list(CARD.classes), "in the order of the outputs"
        assert (said["side_px"], said["fit"]) == ("32", "pad") and "uint8 RGB [1, 32, 32, 3]" in said["input"]


def test_normalization_is_inside_the_convolutions(made):
    operators = Counter(node.op_type for node in onnx_graph.read_model(made["float32"]).graph.node)
    assert operators["Conv"] == 3 and "BatchNormalization" not in operators and "Pad" not in operators
    # Those of the pixels' scaling are all that is left.
    assert (operators["Mul"], operators["Transpose"]) == (1, 1) and operators["Add"] == 1


def test_a_quarter_and_a_half_of_the_weights(made):
    def weights(name: str) -> int:
        return sum(len(tensor.raw_data) for tensor in onnx_graph.read_model(made[name]).graph.initializer)

    assert weights("float16") < 0.52 * weights("float32")
    # Scales and 32-bit biases are what keeps small networks above a quarter.
    assert weights("dynamic") < 0.6 * weights("float32") and weights("int8") < 0.7 * weights("float32")


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_same_bytes_again(made, saved, photo_array, as_pixels, onnx_bytes, tmp_path, name):
    saved_model.export_saved_model(saved.parent / "model.keras", tmp_path / "again", "uint8")
    assert onnx_bytes(tmp_path / "again", name, as_pixels(photo_array), CARD) == made[name].read_bytes()


def test_the_same_bytes_in_another_process(made, saved, tmp_path):
    program = """
import sys
from pathlib import Path
from edgetl.core.methods import METHODS
from edgetl.core.records import InputSpec
from edgetl.engines.onnx import convert as to_onnx
card = to_onnx.ModelMetadata(classes=("ant", "Gänseblümchen", "a,b"), input=InputSpec(side_px=32, fit="pad"))
Path(sys.argv[2]).write_bytes(to_onnx.convert_graph(to_onnx.translate_saved_model(Path(sys.argv[1])), METHODS["float32"], card))
"""
    command = [sys.executable, "-c", program, str(saved), str(tmp_path / "other.onnx")]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "other.onnx").read_bytes() == made["float32"].read_bytes()


def test_weights_too_large_for_float16(small_model, tmp_path):
    model = small_model()
    layer = model.get_layer(build.SCORES)
    layer.kernel.assign(np.asarray(layer.kernel) * 0 + 1e6)
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "saved", "uint8")
    with pytest.raises(StageError, match="too large for float16: 1e\\+06"):
        onnx_convert.convert_graph(onnx_convert.translate_saved_model(tmp_path / "saved"), METHODS["float16"], CARD)


def test_a_channel_of_zeros_stays_one(small_model, photo_array, as_pixels, onnx_bytes, tmp_path):
    model = small_model()
    layer = model.get_layer("conv3")
    kernel = layer.kernel.numpy().copy()
    kernel[..., 5] = 0
    layer.kernel.assign(kernel)
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "saved", "uint8")
    for name in ("dynamic", "int8"):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(onnx_bytes(tmp_path / "saved", name, as_pixels(photo_array), CARD))
        ran = onnx_runtime.predict_file(path, as_pixels(photo_array), "onnxruntime", lambda _: None)
        assert np.abs(ran.scores - np.asarray(model(photo_array))).max() < 0.05


def test_what_is_no_saved_model(tmp_path):
    with pytest.raises((StageError, OSError)):
        onnx_convert.translate_saved_model(tmp_path)


@pytest.mark.parametrize("starts", [("ones", "random_normal"), ("zeros", "zeros")])
def test_two_convolutions_that_meet_on_one_pixel(photo_array, as_pixels, onnx_bytes, tmp_path, starts):
    """tf2onnx adds one's answer to the other as a bias: so do the last sums of a ResNet50 and a ResNet50V2 at 32 px."""
    layers = keras_model.keras.layers
    image = keras_model.keras.Input((32, 32, 3), dtype="uint8", name="image")
    features = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    features = layers.AveragePooling2D(32)(layers.Conv2D(8, 3, padding="same", activation="relu")(features))
    left, right = (layers.Conv2D(8, 1, bias_initializer=start)(features) for start in starts)
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(layers.ReLU()(layers.Add()([left, right])))
    scores = layers.Dense(3, activation="softmax", name=build.SCORES)(features)
    model = keras_model.keras.Model(image, scores, name="classifier")
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "saved", "uint8")
    traced = onnx_convert.trace_saved_model(tmp_path / "saved", "serve")
    assert any("/added" in node.name for node in traced.graph.node), "the case is there"
    for name, far in (("float32", 1e-5), ("int8", 0.05)):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(onnx_bytes(tmp_path / "saved", name, as_pixels(photo_array), CARD))
        onnx_inspect.check_file(path, METHODS[name])
        ran = onnx_runtime.predict_file(path, as_pixels(photo_array), "onnxruntime", lambda _: None)
        assert np.abs(ran.scores - np.asarray(model(photo_array))).max() < far


def test_a_hard_swish_leaves_no_transposes_behind(photo_array, as_pixels, onnx_bytes, tmp_path):
    """tf2onnx's own clean-up stops at a sum with a bare number."""
    layers = keras_model.keras.layers
    image = keras_model.keras.Input((32, 32, 3), dtype="uint8", name="image")
    features = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    features = layers.Activation("hard_swish")(layers.Conv2D(8, 3, use_bias=False)(features))
    features = layers.Activation("hard_swish")(layers.Conv2D(8, 3, use_bias=False)(features))
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(features)
    scores = layers.Dense(3, activation="softmax", name=build.SCORES)(features)
    model = keras_model.keras.Model(image, scores, name="classifier")
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "saved", "uint8")
    for name in ("float32", "int8"):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(onnx_bytes(tmp_path / "saved", name, as_pixels(photo_array), CARD))
        onnx_inspect.check_file(path, METHODS[name])
        ran = onnx_runtime.predict_file(path, as_pixels(photo_array), "onnxruntime", lambda _: None)
        assert np.abs(ran.scores - np.asarray(model(photo_array))).max() < (1e-5 if name == "float32" else 0.05)
