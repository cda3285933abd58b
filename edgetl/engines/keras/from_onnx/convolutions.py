"""Operators of ONNX that slide over an image or multiply by weights → Keras layers with these weights."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from edgetl.engines.keras.from_onnx.values import GraphTensor, GraphValue, OperatorCall, UnknownOperatorError

layers = keras.layers


def make_convolution(call: OperatorCall) -> GraphValue:
    """Conv: an ordinary, a grouped or a depthwise convolution."""
    image, kernel = call.image(), call.constant(1)
    bias = call.constant(2, np.zeros(kernel.shape[0], np.float32))
    groups, channels = call.attributes.get("group", 1), image.shape[-1]
    strides, dilations = _read_pair(call, "strides"), _read_pair(call, "dilations")
    image, padding = _pad(call, image, (kernel.shape[2], kernel.shape[3]))
    # Keras refuses strides together with dilations, and depthwise strides that differ.
    if (max(strides) > 1 and max(dilations) > 1) or kernel.ndim != 4:
        raise UnknownOperatorError(f"Conv with strides {strides} and dilations {dilations}")
    arguments = {"strides": strides, "dilation_rate": dilations, "padding": padding, "name": call.name}
    size = kernel.shape[2:]
    if groups == channels > 1 and strides[0] == strides[1]:
        multiplier = kernel.shape[0] // channels
        layer = layers.DepthwiseConv2D(size, depth_multiplier=multiplier, **arguments)
        weights = kernel.reshape(channels, multiplier, *size).transpose(2, 3, 0, 1)
    else:
        layer = layers.Conv2D(kernel.shape[0], size, groups=groups, **arguments)
        weights = kernel.transpose(2, 3, 1, 0)
    output = layer(image)
    layer.set_weights([weights, bias])
    return GraphTensor(output, True)


def make_transposed_convolution(call: OperatorCall) -> GraphValue:
    """ConvTranspose: a transposed convolution without padding, whose border is then cut off."""
    image, kernel = call.image(), call.constant(1)
    strides, dilations = _read_pair(call, "strides"), _read_pair(call, "dilations")
    top, left, bottom, right = call.attributes.get("pads", (0, 0, 0, 0))
    below, beside = call.attributes.get("output_padding", (0, 0))
    border: tuple[tuple[int, int], ...] = ((top, bottom - below), (left, right - beside))
    fixed = call.attributes.get("auto_pad", "NOTSET") == "NOTSET" and "output_shape" not in call.attributes
    if not fixed or kernel.ndim != 4 or call.attributes.get("group", 1) != 1 or min(min(border)) < 0:
        raise UnknownOperatorError("ConvTranspose with groups, a fixed size, or a border that is added")
    if max(strides) > 1 and max(dilations) > 1:
        raise UnknownOperatorError(f"ConvTranspose with strides {strides} and dilations {dilations}")
    layer = layers.Conv2DTranspose(
        kernel.shape[1], kernel.shape[2:], strides=strides, dilation_rate=dilations, name=call.name
    )
    # Without padding, Keras outputs at least a whole stride for each value.
    cut = [
        max(stride - (size - 1) * dilation - 1, 0)
        for stride, size, dilation in zip(strides, kernel.shape[2:], dilations, strict=True)
    ]
    output = layer(image)
    layer.set_weights([kernel.transpose(2, 3, 1, 0), call.constant(2, np.zeros(kernel.shape[1], np.float32))])
    border = tuple((before, after + extra) for (before, after), extra in zip(border, cut, strict=True))
    return GraphTensor(layers.Cropping2D(border)(output) if np.any(border) else output, True)


def make_dense(call: OperatorCall) -> GraphValue:
    """Gemm, and MatMul with a constant: a Dense layer."""
    value, kernel = call.tensor(), call.constant(1)
    attributes = call.attributes
    if attributes.get("transA", 0) or value.channels_last or kernel.ndim != 2:
        raise UnknownOperatorError(f"{call.operator} of an image")
    kernel = kernel.T if attributes.get("transB", 0) else kernel
    bias = call.constant(2, np.zeros(1, np.float32)) * attributes.get("beta", 1.0)
    layer = layers.Dense(kernel.shape[1], name=call.name)
    output = layer(value.tensor)
    layer.set_weights([kernel * attributes.get("alpha", 1.0), np.broadcast_to(bias.reshape(-1), kernel.shape[1:])])
    return GraphTensor(output)


def make_batch_normalization(call: OperatorCall) -> GraphValue:
    """BatchNormalization that no convolution has absorbed."""
    value = call.tensor()
    scale, offset, mean, variance = (call.constant(position) for position in range(1, 5))
    tensor = value.tensor if len(value.tensor.shape) == 2 else call.image()
    layer = layers.BatchNormalization(epsilon=call.attributes.get("epsilon", 1e-5), name=call.name)
    output = layer(tensor)
    layer.set_weights([scale, offset, mean, variance])
    return GraphTensor(output, len(tensor.shape) == 4)


def make_layer_normalization(call: OperatorCall) -> GraphValue:
    """LayerNormalization over the last axis."""
    value = call.tensor()
    if value.channels_last or call.attributes.get("axis", -1) not in (-1, len(value.tensor.shape) - 1):
        raise UnknownOperatorError("LayerNormalization over other axes than the last")
    scale = call.constant(1)
    layer = layers.LayerNormalization(epsilon=call.attributes.get("epsilon", 1e-5), name=call.name)
    output = layer(value.tensor)
    layer.set_weights([scale, call.constant(2, np.zeros_like(scale))])
    return GraphTensor(output)


def make_max_pooling(call: OperatorCall) -> GraphValue:
    """MaxPool. Keras pads with the smallest number, and ONNX too; a border of zeros needs values of at least 0."""
    return _make_pooling(call, layers.MaxPooling2D)


def make_average_pooling(call: OperatorCall) -> GraphValue:
    """AveragePool that does not count its border, or counts zeros."""
    return _make_pooling(call, layers.AveragePooling2D)


def make_global_average(call: OperatorCall) -> GraphValue:
    """GlobalAveragePool. tf2onnx writes the mean of a layer normalization as one in one dimension."""
    value = call.tensor()
    if len(value.tensor.shape) != 4:
        axes = tuple(range(2, len(value.tensor.shape)))
        return GraphTensor(keras.ops.mean(value.tensor, axis=axes, keepdims=True))
    return GraphTensor(layers.GlobalAveragePooling2D(keepdims=True, name=call.name)(call.image()), True)


def make_global_maximum(call: OperatorCall) -> GraphValue:
    """GlobalMaxPool."""
    return GraphTensor(layers.GlobalMaxPooling2D(keepdims=True, name=call.name)(call.image()), True)


def make_padding(call: OperatorCall) -> GraphValue:
    """Pad of rows and columns with zeros."""
    pads = call.constant(1).astype(int).tolist() if len(call.inputs) > 1 else list(call.attributes["pads"])
    value = float(call.constant(2, np.zeros(1)).reshape(-1)[0]) if len(call.inputs) > 2 else 0.0
    tensor = call.tensor()
    half = len(pads) // 2
    if call.attributes.get("mode", "constant") != "constant" or value or half != 4 or any(pads[:1] + pads[4:5]):
        raise UnknownOperatorError(f"Pad of mode {call.attributes.get('mode', 'constant')} with {pads}")
    # Rows and columns are axes 2 and 3 of an image, and 1 and 2 where the graph has the channels last itself.
    first = 2 if tensor.channels_last or not (pads[3] == pads[7] == 0) else 1
    if first == 2 and any((pads[1], pads[5])):
        raise UnknownOperatorError(f"Pad of channels with {pads}")
    border = tuple((pads[axis], pads[axis + 4]) for axis in (first, first + 1))
    image = call.image() if first == 2 else tensor.tensor
    return GraphTensor(layers.ZeroPadding2D(border, name=call.name)(image), first == 2)


def _make_pooling(call: OperatorCall, kind: Callable[..., Any]) -> GraphValue:
    size = tuple(call.attributes["kernel_shape"])
    averages = kind is layers.AveragePooling2D
    if _read_pair(call, "dilations") != (1, 1) or len(size) != 2:
        raise UnknownOperatorError(f"{call.operator} with dilations or in {len(size)} dimensions")
    image, strides = call.image(), _read_pair(call, "strides")
    pads = _read_pads(call, image, size, strides)
    same = _compute_same_pads(image, size, strides, (1, 1))
    counts_border = bool(call.attributes.get("count_include_pad", 0))
    if call.attributes.get("ceil_mode", 0):
        ceiled = _extend_pads(image, pads, size, strides)
        # What the last window has beyond the border is never counted.
        if ceiled != pads and averages and any(pads) and counts_border:
            raise UnknownOperatorError(f"{call.operator} with ceil_mode and a border that it counts")
        counts_border, pads = counts_border and ceiled == pads, ceiled
    if any(pads) and pads == same and not (averages and counts_border):
        padding = "same"
    elif any(pads) and averages and not counts_border:
        raise UnknownOperatorError(f"AveragePool with the pads {pads}, which it does not count")
    else:
        padding = "valid"
        if any(pads):
            _require_no_negative(call, image, averages=averages)
            image = _add_border(image, pads)
    return GraphTensor(kind(size, strides, padding, name=call.name)(image), True)


def _extend_pads(image: Any, pads: tuple[int, ...], size: Sequence[int], strides: tuple[int, int]) -> tuple[int, ...]:
    """Extend a border below and on the right so far that the last window fits, as ceil_mode demands it."""
    before, after = list(pads[:2]), list(pads[2:])
    for axis, (length, window, stride) in enumerate(zip(image.shape[1:3], size, strides, strict=True)):
        count = -(-(length + before[axis] + after[axis] - window) // stride) + 1
        # A window that begins in the border is left out.
        count -= (count - 1) * stride >= length + before[axis]
        after[axis] = max(after[axis], (count - 1) * stride + window - length - before[axis])
    return (*before, *after)


def _require_no_negative(call: OperatorCall, image: Any, *, averages: bool) -> None:
    """A border of zeros changes no maximum of values of at least 0, as an activation before it makes them."""
    layer = image._keras_history.operation
    if not averages and not isinstance(layer, layers.ReLU | layers.MaxPooling2D):
        raise UnknownOperatorError(f"{call.operator} with a border around values that may be negative")


def _pad(call: OperatorCall, image: Any, size: tuple[int, int]) -> tuple[Any, str]:
    """Return the image and the padding of its layer: "same" where that is the border of the graph, or a border."""
    strides, dilations = _read_pair(call, "strides"), _read_pair(call, "dilations")
    window = ((size[0] - 1) * dilations[0] + 1, (size[1] - 1) * dilations[1] + 1)
    pads = _read_pads(call, image, window, strides)
    if not any(pads):
        return image, "valid"
    if pads == _compute_same_pads(image, window, strides, (1, 1)):
        return image, "same"
    return _add_border(image, pads), "valid"


def _add_border(image: Any, pads: tuple[int, ...]) -> Any:
    top, left, bottom, right = pads
    return layers.ZeroPadding2D(((top, bottom), (left, right)))(image)


def _read_pads(call: OperatorCall, image: Any, window: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the border: top, left, bottom, right."""
    kind = call.attributes.get("auto_pad", "NOTSET")
    if kind == "SAME_UPPER":
        return _compute_same_pads(image, window, strides, (1, 1))
    if kind == "SAME_LOWER":
        top, left, bottom, right = _compute_same_pads(image, window, strides, (1, 1))
        return bottom, right, top, left
    return tuple(call.attributes.get("pads", (0, 0, 0, 0))) if kind == "NOTSET" else (0, 0, 0, 0)


def _compute_same_pads(
    image: Any, window: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, int]
) -> tuple[int, ...]:
    """Compute the border of TensorFlow's padding "same": top, left, bottom, right."""
    before, after = [], []
    for length, size, stride, dilation in zip(image.shape[1:3], window, strides, dilations, strict=True):
        total = max((-(-length // stride) - 1) * stride + (size - 1) * dilation + 1 - length, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return (*before, *after)


def _read_pair(call: OperatorCall, name: str) -> tuple[int, int]:
    first, second = call.attributes.get(name, (1, 1))
    return int(first), int(second)
