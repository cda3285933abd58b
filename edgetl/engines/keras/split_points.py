"""Where a flat network can be split in two: after layers whose one output is all that the layers above need."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class SplitPoint:
    """A tensor that splits the network: everything above the operation `name` is computed from it alone."""

    name: str
    tensor: Any


def find_split_points(model: keras.Model) -> list[SplitPoint]:
    """Find every single-tensor split, from the input up.

    Call it before a submodel is made of the layers: that gives them a second node in a second graph.
    """
    # Operations, not layers: MobileNetV3 adds and multiplies with bare operations.
    operations = model.operations
    position = {id(operation.output): index for index, operation in enumerate(operations)}
    last_use = list(range(len(operations)))
    for index, operation in enumerate(operations[1:], 1):
        for tensor in keras.tree.flatten(operation.input):
            producer = position[id(tensor)]
            last_use[producer] = max(last_use[producer], index)
    points, furthest = [], 0
    for index, operation in enumerate(operations[:-1]):
        # Nothing made below may be used above, except this operation's own output.
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
