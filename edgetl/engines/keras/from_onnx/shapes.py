"""Operators of ONNX that move or select values → Keras layers."""

from math import prod

import keras

from edgetl.engines.keras.from_onnx.values import (
    GraphTensor,
    GraphValue,
    OperatorCall,
    UnknownOperatorError,
    find_tensor_axis,
    with_channels_last,
    with_graph_axes,
)

layers, ops = keras.layers, keras.ops
_REDUCTIONS = {"ReduceMean": ops.mean, "ReduceMax": ops.max, "ReduceMin": ops.min, "ReduceSum": ops.sum}
# Reductions over rows and columns for which there is a layer.
_POOLINGS = {"ReduceMean": layers.GlobalAveragePooling2D, "ReduceMax": layers.GlobalMaxPooling2D}


def pass_on(call: OperatorCall) -> GraphValue:
    """Identity, Dropout, and Cast between numbers: the values stay the same."""
    return call.tensor()


def make_transpose(call: OperatorCall) -> GraphValue:
    """Transpose. Between the two orders of an image nothing has to be moved."""
    value = call.tensor()
    rank = len(value.tensor.shape)
    order = tuple(call.attributes.get("perm", reversed(range(rank))))
    if order == (0, 3, 1, 2) and not value.channels_last:
        return GraphTensor(value.tensor, True)
    if order == (0, 2, 3, 1) and value.channels_last:
        return GraphTensor(value.tensor)
    if order[0] != 0:
        raise UnknownOperatorError(f"Transpose of photos with the order {list(order)}")
    return GraphTensor(layers.Permute(order[1:], name=call.name)(with_graph_axes(value)))


def make_flatten(call: OperatorCall) -> GraphValue:
    """Flatten from the first axis after the photos."""
    value = call.tensor()
    if call.attributes.get("axis", 1) != 1:
        raise UnknownOperatorError(f"Flatten from axis {call.attributes['axis']}")
    return _reshape(call, value, (prod(value.shape),))


def make_reshape(call: OperatorCall) -> GraphValue:
    """Reshape to a constant shape that keeps the photos apart."""
    value = call.tensor()
    shape = call.constant(1).astype(int).tolist()
    if not shape or shape[0] not in (call.photos, 0, -1):
        raise UnknownOperatorError(f"Reshape of photos to {shape}")
    # In ONNX, 0 is the length before, and -1 what remains.
    target = [value.shape[axis] if length == 0 else length for axis, length in enumerate(shape[1:])]
    if -1 in target:
        known = -prod(target)
        target[target.index(-1)] = prod(value.shape) // known
    if prod(target) != prod(value.shape):
        raise UnknownOperatorError(f"Reshape of photos to {shape}")
    return _reshape(call, value, tuple(target))


def make_squeeze(call: OperatorCall) -> GraphValue:
    """Squeeze, and Unsqueeze, of other axes than the photos."""
    value = call.tensor()
    axes = call.constant(1).astype(int).tolist() if len(call.inputs) > 1 else list(call.attributes.get("axes", ()))
    shape = [1, *value.shape]
    if call.operator == "Squeeze":
        axes = [axis % len(shape) for axis in axes] or [axis for axis, length in enumerate(shape) if length == 1][1:]
        target = [length for axis, length in enumerate(shape) if axis not in axes]
    else:
        rank = len(shape) + len(axes)
        axes = [axis % rank for axis in axes]
        rest = iter(shape)
        target = [1 if axis in axes else next(rest) for axis in range(rank)]
    if 0 in axes:
        raise UnknownOperatorError(f"{call.operator} of the photos")
    return _reshape(call, value, tuple(target[1:]))


def make_concatenation(call: OperatorCall) -> GraphValue:
    """Concat of tensors, along any axis but that of the photos."""
    values = [call.tensor(position) for position in range(len(call.inputs))]
    rank = len(values[0].tensor.shape)
    axis = call.attributes["axis"] % rank
    if axis == 0:
        raise UnknownOperatorError("Concat of photos")
    last = rank == 4 and any(value.channels_last for value in values)
    # Axes of the graph → axes of an image with the channels last.
    place = {1: 3, 2: 1, 3: 2}[axis] if last else axis
    tensors = [with_channels_last(value).tensor if last else with_graph_axes(value) for value in values]
    return GraphTensor(layers.Concatenate(place, name=call.name)(tensors), last)


def reduce_tensor(call: OperatorCall) -> GraphValue:
    """ReduceMean, ReduceMax, ReduceMin and ReduceSum over any axes but that of the photos."""
    value = call.tensor()
    rank = len(value.tensor.shape)
    axes = call.constant(1).astype(int).tolist() if len(call.inputs) > 1 else list(call.attributes.get("axes", ()))
    axes = sorted(axis % rank for axis in axes)
    keeps = bool(call.attributes.get("keepdims", 1))
    if 0 in axes or not axes:
        raise UnknownOperatorError(f"{call.operator} over the photos")
    image = rank == 4 and axes == ([2, 3] if value.channels_last else [1, 2])
    if image and call.operator in _POOLINGS:
        output = _POOLINGS[call.operator](keepdims=keeps, name=call.name)(value.tensor)
        return GraphTensor(output, value.channels_last and keeps)
    function = _REDUCTIONS[call.operator]
    if value.channels_last and keeps:
        places = tuple(find_tensor_axis(value, axis) for axis in axes)
        return GraphTensor(function(value.tensor, axis=places, keepdims=True), True)
    return GraphTensor(function(with_graph_axes(value), axis=tuple(axes), keepdims=keeps))


def make_product(call: OperatorCall) -> GraphValue:
    """MatMul of two tensors."""
    return GraphTensor(keras.ops.matmul(with_graph_axes(call.tensor(0)), with_graph_axes(call.tensor(1))))


def _reshape(call: OperatorCall, value: GraphTensor, target: tuple[int, ...]) -> GraphTensor:
    if tuple(value.shape) == target:
        return value
    # With one row and one column, the order of the axes makes no difference.
    single = value.channels_last and prod(value.shape[1:]) == 1
    tensor = value.tensor if single else with_graph_axes(value)
    return GraphTensor(layers.Reshape(target, name=call.name)(tensor))
