"""Values of an ONNX graph while it is rebuilt: constants, and Keras tensors with the order of their axes.

An ONNX image is [photos, channels, height, width]. Its Keras tensor has the channels last wherever that is possible,
and `channels_last` says so. All other tensors have the axes of the graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

_TO_LAST, _TO_FIRST = (2, 3, 1), (3, 1, 2)


class UnknownOperatorError(ValueError):
    """An operator, or its arguments, for which there is no layer. The message names it."""


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """A tensor that depends on the photo.

    Attributes:
        tensor: the Keras tensor, with an open number of photos.
        channels_last: whether its channels are last and those of the graph are second.
    """

    tensor: Any
    channels_last: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape in the axes of the graph, without the number of photos."""
        shape = tuple(self.tensor.shape[1:])
        return (shape[2], *shape[:2]) if self.channels_last else shape


GraphValue = GraphTensor | np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorCall:
    """A node of the graph with its inputs.

    Attributes:
        operator: its type, as in "Conv".
        name: name for the layer that it becomes.
        inputs: constants and tensors; None for an optional input that is left out.
        attributes: its attributes as Python values.
        photos: number of photos that constants of the graph are written for.
        outputs: names of its outputs.
    """

    operator: str
    name: str
    inputs: Sequence[GraphValue | None]
    attributes: Mapping[str, Any]
    photos: int
    outputs: Sequence[str]

    def tensor(self, position: int = 0) -> GraphTensor:
        """Return an input that must be a tensor."""
        value = self.inputs[position] if position < len(self.inputs) else None
        if not isinstance(value, GraphTensor):
            raise UnknownOperatorError(f"{self.operator} of a constant")
        return value

    def constant(self, position: int, default: np.ndarray | None = None) -> np.ndarray:
        """Return an input that must be a constant, or the default where it is left out."""
        value = self.inputs[position] if position < len(self.inputs) else None
        if value is None and default is not None:
            return default
        if not isinstance(value, np.ndarray):
            raise UnknownOperatorError(f"{self.operator} whose input {position} is computed")
        return value

    def image(self) -> Any:
        """Return the first input as an image: Keras tensor with the channels last."""
        value = self.tensor()
        if len(value.tensor.shape) != 4:
            raise UnknownOperatorError(f"{self.operator} in {len(value.tensor.shape) - 2} dimensions")
        return with_channels_last(value).tensor


def with_channels_last(value: GraphTensor) -> GraphTensor:
    """Return an image with its channels last."""
    return value if value.channels_last else GraphTensor(keras.layers.Permute(_TO_LAST)(value.tensor), True)


def with_graph_axes(value: GraphTensor) -> Any:
    """Return the Keras tensor with the axes of the graph."""
    return keras.layers.Permute(_TO_FIRST)(value.tensor) if value.channels_last else value.tensor


def find_tensor_axis(value: GraphTensor, axis: int) -> int:
    """Return the axis of the Keras tensor that an axis of the graph is."""
    axis %= len(value.tensor.shape)
    return (0, 3, 1, 2)[axis] if value.channels_last else axis
