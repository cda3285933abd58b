"""A network of Keras 2 as plain data: its layers with their weights, and the calls that connect them.

The child process that has Keras 2 writes it, and Keras 3 builds the same network from it. On disk it is graph.json and
arrays.npz in one folder, so that nothing has to be unpickled.

Arguments of a call are JSON. What JSON lacks is an object with one key: {"tensor": number}, {"array": number},
{"tuple": [...]}, {"slice": [start, stop, step]}, {"ellipsis": true} or {"dict": {...}}.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.storage.files import parse_json
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, open_regular, read_regular

_GRAPH, _ARRAYS = "graph.json", "arrays.npz"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedLayer:
    """A layer of the file.

    Attributes:
        name: the name in the file. Two layers of different nested models may have the same.
        class_name: class in Keras 2.
        config: arguments of the class, without initializers, regularizers and constraints.
        weights: in the order of Keras 2: trainable ones first.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    weights: tuple[np.ndarray, ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} of class {self.class_name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedCall:
    """A call of a layer.

    Attributes:
        layer: index of the layer.
        args: positional arguments, encoded.
        kwargs: keyword arguments, encoded.
        outputs: numbers of the tensors that the layer outputs.
    """

    layer: int
    args: list[Any]
    kwargs: dict[str, Any]
    outputs: list[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedInput:
    """An input of the network: the number of its tensor, its shape without the batch axis, and its dtype."""

    tensor: int
    shape: list[int | None]
    dtype: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedGraph:
    """A network without nested models, in the order in which it computes.

    Attributes:
        layers: all layers.
        calls: each call comes after those that compute its arguments.
        inputs: the inputs of the network.
        outputs: numbers of the tensors that the network outputs.
        arrays: constants among the arguments of the calls.
    """

    layers: tuple[SavedLayer, ...]
    calls: tuple[SavedCall, ...]
    inputs: tuple[SavedInput, ...]
    outputs: tuple[int, ...]
    arrays: tuple[np.ndarray, ...] = ()


def save_graph(graph: SavedGraph, folder: Path) -> None:
    """Write graph.json and arrays.npz into a folder."""
    arrays = {f"constant{number}": array for number, array in enumerate(graph.arrays)}
    layers = []
    for index, layer in enumerate(graph.layers):
        arrays |= {f"layer{index}_{number}": weight for number, weight in enumerate(layer.weights)}
        layers.append([layer.name, layer.class_name, layer.config, len(layer.weights)])
    document = {
        "layers": layers,
        "calls": [asdict(call) for call in graph.calls],
        "inputs": [asdict(entry) for entry in graph.inputs],
        "outputs": graph.outputs,
        "arrays": len(graph.arrays),
    }
    (folder / _GRAPH).write_text(json.dumps(document), encoding="utf-8")
    np.savez(folder / _ARRAYS, **arrays)  # type: ignore[arg-type]


def load_graph(folder: Path) -> SavedGraph:
    """Read what `save_graph` wrote."""
    document = parse_json(read_regular(folder / _GRAPH, LARGEST_RECORD_BYTES))
    with open_regular(folder / _ARRAYS) as file, np.load(file, allow_pickle=False) as arrays:
        layers = [
            SavedLayer(
                name=name,
                class_name=class_name,
                config=config,
                weights=tuple(arrays[f"layer{index}_{number}"] for number in range(count)),
            )
            for index, (name, class_name, config, count) in enumerate(document["layers"])
        ]
        constants = tuple(arrays[f"constant{number}"] for number in range(document["arrays"]))
    return SavedGraph(
        layers=tuple(layers),
        calls=tuple(SavedCall(**call) for call in document["calls"]),
        inputs=tuple(SavedInput(**entry) for entry in document["inputs"]),
        outputs=tuple(document["outputs"]),
        arrays=constants,
    )


def decode_argument(value: Any, read_tensor: Callable[[int], Any], arrays: tuple[np.ndarray, ...]) -> Any:
    """Decode an argument of a call.

    Args:
        value: encoded, see above.
        read_tensor: number of a tensor → the tensor.
        arrays: constants of the graph.
    """

    def decode(part: Any) -> Any:  # noqa: PLR0911  (one for each kind of value)
        match part:
            case {"tensor": int(number)}:
                return read_tensor(number)
            case {"array": int(number)}:
                return arrays[number]
            case {"slice": list(parts)}:
                return slice(*(decode(entry) for entry in parts))
            case {"ellipsis": _}:
                return Ellipsis
            case {"tuple": list(parts)}:
                return tuple(decode(entry) for entry in parts)
            case {"dict": dict(parts)}:
                return {key: decode(entry) for key, entry in parts.items()}
            case list():
                return [decode(entry) for entry in part]
        return part

    return decode(value)


def list_tensors(value: Any) -> list[int]:
    """List the numbers of the tensors in encoded arguments."""
    match value:
        case {"tensor": int(number)}:
            return [number]
        case dict():
            return [number for entry in value.values() for number in list_tensors(entry)]
        case list():
            return [number for entry in value for number in list_tensors(entry)]
    return []


def replace_layer(graph: SavedGraph, index: int, **changes: Any) -> SavedGraph:
    """Return a copy of a graph with some attributes of one layer replaced."""
    layers = list(graph.layers)
    layers[index] = replace(layers[index], **changes)
    return replace(graph, layers=tuple(layers))
