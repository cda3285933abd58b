"""description.py: a network is written and read back without pickle, and its layers are found and replaced."""

import json

import numpy as np
import pytest

from edgetl.core.network import description
from edgetl.core.network.description import Network, Node

WEIGHTS = np.arange(24, dtype=np.float32).reshape(1, 1, 4, 6)
NETWORK = Network(
    (
        Node(name="photo", kind="InputLayer", inputs=(), shape=(8, 8, 4)),
        Node(
            name="conv",
            kind="Conv2D",
            inputs=("photo",),
            shape=(8, 8, 6),
            config={"filters": 6, "kernel_size": [1, 1]},
            weights=(WEIGHTS, np.ones(6, np.float32)),
        ),
        Node(name="double", kind="Add", inputs=("conv", "conv"), shape=(8, 8, 6)),
    )
)


def test_network_is_read_back(tmp_path):
    description.save_network(NETWORK, tmp_path)
    loaded = description.load_network(tmp_path)
    for node, copy in zip(NETWORK.nodes, loaded.nodes, strict=True):
        assert (node.name, node.kind, node.inputs, node.shape) == (copy.name, copy.kind, copy.inputs, copy.shape)
        assert dict(node.config) == dict(copy.config)
        for array, array_copy in zip(node.weights, copy.weights, strict=True):
            np.testing.assert_array_equal(array, array_copy)
    assert [row["weights"] for row in json.loads((tmp_path / "network.json").read_text())] == [0, 2, 0]


def test_weights_of_other_layers_than_saved_are_an_error(tmp_path):
    description.save_weights(tmp_path / "w.npz", [(), (WEIGHTS,)])
    with pytest.raises(KeyError):
        description.load_weights(tmp_path / "w.npz", [1, 0])


def test_pickled_weights_are_not_loaded(tmp_path):
    np.savez(tmp_path / "w.npz", **{"0000.0": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        description.load_weights(tmp_path / "w.npz", [1])


def test_consumers_are_listed_once_for_each_input():
    names = {name: [node.name for node in nodes] for name, nodes in NETWORK.consumers().items()}
    assert names == {"photo": ["conv"], "conv": ["double", "double"], "double": []}


def test_only_weights_of_named_layers_are_replaced():
    replaced = NETWORK.replace_weights({"conv": (WEIGHTS * 2,)})
    np.testing.assert_array_equal(replaced.node("conv").weights[0], WEIGHTS * 2)
    assert replaced.node("double") == NETWORK.node("double")
    assert NETWORK.node("conv").weights[0] is WEIGHTS, "the original has changed"


def test_replaced_configuration_leaves_the_original_unchanged():
    node = NETWORK.node("conv")
    assert node.activation == "linear"
    assert node.replace_config(activation="relu").activation == "relu"
    assert node.activation == "linear" and "activation" not in node.config


@pytest.mark.parametrize(
    ("kind", "shape", "channels"),
    [
        ("Conv2D", (3, 3, 4, 6), 6),
        ("Conv2D", (3, 3, 4, 1), 1),
        ("Dense", (5, 1), 1),
        ("DepthwiseConv2D", (3, 3, 4, 2), 8),
    ],
)
def test_weights_are_arranged_by_output_channel(kind, shape, channels):
    weights = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    node = Node(name="n", kind=kind, inputs=(), shape=(channels,), weights=(weights,))
    assert description.arrange_by_channel(node).shape == (weights.size // channels, channels)


def test_channels_of_depthwise_weights_are_input_channels_times_depth_multiplier():
    weights = np.arange(72, dtype=np.float32).reshape(3, 3, 4, 2)
    node = Node(name="n", kind="DepthwiseConv2D", inputs=(), shape=(8,), weights=(weights,))
    np.testing.assert_array_equal(description.arrange_by_channel(node)[:, 3], weights[:, :, 1, 1].ravel())
