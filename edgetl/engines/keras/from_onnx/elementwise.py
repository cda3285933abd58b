"""Operators of ONNX that compute each value by itself, or combine two tensors → Keras layers and operations."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

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
# Operators of one input that need nothing but that.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "Abs": ops.abs,
    "Erf": ops.erf,
    "Exp": ops.exp,
    "Log": ops.log,
    "Neg": ops.negative,
    "Reciprocal": ops.reciprocal,
    "Sqrt": ops.sqrt,
}
# Operator → activation of Keras.
ACTIVATIONS = {
    "HardSwish": "hard_silu",
    "Mish": "mish",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_MERGES: dict[str, Any] = {
    "Add": layers.Add,
    "Mul": layers.Multiply,
    "Sub": layers.Subtract,
    "Max": layers.Maximum,
    "Min": layers.Minimum,
}
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "Add": ops.add,
    "Div": ops.divide,
    "Max": ops.maximum,
    "Min": ops.minimum,
    "Mul": ops.multiply,
    "Sub": ops.subtract,
}


def make_activation(call: OperatorCall) -> GraphValue:
    """An activation without arguments."""
    value = call.tensor()
    return GraphTensor(layers.Activation(ACTIVATIONS[call.operator], name=call.name)(value.tensor), value.channels_last)


def make_function(call: OperatorCall) -> GraphValue:
    """A function of each value."""
    value = call.tensor()
    return GraphTensor(FUNCTIONS[call.operator](value.tensor), value.channels_last)


def make_relu(call: OperatorCall) -> GraphValue:
    """Relu, LeakyRelu, PRelu with one slope, Elu."""
    value, alpha = call.tensor(), call.attributes.get("alpha")
    if call.operator == "Elu":
        layer = layers.ELU(1.0 if alpha is None else alpha, name=call.name)
    elif call.operator == "LeakyRelu":
        layer = layers.LeakyReLU(0.01 if alpha is None else alpha, name=call.name)
    else:
        layer = layers.ReLU(name=call.name)
    return GraphTensor(layer(value.tensor), value.channels_last)


def make_prelu(call: OperatorCall) -> GraphValue:
    """PRelu with one slope, or one for each channel."""
    value, slope = call.tensor(), call.constant(1).reshape(-1)
    if slope.size not in (1, value.shape[0]):
        raise UnknownOperatorError(f"PRelu with slopes of shape {list(call.constant(1).shape)}")
    tensor = with_channels_last(value).tensor if len(value.tensor.shape) == 4 else value.tensor
    layer = layers.PReLU(shared_axes=list(range(1, len(tensor.shape) - 1)) or None, name=call.name)
    output = layer(tensor)
    weights = layer.get_weights()[0]
    layer.set_weights([np.broadcast_to(slope, weights.shape)])
    return GraphTensor(output, len(tensor.shape) == 4)


def make_clip(call: OperatorCall) -> GraphValue:
    """Clip: a ReLU with a maximum where the minimum is 0."""
    value = call.tensor()
    low, high = (_read_bound(call, position, name) for position, name in ((1, "min"), (2, "max")))
    if low == 0:
        layer = layers.ReLU(None if np.isinf(high) else high, name=call.name)
        return GraphTensor(layer(value.tensor), value.channels_last)
    return GraphTensor(ops.clip(value.tensor, low, high), value.channels_last)


def make_hard_sigmoid(call: OperatorCall) -> GraphValue:
    """HardSigmoid: clip(alpha * x + beta, 0, 1)."""
    value = call.tensor()
    alpha, beta = call.attributes.get("alpha", 0.2), call.attributes.get("beta", 0.5)
    if np.isclose(alpha, 1 / 6) and np.isclose(beta, 0.5):
        output = layers.Activation("hard_sigmoid", name=call.name)(value.tensor)
    else:
        output = layers.ReLU(1.0)(layers.Rescaling(alpha, beta, name=call.name)(value.tensor))
    return GraphTensor(output, value.channels_last)


def make_gelu(call: OperatorCall) -> GraphValue:
    """Gelu, exact or by tanh."""
    value = call.tensor()
    approximate = call.attributes.get("approximate", "none") == "tanh"
    return GraphTensor(ops.gelu(value.tensor, approximate), value.channels_last)


def make_softmax(call: OperatorCall) -> GraphValue:
    """Softmax and LogSoftmax over one axis."""
    value = call.tensor()
    axis = find_tensor_axis(value, call.attributes.get("axis", -1))
    if axis == 0:
        raise UnknownOperatorError(f"{call.operator} over the photos")
    if call.operator == "LogSoftmax":
        return GraphTensor(ops.log_softmax(value.tensor, axis=axis), value.channels_last)
    # Keras's own number for the last axis, by which the layer that ends a classifier is recognised.
    place = -1 if axis == len(value.tensor.shape) - 1 else axis
    return GraphTensor(layers.Softmax(place, name=call.name)(value.tensor), value.channels_last)


def make_power(call: OperatorCall) -> GraphValue:
    """Pow with a constant exponent."""
    value, exponent = call.tensor(), call.constant(1).reshape(-1)
    if exponent.size != 1:
        raise UnknownOperatorError("Pow with several exponents")
    square = exponent[0] == 2
    output = ops.square(value.tensor) if square else ops.power(value.tensor, float(exponent[0]))
    return GraphTensor(output, value.channels_last)


def combine(call: OperatorCall) -> GraphValue:
    """Add, Sub, Mul, Div, Max and Min of two tensors, or of a tensor and a constant."""
    first, second = call.inputs[:2]
    if isinstance(first, GraphTensor) and isinstance(second, GraphTensor):
        return _combine_tensors(call, first, second)
    if isinstance(first, GraphTensor) and isinstance(second, np.ndarray):
        return _combine_constant(call, first, second, reverse=False)
    if isinstance(first, np.ndarray) and isinstance(second, GraphTensor):
        return _combine_constant(call, second, first, reverse=True)
    raise UnknownOperatorError(f"{call.operator} of constants")


def _combine_tensors(call: OperatorCall, first: GraphTensor, second: GraphTensor) -> GraphTensor:
    images = len(first.tensor.shape) == len(second.tensor.shape) == 4
    last = images and (first.channels_last or second.channels_last)
    pair = [with_channels_last(value).tensor if last else with_graph_axes(value) for value in (first, second)]
    if call.operator == "Div":
        return GraphTensor(ops.divide(*pair), last)
    return GraphTensor(_MERGES[call.operator](name=call.name)(pair), last)


def _combine_constant(call: OperatorCall, value: GraphTensor, constant: np.ndarray, *, reverse: bool) -> GraphTensor:
    if call.operator == "Mul" and value.tensor.shape[-1] == 1 < constant.size == constant.shape[-1]:
        # One value of the tensor becomes as many as the constant has: a product of a column and a row.
        layer = layers.Dense(constant.size, use_bias=False, name=call.name)
        output = layer(with_graph_axes(value))
        layer.set_weights([constant.reshape(1, -1)])
        return GraphTensor(output)
    full = _align_constant(call, value, constant)
    if full.size > 1 and not full.size == full.shape[-1] == value.tensor.shape[-1]:
        return _combine_array(call, value, full, reverse=reverse)
    factors = full.astype(np.float64).reshape(-1 if full.size > 1 else ())
    one, zero = 1.0, 0.0
    scales: dict[tuple[str, bool], Callable[[], tuple[Any, Any]]] = {
        ("Add", False): lambda: (one, factors),
        ("Add", True): lambda: (one, factors),
        ("Sub", False): lambda: (one, -factors),
        ("Sub", True): lambda: (-one, factors),
        ("Mul", False): lambda: (factors, zero),
        ("Mul", True): lambda: (factors, zero),
        ("Div", False): lambda: (1 / factors, zero),
    }
    if (call.operator, reverse) in scales:
        scale, offset = scales[call.operator, reverse]()
        layer = layers.Rescaling(_to_json(scale), _to_json(offset), name=call.name)
        return GraphTensor(layer(value.tensor), value.channels_last)
    if factors.size != 1:
        return _combine_array(call, value, full, reverse=reverse)
    number = float(factors.reshape(-1)[0])
    if call.operator == "Div":
        return GraphTensor(ops.divide(number, value.tensor), value.channels_last)
    function = ops.maximum if call.operator == "Max" else ops.minimum
    return GraphTensor(function(value.tensor, number), value.channels_last)


def _combine_array(call: OperatorCall, value: GraphTensor, full: np.ndarray, *, reverse: bool) -> GraphTensor:
    """Combine a tensor with a constant that differs by place, such as the embedding of positions."""
    # TensorFlow fuses a convolution with a sum that follows, and fails where one side has fewer rows or channels.
    lengths = np.broadcast_shapes(full.shape[1:], value.tensor.shape[1:])
    full = np.broadcast_to(full, (1, *lengths))
    pair = (full, value.tensor) if reverse else (value.tensor, full)
    return GraphTensor(_OPERATIONS[call.operator](*pair), value.channels_last)


def _align_constant(call: OperatorCall, value: GraphTensor, constant: np.ndarray) -> np.ndarray:
    """Return a constant with the axes of the Keras tensor, the one of the photos included: float32."""
    rank = len(value.tensor.shape)
    if constant.ndim > rank and constant.size > 1:
        raise UnknownOperatorError(f"{call.operator} with a constant of shape {list(constant.shape)}")
    shape = constant.shape if constant.ndim <= rank else ()
    full = constant.reshape((1,) * (rank - len(shape)) + shape)
    if full.shape[0] > 1:
        # The graph is written for a certain number of photos, which must all be treated alike.
        if not (full == full[:1]).all():
            raise UnknownOperatorError(f"{call.operator} with another constant for each photo")
        full = full[:1]
    return full.transpose(0, 2, 3, 1) if value.channels_last else full


def _to_json(value: Any) -> float | list[float]:
    return np.asarray(value).tolist()


def _read_bound(call: OperatorCall, position: int, name: str) -> float:
    infinity = np.array(-np.inf if name == "min" else np.inf)
    # Before opset 11, the bounds are attributes.
    default = np.array(call.attributes[name]) if name in call.attributes else infinity
    return float(call.constant(position, default).reshape(-1)[0])
