"""A network as plain data: its layers in order, their inputs and weights. It carries models from Keras 3 to Keras 2.

In memory it is a `Network`; on disk network.json and weights.npz in one folder, so that nothing has to be unpickled.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = tuple[NDArray[np.float32], ...]

# A layer that multiplies by a scale and adds an offset, each a scalar or one number for each channel.
# Rescaling and Normalization are described by it.
AFFINE = "Affine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A layer.

    Attributes:
        name: unique in the network.
        kind: class name in Keras, or `AFFINE`, whose two weights are scale and offset.
        inputs: names of the layers whose outputs it consumes, in order.
        shape: shape of its output, without the batch axis.
        config: the part of Keras's configuration that is needed to build the layer again.
        weights: in Keras's order.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Weights = ()

    @property
    def activation(self) -> str:
        """The activation inside the layer; "linear" if there is none."""
        return str(self.config.get("activation", "linear"))

    def replace_config(self, **config: Any) -> "Node":
        """Return a copy of the layer with some entries of its configuration replaced."""
        return replace(self, config={**self.config, **config})


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in topological order; the first is the input, the last the output."""

    nodes: tuple[Node, ...]

    def node(self, name: str) -> Node:
        """Return the layer of that name."""
        return next(node for node in self.nodes if node.name == name)

    def consumers(self) -> dict[str, list[Node]]:
        """Map each layer to the layers that consume its output; a layer that consumes it twice is listed twice."""
        consumers: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                consumers[name].append(node)
        return consumers

    def replace_weights(self, weights: Mapping[str, Weights]) -> "Network":
        """Return a copy of the network with the weights of some layers replaced."""
        return Network(tuple(replace(node, weights=weights.get(node.name, node.weights)) for node in self.nodes))


def arrange_by_channel(node: Node) -> NDArray[np.float32]:
    """Reshape the weights of a convolution or dense layer to [weights, output channels]."""
    weights = node.weights[0]
    # The output channels of depthwise weights are the last two axes: input channel and depth multiplier.
    axes = 2 if node.kind == "DepthwiseConv2D" else 1
    channels = int(np.prod(weights.shape[-axes:]))
    return weights.reshape(-1, channels)


def save_network(network: Network, folder: Path) -> None:
    """Write network.json and weights.npz into a folder."""
    rows = [
        {
            "name": node.name,
            "kind": node.kind,
            "inputs": node.inputs,
            "shape": node.shape,
            "config": dict(node.config),
            "weights": len(node.weights),
        }
        for node in network.nodes
    ]
    (folder / "network.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    save_weights(folder / "weights.npz", [node.weights for node in network.nodes])


def load_network(folder: Path) -> Network:
    """Read the network that `save_network` wrote."""
    rows = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    layers = load_weights(folder / "weights.npz", [row.pop("weights") for row in rows])
    return Network(
        tuple(
            Node(**{**row, "inputs": tuple(row["inputs"]), "shape": tuple(row["shape"]), "weights": weights})
            for row, weights in zip(rows, layers, strict=True)
        )
    )


def save_weights(path: Path, layers: Iterable[Sequence[NDArray[Any]]]) -> None:
    """Write the weights of some layers, in order, as .npz."""
    arrays = {
        _name_array(layer, index): array for layer, weights in enumerate(layers) for index, array in enumerate(weights)
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs mistake the arrays for `allow_pickle`


def load_weights(path: Path, counts: Sequence[int]) -> list[Weights]:
    """Read the weights that `save_weights` wrote.

    Args:
        path: the .npz file.
        counts: number of arrays of each layer.
    """
    with np.load(path, allow_pickle=False) as arrays:
        return [
            tuple(arrays[_name_array(layer, index)] for index in range(count)) for layer, count in enumerate(counts)
        ]


def _name_array(layer: int, index: int) -> str:
    return f"{layer:04}.{index}"
