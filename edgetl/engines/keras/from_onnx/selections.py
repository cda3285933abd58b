"""Operators of ONNX that take parts of a tensor, or bring an image to another size → Keras layers and operations."""

from typing import Any

import keras
import numpy as np

from edgetl.engines.keras.from_onnx.values import (
    GraphTensor,
    GraphValue,
    OperatorCall,
    UnknownOperatorError,
    find_tensor_axis,
    with_graph_axes,
)

layers, ops = keras.layers, keras.ops
# Modes of Resize that Keras's Resizing computes, with its half-pixel centres: (mode, coordinates, rounding).
_INTERPOLATIONS = {
    ("linear", "half_pixel", ""): "bilinear",
    ("linear", "pytorch_half_pixel", ""): "bilinear",
    ("nearest", "half_pixel", "round_prefer_ceil"): "nearest",
    ("nearest", "tf_half_pixel_for_nn", "floor"): "nearest",
}
# Rounds every coordinate of an image that becomes a whole number of times larger to the same pixel.
_WHOLE_FACTORS = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")}


def split_graph_tensor(call: OperatorCall) -> list[GraphValue]:
    """Split along any axis but that of the photos."""
    value, axis = call.tensor(), _read_axis(call, call.attributes.get("axis", 0))
    length, count = value.tensor.shape[axis], len(call.outputs)
    even = np.full(count, -(-length // count))
    even[-1] -= even.sum() - length
    # Before opset 13, the sizes are an attribute.
    sizes = call.constant(1, np.array(call.attributes.get("split", even))).astype(int)
    tensors = ops.split(value.tensor, np.cumsum(sizes)[:-1].tolist(), axis=axis)
    return [GraphTensor(tensor, value.channels_last) for tensor in tensors]


def slice_tensor(call: OperatorCall) -> GraphValue:
    """Slice with constant bounds, in steps of any sign."""
    value = call.tensor()
    # Before opset 10, the bounds are attributes.
    first, last = (
        call.constant(position, np.array(call.attributes.get(name, ())))
        for position, name in ((1, "starts"), (2, "ends"))
    )
    axes = call.constant(3, np.array(call.attributes.get("axes", range(len(first)))))
    steps = call.constant(4, np.ones(len(first), int))
    tensor = value.tensor
    for axis, start, end, step in zip(axes, first, last, steps, strict=True):
        place = _read_axis(call, int(axis))
        chosen = range(tensor.shape[place])[slice(int(start), _read_end(int(end), int(step)), int(step))]
        tensor = _take(tensor, chosen, place)
    return GraphTensor(tensor, value.channels_last)


def gather_values(call: OperatorCall) -> GraphValue:
    """Gather with constant indices along any axis but that of the photos."""
    value, indices = call.tensor(), call.constant(1).astype(int)
    axis = _read_axis(call, call.attributes.get("axis", 0))
    if indices.ndim == 1:
        return GraphTensor(_take(value.tensor, indices.tolist(), axis), value.channels_last)
    if indices.ndim > 1:
        raise UnknownOperatorError(f"Gather with indices of shape {list(indices.shape)}")
    row = with_graph_axes(GraphTensor(_take(value.tensor, [int(indices)], axis), value.channels_last))
    # One index takes its axis away.
    return GraphTensor(ops.squeeze(row, call.attributes.get("axis", 0)))


def resize_image(call: OperatorCall) -> GraphValue:
    """Resize of rows and columns with constant sizes or factors: nearest or bilinear."""
    image = call.image()
    rows, columns = _read_target(call, image)
    mode = str(call.attributes.get("mode", "nearest"))
    coordinates = str(call.attributes.get("coordinate_transformation_mode", "half_pixel"))
    rounding = str(call.attributes.get("nearest_mode", "round_prefer_floor")) if mode == "nearest" else ""
    if call.operator == "Upsample":
        coordinates, rounding = "asymmetric", "floor" if mode == "nearest" else ""
    if mode == "nearest" and (coordinates, rounding) in _WHOLE_FACTORS:
        if rows % image.shape[1] or columns % image.shape[2]:
            raise UnknownOperatorError(f"{call.operator} of mode nearest, {coordinates}, by a factor that is not whole")
        factors = (rows // image.shape[1], columns // image.shape[2])
        return GraphTensor(layers.UpSampling2D(factors, interpolation="nearest", name=call.name)(image), True)
    interpolation = _INTERPOLATIONS.get((mode, coordinates, rounding))
    if interpolation is None or call.attributes.get("antialias", 0):
        raise UnknownOperatorError(f"{call.operator} of mode {mode}, {coordinates}")
    return GraphTensor(layers.Resizing(rows, columns, interpolation, name=call.name)(image), True)


def _read_target(call: OperatorCall, image: Any) -> tuple[int, int]:
    """Return the new height and width of an image."""
    # Resize has a region, factors and sizes since opset 11; Upsample, and Resize of opset 10, have factors alone.
    factors = call.constant(2 if len(call.inputs) > 2 else 1, np.ones(0))
    sizes = call.constant(3, np.ones(0)).astype(int).tolist()
    if not sizes and len(factors) == 4:
        lengths = (1, image.shape[3], *image.shape[1:3])
        sizes = [int(np.floor(length * factor)) for length, factor in zip(lengths, factors, strict=True)]
    if len(sizes) == 4 and sizes[1] == image.shape[3]:
        return sizes[2], sizes[3]
    raise UnknownOperatorError(f"{call.operator} to the sizes {sizes}")


def _take(tensor: Any, places: Any, axis: int) -> Any:
    """Take places along an axis: by a slice where they have one step, which devices do without an index."""
    whole = range(tensor.shape[axis])
    chosen = [whole[place] for place in places]
    if chosen == list(whole):
        return tensor
    if chosen == list(reversed(whole)):
        return ops.flip(tensor, axis)
    step = chosen[1] - chosen[0] if len(chosen) > 1 else 1
    if step > 0 and chosen == list(range(chosen[0], chosen[-1] + 1, step)):
        return tensor[(slice(None),) * axis + (slice(chosen[0], chosen[-1] + 1, step),)]
    return ops.take(tensor, chosen, axis=axis)


def _read_axis(call: OperatorCall, axis: int) -> int:
    """Return the axis of the Keras tensor for an axis of the graph."""
    place = find_tensor_axis(call.tensor(), axis)
    if place == 0:
        raise UnknownOperatorError(f"{call.operator} of photos")
    return place


def _read_end(end: int, step: int) -> int | None:
    """Return the end of a slice. In ONNX, an end far below 0 includes the first value of a backward slice."""
    return None if step < 0 and end < -(2**30) else end
