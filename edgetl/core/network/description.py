"""A flat network as plain data: its layers in order, what each eats, its weights. Carried between two Keras versions.

In memory a `Network`; on disk network.json and weights.npz in one folder, so that nothing has to be unpickled.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = tuple[NDArray[np.float32], ...]

# A layer that multiplies and adds a number, or one a channel; Rescaling and Normalization become this.
AFFINE = "Affine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One layer.

    Args:
        name: unique in the network.
        kind: the Keras class, or `AFFINE`, whose two weights are scale and offset.
        inputs: the names of the layers it eats, in order.
        shape: of its output, without the photos' axis.
        config: what the class needs to be made again.
        weights: in the order of Keras.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Weights = ()

    @property
    def activation(self) -> str:
        """What it does to its sum: "linear" where nothing."""
        return str(self.config.get("activation", "linear"))

    def changed(self, **config: Any) -> "Node":
        """The same layer with some of its configuration changed."""
        return replace(self, config={**self.config, **config})


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in an order in which each comes after what it eats; the first is the input, the last the output."""

    nodes: tuple[Node, ...]

    def node(self, name: str) -> Node:
        """The layer of that name."""
        return next(node for node in self.nodes if node.name == name)

    def consumers(self) -> dict[str, list[Node]]:
        """For each layer those that eat its output; one that eats it twice stands there twice."""
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node)
        return found

    def replace_weights(self, weights: Mapping[str, Weights]) -> "Network":
        """The same layers, those named with other weights."""
        return Network(tuple(replace(node, weights=weights.get(node.name, node.weights)) for node in self.nodes))


def arrange_by_channel(node: Node) -> NDArray[np.float32]:
    """A layer's kernel as [numbers, output channels]; a depthwise kernel has its channels in the last two axes."""
    kernel = node.weights[0]
    axes = 2 if node.kind == "DepthwiseConv2D" else 1
    channels = int(np.prod(kernel.shape[-axes:]))
    return kernel.reshape(-1, channels)


def save_network(network: Network, folder: Path) -> None:
    """Write the network into a folder."""
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
    """The network that `save` wrote."""
    rows = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    weights = load_weights(folder / "weights.npz", [row.pop("weights") for row in rows])
    return Network(
        tuple(
            Node(**{**row, "inputs": tuple(row["inputs"]), "shape": tuple(row["shape"]), "weights": own})
            for row, own in zip(rows, weights, strict=True)
        )
    )


def save_weights(path: Path, weights: Iterable[Sequence[NDArray[Any]]]) -> None:
    """Write the arrays of some layers, in order, as .npz."""
    arrays = {f"{at:04}.{index}": array for at, own in enumerate(weights) for index, array in enumerate(own)}
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs mistake the arrays for `allow_pickle`


def load_weights(path: Path, counts: Sequence[int]) -> list[Weights]:
    """The arrays that `save_weights` wrote, for layers with so many of them each."""
    with np.load(path, allow_pickle=False) as kept:
        return [tuple(kept[f"{at:04}.{index}"] for index in range(count)) for at, count in enumerate(counts)]
