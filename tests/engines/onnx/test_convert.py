"""convert.py: each file predicts what Keras does, contains its metadata, and has the same bytes in every process."""

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
from edgetl.engines.keras import build, saved_model
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import calibrate, convert, graph, inspect, runtime


@pytest.fixture
def convert_model(tmp_path, photo_array, as_pixels, metadata):
    """Return a function that converts a Keras model by some methods: method → path."""

    def run(model, names):
        keras_model.save_model(model, tmp_path / "model.keras")
        saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "saved_model", "uint8")
        source = convert.translate_saved_model(tmp_path / "saved_model")
        paths = {name: tmp_path / f"{name}.onnx" for name in names}
        for name, path in paths.items():
            method = METHODS[name]
            if method.calibrated:
                calibrated = calibrate.calibrate_model(source, as_pixels(photo_array), lambda _: None)
                path.write_bytes(calibrate.quantize_model(calibrated, method, (), metadata))
            else:
                path.write_bytes(convert.convert_graph(source, method, metadata))
        return paths

    return run


def measure_difference(path, model, photo_array, as_pixels, kernels="onnxruntime"):
    """Return the largest difference between the scores of a file and those of a Keras model."""
    scores = runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores
    return np.abs(scores - np.asarray(model(photo_array))).max()


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int8", "int8_u8s8"])
def test_files_are_valid_and_of_one_opset(onnx_files, name):
    model = graph.read_model(onnx_files[name])
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", convert.OPSET)]
    assert model.ir_version == 8 and model.producer_name == "edgetl"


@pytest.mark.parametrize(
    ("name", "tolerance"), [("float32", 1e-5), ("float16", 2e-3), ("dynamic", 0.02), ("int8", 0.05)]
)
def test_files_predict_what_keras_does(onnx_files, small_model, photo_array, as_pixels, name, tolerance):
    model = small_model()
    for kernels in ("onnxruntime", "reference"):
        assert measure_difference(onnx_files[name], model, photo_array, as_pixels, kernels) < tolerance, kernels


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_files_contain_labels_and_input_spec(onnx_files, metadata, name):
    properties = {prop.key: prop.value for prop in graph.read_model(onnx_files[name]).metadata_props}
    assert json.loads(properties["labels"]) == list(metadata.classes)
    assert (properties["side_px"], properties["fit"]) == ("32", "pad")
    assert "uint8 RGB [1, 32, 32, 3]" in properties["input"]


def test_batch_normalization_and_padding_are_folded_into_the_convolutions(onnx_files):
    operators = Counter(node.op_type for node in graph.read_model(onnx_files["float32"]).graph.node)
    assert operators["Conv"] == 3 and "BatchNormalization" not in operators and "Pad" not in operators
    # The only arithmetic left is the input scaling.
    assert (operators["Mul"], operators["Add"], operators["Transpose"]) == (1, 1, 1)


def test_smaller_dtypes_make_smaller_weights(onnx_files):
    bytes_by_name = {
        name: sum(len(tensor.raw_data) for tensor in graph.read_model(path).graph.initializer)
        for name, path in onnx_files.items()
    }
    assert bytes_by_name["float16"] < 0.52 * bytes_by_name["float32"]
    # Scales and 32-bit biases keep a small network above a quarter.
    assert bytes_by_name["dynamic"] < 0.6 * bytes_by_name["float32"]
    assert bytes_by_name["int8"] < 0.7 * bytes_by_name["float32"]


def test_a_second_export_and_conversion_give_the_same_bytes(small_model, convert_model, onnx_files):
    for name, path in convert_model(small_model(), ("float32", "int8")).items():
        assert path.read_bytes() == onnx_files[name].read_bytes(), name


_PROGRAM = """
import sys
from pathlib import Path
from edgetl.core.methods import METHODS
from edgetl.core.model_file import ModelMetadata
from edgetl.core.records import InputSpec
from edgetl.engines.onnx import convert
metadata = ModelMetadata(classes=("ant", "Gänseblümchen", "a,b"), input=InputSpec(height_px=32, width_px=32, fit="pad"))
source = convert.translate_saved_model(Path(sys.argv[1]))
Path(sys.argv[2]).write_bytes(convert.convert_graph(source, METHODS["float32"], metadata))
"""


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(onnx_files, saved_models, tmp_path):
    path = tmp_path / "model.onnx"
    command = [sys.executable, "-c", _PROGRAM, str(saved_models["uint8"]), str(path)]
    # Another order in sets of strings.
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    assert path.read_bytes() == onnx_files["float32"].read_bytes()


