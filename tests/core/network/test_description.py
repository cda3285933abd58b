"""flatnet.py: layers and weights go to disk and come back the same, without a pickle."""

import json

import numpy as np
import pytest

from edgetl.core.network import description
from edgetl.core.network.description import Network, Node

KERNEL = np.arange(24, dtype=np.float32).reshape(1, 1, 4, 6)
NET = Network(
    (
        Node(name="photo", kind="InputLayer", inputs=(), shape=(8, 8, 4)),
        Node(
            name="conv",
            kind="Conv2D",
            inputs=("photo",),
            shape=(8, 8, 6),
            config={"filters": 6, "kernel_size": [1, 1]},
            weights=(KERNEL, np.ones(6, np.float32)),
        ),
        Node(name="twice", kind="Add", inputs=("conv", "conv"), shape=(8, 8, 6)),
    )
)


def test_it_comes_back_the_same(tmp_path):
    description.save_network(NET, tmp_path)
    back = description.load_network(tmp_path)
    for given, got in zip(NET.nodes, back.nodes, strict=True):
        assert (given.name, given.kind, given.inputs, given.shape) == (got.name, got.kind, got.inputs, got.shape)
        assert dict(given.config) == dict(got.config)
        assert len(given.weights) == len(got.weights)
        for mine, theirs in zip(given.weights, got.weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert [row["weights"] for row in json.loads((tmp_path / "network.json").read_text())] == [0, 2, 0]


def test_weights_of_an_order_other_than_they_were_saved_in(tmp_path):
    description.save_weights(tmp_path / "w.npz", [(), (KERNEL,)])
    with pytest.raises(KeyError):
        description.load_weights(tmp_path / "w.npz", [1, 0])


def test_a_pickle_is_not_opened(tmp_path):
    np.savez(tmp_path / "w.npz", **{"0000.0": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        description.load_weights(tmp_path / "w.npz", [1])


def test_who_eats_what():
    eaters = NET.consumers()
    assert [node.name for node in eaters["photo"]] == ["conv"]
    assert [node.name for node in eaters["conv"]] == ["twice", "twice"]
    assert eaters["twice"] == []


def test_other_weights_for_those_named():
    other = NET.replace_weights({"conv": (KERNEL * 2,)})
    np.testing.assert_array_equal(other.node("conv").weights[0], KERNEL * 2)
    assert other.node("twice") is not None and NET.node("conv").weights[0] is KERNEL


def test_the_activation_and_a_changed_configuration():
    node = NET.node("conv")
    assert node.activation == "linear"
    assert node.changed(activation="relu").activation == "relu" and node.activation == "linear"


@pytest.mark.parametrize(
    ("kind", "shape", "channels"),
    [
        ("Conv2D", (3, 3, 4, 6), 6),
        ("Conv2D", (3, 3, 4, 1), 1),
        ("Dense", (5, 1), 1),
        ("DepthwiseConv2D", (3, 3, 4, 2), 8),
    ],
)
def test_a_kernel_by_channel(kind, shape, channels):
    kernel = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = description.arrange_by_channel(Node(name="n", kind=kind, inputs=(), shape=(channels,), weights=(kernel,)))
    assert found.shape == (kernel.size // channels, channels)
    if kind == "DepthwiseConv2D":
        np.testing.assert_array_equal(found[:, 3], kernel[:, :, 1, 1].ravel())
