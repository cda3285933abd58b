"""Layers that cannot be used are errors with their name and the next step."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network.foreign_layers import (
    check_class,
    check_functions,
    iterate_entries,
    make_custom_error,
    read_layer,
)


def read(class_name, **config):
    return read_layer({"class_name": class_name, "config": config})


@pytest.mark.parametrize(
    ("class_name", "message", "hint"),
    [
        ("Lambda", "a Lambda layer: layer 'x' of class Lambda is Python code", "Rescaling"),
        ("PruneLowMagnitude", "wrapped by tfmot's prune_low_magnitude: layer 'x'", "strip_pruning(model)"),
        ("ClusterWeights", "wrapped by tfmot's cluster_weights", "strip_clustering(model)"),
        ("QuantizeWrapperV2", "wrapped by tfmot's quantize_model", "before quantize_model"),
        ("QuantizeAnnotate", "wrapped by tfmot's quantize_annotate_layer", "before quantize_annotate_layer"),
    ],
)
def test_class_that_cannot_be_used_is_an_error(class_name, message, hint):
    with pytest.raises(ConfigError) as caught:
        check_class(read(class_name, name="x"))
    assert message in caught.value.message and hint in caught.value.hint


def test_other_classes_pass():
    check_class(read("Dense", name="x"))


def test_custom_layer_is_named():
    error = make_custom_error(read("Mine>Gate", name="gate_1"))
    assert "layer 'gate_1' of class Mine>Gate" in error.message and error.hint


def test_layers_inside_others_are_found():
    inner = {"class_name": "Dense", "config": {"name": "inner"}}
    config = {"class_name": "TimeDistributed", "config": {"name": "outer", "layer": inner, "others": [inner]}}
    assert [layer.name for layer in iterate_entries(config)] == ["outer", "inner", "inner"]


def test_list_of_layers_has_no_name():
    layer = read_layer({"class_name": "Sequential", "config": []})
    assert str(layer) == "a layer of class Sequential" and layer.config == {}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"module": "builtins", "class_name": "function", "config": "swishish"}, "function 'swishish'"),
        ({"class_name": "__lambda__", "config": {"value": ["4wE", None, None]}}, "a lambda"),
        ({"value": ["4wE", None, None]}, "a lambda"),
        ({"module": None, "class_name": "Init", "config": {}, "registered_name": "mine>Init"}, "'Init'"),
    ],
)
def test_custom_function_is_named(value, name):
    with pytest.raises(ConfigError) as caught:
        check_functions(read("Dense", name="scores", activation=value))
    assert caught.value.message.startswith(f"layer 'scores' of class Dense has a custom activation: {name}")
    assert "with a activation" not in caught.value.hint


def test_functions_of_keras_pass():
    initializer = {"module": "keras.initializers", "class_name": "GlorotUniform", "config": {}, "registered_name": None}
    check_functions(read("Dense", name="x", activation="silu", kernel_initializer=initializer, units=4))
