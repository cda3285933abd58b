"""Split points of a flat network: tensors from which alone everything above them can be computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class SplitPoint:
    """A split point: everything above the operation `name` is computed from its output `tensor` alone."""

    name: str
    tensor: Any


def find_split_points(model: keras.Model) -> list[SplitPoint]:
    """Find all split points of a network, from the input up.

    Call it before a submodel is made: a submodel gives its layers a second node in a second graph.
    """
    # Operations, not layers: MobileNetV3 adds and multiplies with bare operations.
    operations = model.operations
    position = {id(operation.output): index for index, operation in enumerate(operations)}
    last_use = list(range(len(operations)))
    for index, operation in enumerate(operations[1:], 1):
        for tensor in keras.tree.flatten(operation.input):
            producer = position[id(tensor)]
            last_use[producer] = max(last_use[producer], index)
    # `furthest` is the index of the highest operation that consumes a tensor from below the current operation.
    points, furthest = [], 0
    for index, operation in enumerate(operations[:-1]):
        # No tensor from below is used above, except the output of this operation.
        if furthest <= index:
            points.append(SplitPoint(operation.name, operation.output))
        furthest = max(furthest, last_use[index])
    return points


def find_split_below(model: keras.Model, points: Sequence[SplitPoint], trainable: Sequence[str]) -> SplitPoint:
    """Find the highest split point with no trainable layer at or below it.

    Args:
        model: the network of `points`.
        points: from `find_split_points`, in order.
        trainable: names of the layers that will be trained.
    """
    names = [operation.name for operation in model.operations]
    first = min(names.index(name) for name in trainable)
    return [point for point in points if names.index(point.name) < first][-1]
