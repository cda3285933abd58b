"""layer_names.py: layers of a configuration, and the layer that an operator of a converted file belongs to."""

import json
from zipfile import ZipFile

import pytest

from edgetl.core.network.layer_names import NamedLayer, describe_names, find_layer, list_layers, read_layers


def make_layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, **config}}


def make_model(name, *layers):
    return {"class_name": "Functional", "config": {"name": name, "layers": list(layers)}, "registered_name": None}


MODEL = make_model(
    "classifier",
    make_layer("InputLayer", "image"),
    make_model(
        "body",
        make_layer("Conv2D", "conv", activation="relu"),
        make_layer("LayerNormalization", "norm"),
        make_layer("Bidirectional", "both", layer=make_layer("LSTM", "lstm", activation="tanh")),
        make_layer("Dense", "hidden", activation="gelu"),
        make_layer("Activation", "act", activation={"class_name": "function", "config": "elu"}),
        make_layer("Conv2D", "leaky", activation={"class_name": "LeakyReLU", "config": {"negative_slope": 0.2}}),
    ),
    make_layer("Dense", "scores", activation="softmax"),
)


def test_layers_of_models_inside_models_are_listed_with_what_they_wrap_and_their_activation():
    assert [(str(layer), layer.common) for layer in list_layers(MODEL)] == [
        ("InputLayer 'image'", True),
        ("Conv2D 'conv'", True),
        ("LayerNormalization 'norm'", False),
        ("Bidirectional(LSTM) 'both'", False),
        ("Dense(gelu) 'hidden'", False),
        ("Activation(elu) 'act'", False),
        ("Conv2D(LeakyReLU) 'leaky'", False),
        ("Dense 'scores'", True),
    ]


def test_layers_are_read_from_an_archive(tmp_path):
    with ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(MODEL))
    assert read_layers(tmp_path / "model.keras") == tuple(list_layers(MODEL))


LAYERS = tuple(NamedLayer(name, "Dense", common=True) for name in ("norm", "dense", "dense_1", "block_2_expand", "mha"))


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        ("classifier_1/body_1/norm_1/add", "norm"),
        ("norm/Neg", "norm"),
        # TensorFlow appends one number to each name.
        ("classifier_1/body_1/dense_1/MatMul", "dense"),
        ("classifier_1/body_1/dense_1_1/MatMul", "dense_1"),
        ("classifier_1/body_1/block_2_expand_1/Conv2D", "block_2_expand"),
        # The layer, and not its sublayer.
        ("classifier_1/body_1/mha_1/dense_1/einsum/MatMul", "mha"),
        # The first of the names of a fused operator that has a layer.
        ("arith.constant;classifier_1/dense_1/BiasAdd;classifier_1/norm_1/add", "dense"),
        ("mha/MatMul#2", "mha"),
        ("tfl.dequantize", None),
        ("classifier_1/normal_1/add", None),
    ],
)
def test_layer_of_an_operator_is_found_by_its_name(tensor, name):
    layer = find_layer(tensor, LAYERS)
    assert (layer.name if layer else None) == name


def test_only_the_first_different_names_are_listed():
    assert describe_names(["a", "b", "a"]) == "a, b"
    assert describe_names("abcde") == "a, b, c and 2 more"
