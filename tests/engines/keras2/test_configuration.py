"""Configurations of Keras 2: one style, no names of modules, and every class, function and activation is checked."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras2.configuration import normalize_config


def sequential(*layers, **config):
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers), **config}}


def layer(class_name, **config):
    return {"class_name": class_name, "config": {"name": "x", **config}}


def normalize(entry):
    return normalize_config(sequential(entry))["config"]["layers"][0]


def test_modules_and_shapes_of_keras_2_13_are_left_out():
    entry = layer("Dense", units=2) | {"module": "keras.layers", "registered_name": None, "build_config": {}}
    assert normalize(entry) == {"class_name": "Dense", "config": {"name": "x", "units": 2}}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("kernel_initializer", {"class_name": "Mine>Init", "config": {}}, "zeros"),
        ("kernel_regularizer", {"class_name": "L2", "config": {"l2": 0.1}, "module": "keras.regularizers"}, None),
        ("bias_constraint", {"class_name": "Custom>Bound", "config": {}}, None),
        ("dtype", {"class_name": "Policy", "config": {"name": "mixed_float16"}, "module": "keras"}, "mixed_float16"),
        ("dtype", {"class_name": "PolicyV1", "config": {"name": "infer", "loss_scale": None}}, None),
        ("max_value", {"type": "ndarray", "value": 6.0}, 6.0),
        ("activation", {"class_name": "function", "config": "relu", "module": "builtins"}, "relu"),
        ("shape", {"class_name": "TensorShape", "items": [None, 2]}, [None, 2]),
        ("size", {"class_name": "__tuple__", "items": [1, 2]}, [1, 2]),
        ("mean", {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}, [1.0]),
        ("index", {"class_name": "__ellipsis__"}, Ellipsis),
        ("batch_input_shape", [None, 8, 8, 3], [None, 8, 8, 3]),
    ],
)
def test_value_is_brought_into_one_style(key, value, expected):
    assert normalize(layer("Dense", **{key: value}))["config"][key] == expected


@pytest.mark.parametrize(
    ("old", "new"), [("BatchNormalizationV1", "BatchNormalization"), ("CuDNNLSTM", "LSTM"), ("LSTMV2", "LSTM")]
)
def test_old_name_of_a_class_is_replaced(old, new):
    assert normalize(layer(old))["class_name"] == new


@pytest.mark.parametrize(
    ("entry", "expected"),
    [(layer("CuDNNGRU"), True), (layer("GRU"), False), (layer("GRU", reset_after=True), True)],
)
def test_gru_of_old_files_resets_before(entry, expected):
    assert normalize(entry)["config"]["reset_after"] is expected


def test_layers_of_a_list_are_checked():
    config = {"class_name": "Sequential", "config": [layer("Dense", units=2)]}
    assert normalize_config(config)["config"][0]["class_name"] == "Dense"


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (layer("Lambda"), "Lambda layer: layer 'x' of class Lambda"),
        (layer("Custom>Gate"), "a custom layer: layer 'x' of class Custom>Gate"),
        (
            layer("Attend") | {"module": "mine", "registered_name": "Attend"},
            "a custom layer: layer 'x' of class Attend",
        ),
        (layer("get_file") | {"module": "keras.utils"}, "a custom layer: layer 'x' of class get_file"),
        (layer("LocallyConnected2D"), "layer 'x' of class LocallyConnected2D, which Keras 3 lacks"),
        (layer("PruneLowMagnitude"), "wrapped by tfmot's prune_low_magnitude"),
        (layer("TimeDistributed", layer=layer("Mine")), "a custom layer: layer 'x' of class Mine"),
        (layer("Dense", activation="mine"), "a custom activation: 'mine' of layer 'x' of class Dense"),
        (layer("Dense", activation={"value": ["4wE=", None, None]}), "a custom activation: a lambda of layer 'x'"),
        (layer("Dense", activation=layer("__lambda__")), "Lambda"),
        (layer("TFOpLambda", function="io.write_file"), r"the function tf\.io\.write_file \(layer 'x'"),
        (layer("TFOpLambda", function="numpy_function"), r"tf\.numpy_function"),
        (layer("TensorFlowOpLayer", node_def={"op": "WriteFile"}), "the operator WriteFile"),
        (layer("TensorFlowOpLayer", node_def="\n\x04name"), "unreadable definition"),
    ],
)
def test_code_is_refused_by_the_name_of_the_layer(entry, match):
    with pytest.raises(ConfigError, match=match) as caught:
        normalize(entry)
    assert caught.value.hint


def test_subclassed_model_is_refused():
    with pytest.raises(ConfigError, match="the model is of class MyNet"):
        normalize_config({"class_name": "MyNet", "config": {}})
