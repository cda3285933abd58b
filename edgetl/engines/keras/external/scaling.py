"""Scaling of an external model's input: built into its first layers, or applied to the photos before it."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from edgetl.core.network.input_scaling import Affine, InputScaling
from edgetl.engines.keras import rescaling


@dataclass(frozen=True, slots=True)
class BuiltInScaling:
    """The Rescaling and Normalization layers directly after a model's input, merged into one.

    Attributes:
        affine: scale and offset.
        output: the tensor that the last of these layers outputs.
    """

    affine: Affine
    output: Any


def has_built_in_scaling(model: keras.Model) -> bool:
    """Return whether a model scales its input, in its own first layers or in those of a network nested in it."""
    if find_built_in_scaling(model) is not None:
        return True
    consumers = list_consumers(model, model.inputs[0])
    nested = consumers[0].operation if len(consumers) == 1 else None
    return isinstance(nested, keras.Model) and has_built_in_scaling(make_functional(nested))


def find_built_in_scaling(model: keras.Model) -> BuiltInScaling | None:
    """Find the scaling layers directly after the input and merge them; None if there are none."""
    tensor, scale, offset = model.inputs[0], np.array(1.0), np.array(0.0)
    while len(consumers := list_consumers(model, tensor)) == 1:
        affine = read_affine(consumers[0].operation)
        if affine is None:
            break
        # (x * scale + offset) * s + o = x * (scale * s) + (offset * s + o)
        scale, offset = scale * affine[0], offset * affine[0] + affine[1]
        tensor = consumers[0].outputs[0]
    if tensor is model.inputs[0]:
        return None
    return BuiltInScaling(Affine(_to_floats(scale), _to_floats(offset)), tensor)


def apply_scaling(pixels: np.ndarray, scaling: InputScaling) -> np.ndarray:
    """Scale photos as the model in the file needs them.

    Args:
        pixels: uint8 RGB [photos, height, width, 3].
        scaling: scale, offset and channel order.

    Returns:
        float32 [photos, height, width, 3].
    """
    scale, offset = (np.asarray(value, np.float32) for value in (scaling.affine.scale, scaling.affine.offset))
    scaled = pixels.astype(np.float32) * scale + offset
    # Scale and offset are in the order RGB, so the channels are reversed last.
    return scaled[..., ::-1] if scaling.bgr else scaled


def list_consumers(model: keras.Model, tensor: Any) -> list[Any]:
    """List the nodes of a model that consume a tensor: each is one call of an operation, with its `outputs`."""
    # A layer of a Sequential model has been called several times, and only one of its nodes belongs to the model.
    nodes = (node for nodes in model._nodes_by_depth.values() for node in nodes)
    return [node for node in nodes if any(consumed is tensor for consumed in node.input_tensors)]


def make_functional(model: keras.Model) -> keras.Model:
    """Rebuild a nested model, Sequential or functional, as a functional model of the same layers."""
    return keras.Model(model.inputs, model.outputs)


def read_affine(operation: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return scale and offset of a scaling layer, float64 of shape [] or [3]; None for any other operation."""
    if isinstance(operation, keras.layers.Rescaling):
        affine = np.asarray(operation.scale, np.float64), np.asarray(operation.offset, np.float64)
    elif isinstance(operation, keras.layers.Normalization) and not operation.invert:
        affine = rescaling.read_normalization(operation)
    else:
        return None
    # Anything but one value or one for each channel depends on the position in the photo.
    return affine if all(value.shape in ((), (3,)) for value in affine) else None


def _to_floats(value: np.ndarray) -> float | tuple[float, ...]:
    return float(value) if value.ndim == 0 else tuple(value.tolist())
