"""The same network in Keras 3: it predicts what Keras 2 predicts, or the layer that prevents it is named."""

import keras
import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.from_keras2.rebuild import rebuild_model
from edgetl.engines.keras2_graph import SavedCall, SavedGraph, SavedInput, SavedLayer, load_graph
from tests.engines.keras.from_keras2.conftest import FAST_NAMES
from tools.measure_keras2 import SUFFIXES, compare_model

# tf_keras cannot save these as .keras.
H5_ONLY = {"function/preprocess_caffe", "function/bgr_slice"}


def check(name, folder):
    tolerance = 2e-3 if "float16" in name else 1e-5
    for suffix, comparison in zip(SUFFIXES, compare_model(name, folder), strict=True):
        if suffix == ".keras" and name in H5_ONLY:
            continue
        assert comparison.difference <= tolerance, comparison


@pytest.mark.parametrize("name", FAST_NAMES)
def test_outputs_are_those_of_keras_2(name, zoo):
    check(name, zoo)


@pytest.mark.slow
def test_outputs_of_the_whole_zoo_are_those_of_keras_2(keras2, tmp_path):
    names = keras2("tools.keras2_zoo.list_names")
    small = [name for name in names if not name.startswith("application/")]
    # Applications with the layers that others have not, and those that were in use in 2020.
    large = ["MobileNetV3Small", "EfficientNetB0", "ResNet50", "InceptionResNetV2", "ConvNeXtTiny", "NASNetMobile"]
    chosen = [name for name in (*small, *(f"application/{name}" for name in large)) if name not in FAST_NAMES]
    keras2("tools.keras2_zoo.write_zoo", tmp_path, chosen)
    for name in chosen:
        check(name, tmp_path)


def make_graph(*layers, kwargs=None):
    """A graph of layers one after the other, on photos of 8 px."""
    calls = [
        SavedCall(layer=index, args=[{"tensor": index}], kwargs=kwargs or {}, outputs=[index + 1])
        for index in range(len(layers))
    ]
    inputs = (SavedInput(tensor=0, shape=[8, 8, 3], dtype="float32"),)
    return SavedGraph(layers=layers, calls=tuple(calls), inputs=inputs, outputs=(len(layers),))


def layer(class_name, *weights, name="x", **config):
    return SavedLayer(name=name, class_name=class_name, config=config, weights=weights)


@pytest.mark.parametrize("class_name", ["Dropout", "BatchNormalization", "RandomFlip"])
def test_layer_that_is_called_for_training_is_refused(class_name):
    graph = make_graph(layer(class_name, rate=0.5, axis=[3]), kwargs={"training": True})
    with pytest.raises(ConfigError, match=f"layer 'x' of class {class_name} is called with training=True"):
        rebuild_model(graph)


def test_layer_that_keras_3_lacks_is_named():
    with pytest.raises(ConfigError, match="layer 'x' of class LocallyConnected2D") as caught:
        rebuild_model(make_graph(layer("LocallyConnected2D")))
    assert caught.value.hint


def test_weights_of_another_shape_are_an_error_with_the_layer():
    with pytest.raises(ConfigError, match=r"layer 'x' of class Dense .* cannot be carried over"):
        rebuild_model(make_graph(layer("Dense", np.zeros((5, 2)), np.zeros(2), units=2)))


def test_names_are_those_of_the_file_without_scopes_and_unique():
    model = rebuild_model(make_graph(layer("ReLU", name="a/b"), layer("ReLU", name="a/b"), layer("ReLU", name="c.d")))
    assert [operation.name for operation in model.operations] == ["image_0", "a_b", "a_b_1", "c_d"]


def test_layers_without_effect_are_left_out():
    model = rebuild_model(make_graph(layer("RandomFlip"), layer("Dropout", noise_shape=[None, 1]), layer("ReLU")))
    assert [type(entry).__name__ for entry in model.layers] == ["InputLayer", "ReLU"]


def test_network_is_built_alike_twice(zoo):
    graph = load_graph(zoo / "network-nested.keras.graph")
    first, second = ([operation.name for operation in rebuild_model(graph).operations] for _ in range(2))
    assert first == second


def test_input_in_half_precision_becomes_float32():
    graph = SavedGraph(layers=(), calls=(), inputs=(SavedInput(tensor=0, shape=[2], dtype="float16"),), outputs=(0,))
    assert keras.backend.standardize_dtype(rebuild_model(graph).inputs[0].dtype) == "float32"