def test_weights_too_large_for_float16_are_an_error(small_model, convert_model):
    model = small_model()
    layer = model.get_layer(build.SCORES)
    layer.kernel.assign(np.asarray(layer.kernel) * 0 + 1e6)
    with pytest.raises(StageError, match="too large for float16: 1e\\+06"):
        convert_model(model, ("float16",))


def test_a_channel_of_zeros_is_quantized_to_zeros(small_model, convert_model, photo_array, as_pixels):
    model = small_model()
    layer = model.get_layer("conv3")
    weights = layer.kernel.numpy().copy()
    weights[..., 5] = 0
    layer.kernel.assign(weights)
    for name, path in convert_model(model, ("dynamic", "int8")).items():
        assert measure_difference(path, model, photo_array, as_pixels) < 0.05, name


def test_a_folder_without_a_saved_model_is_an_error(tmp_path):
    with pytest.raises((StageError, OSError)):
        convert.translate_saved_model(tmp_path)


@pytest.mark.parametrize("bias_initializers", [("ones", "random_normal"), ("zeros", "zeros")])
def test_a_sum_of_two_convolutions_on_one_pixel_is_kept(
    convert_model, photo_array, as_pixels, tmp_path, bias_initializers
):
    """tf2onnx merges one into the other as a bias, as in the last sums of a ResNet50 and a ResNet50V2 at 32 px."""
    layers = keras_model.keras.layers
    image = keras_model.keras.Input((32, 32, 3), dtype="uint8", name="image")
    features = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    features = layers.AveragePooling2D(32)(layers.Conv2D(8, 3, padding="same", activation="relu")(features))
    left, right = (layers.Conv2D(8, 1, bias_initializer=name)(features) for name in bias_initializers)
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(layers.ReLU()(layers.Add()([left, right])))
    scores = layers.Dense(3, activation="softmax", name=build.SCORES)(features)
    model = keras_model.keras.Model(image, scores, name="classifier")
    paths = convert_model(model, ("float32", "int8"))
    traced = convert.trace_saved_model(tmp_path / "saved_model", "serve")
    assert any("/added" in node.name for node in traced.graph.node), "tf2onnx has merged the convolutions"
    for name, tolerance in (("float32", 1e-5), ("int8", 0.05)):
        inspect.check_file(paths[name], METHODS[name])
        assert measure_difference(paths[name], model, photo_array, as_pixels) < tolerance, name


def test_a_hard_swish_needs_no_further_transposes(convert_model, photo_array, as_pixels):
    """tf2onnx does not move a Transpose through a sum with a constant of rank 0."""
    layers = keras_model.keras.layers
    image = keras_model.keras.Input((32, 32, 3), dtype="uint8", name="image")
    features = layers.Rescaling(1 / 127.5, -1.0, name=build.SCALING)(image)
    features = layers.Activation("hard_swish")(layers.Conv2D(8, 3, use_bias=False)(features))
    features = layers.Activation("hard_swish")(layers.Conv2D(8, 3, use_bias=False)(features))
    features = layers.GlobalAveragePooling2D(name=build.POOLING)(features)
    scores = layers.Dense(3, activation="softmax", name=build.SCORES)(features)
    model = keras_model.keras.Model(image, scores, name="classifier")
    paths = convert_model(model, ("float32", "int8"))
    for name, tolerance in (("float32", 1e-5), ("int8", 0.05)):
        # The check allows one Transpose.
        inspect.check_file(paths[name], METHODS[name])
        assert measure_difference(paths[name], model, photo_array, as_pixels) < tolerance, name


def test_objects_stay_frozen_if_they_were_before_a_conversion(monkeypatch):
    """Objects that a process has frozen before are left out of its later garbage collections, too."""
    frozen, calls = [0], []
    monkeypatch.setattr(convert.gc, "get_freeze_count", lambda: frozen[0])
    monkeypatch.setattr(convert.gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(convert.gc, "unfreeze", lambda: calls.append("unfreeze"))
    before = convert.gc.get_threshold()
    for frozen[0] in (0, 5):
        with convert._collect_garbage_often():
            assert convert.gc.get_threshold() != before
        assert convert.gc.get_threshold() == before
    assert calls == ["freeze", "unfreeze", "freeze"]
