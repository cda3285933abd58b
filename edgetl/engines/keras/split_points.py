"""Where a flat network can be cut in two: after layers whose one output is all that the layers above need."""

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class SplitPoint:
    """A tensor that splits the network: everything above the step `name` is computed from it alone."""

    name: str
    tensor: Any


def find_split_points(model: keras.Model) -> list[SplitPoint]:
    """Every single-tensor cut, from the input up.

    Must be called before a submodel is made of the layers: that gives them a second place in a second graph.
    """
    # Not only layers: MobileNetV3 adds and multiplies with bare operations.
    steps = model.operations
    position = {id(step.output): index for index, step in enumerate(steps)}
    last_use = list(range(len(steps)))
    for index, step in enumerate(steps[1:], 1):
        for tensor in keras.tree.flatten(step.input):
            producer = position[id(tensor)]
            last_use[producer] = max(last_use[producer], index)
    found, furthest = [], 0
    for index, step in enumerate(steps[:-1]):
        # What was made below must not be needed above: only this step's own output may cross.
        if furthest <= index:
            found.append(SplitPoint(step.name, step.output))
        furthest = max(furthest, last_use[index])
    return found


def find_split_below(model: keras.Model, found: list[SplitPoint], trainable: list[str]) -> SplitPoint:
    """The highest cut with no trainable layer at or below it.

    Args:
        model: the network that `found` belongs to.
        found: from `cuts`, in order.
        trainable: names of the layers that will be trained.
    """
    names = [step.name for step in model.operations]
    first = min(names.index(name) for name in trainable)
    return [cut for cut in found if names.index(cut.name) < first][-1]
