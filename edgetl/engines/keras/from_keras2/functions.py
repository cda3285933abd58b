"""Functions of TensorFlow between the layers of Keras 2, such as `x / 127.5`, as layers or operations of Keras 3.

Keras 2 writes them as layers of the classes TFOpLambda and SlicingOpLambda. A function here takes the arguments of the
function of TensorFlow by their names; each is a tensor of the new network or a constant.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from edgetl.engines.keras.from_keras2.layers import scale_and_shift
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError

_layers = keras.layers


def is_tensor(value: Any) -> bool:
    """Return whether an argument is a tensor of the network, and no constant."""
    return isinstance(value, keras.KerasTensor)


def add_terms(x: Any, y: Any) -> Any:
    """Add tensors and constants: x + y."""
    if is_tensor(x) and is_tensor(y):
        return _merge(_layers.Add, ops.add, x, y)
    tensor, constant = (x, y) if is_tensor(x) else (y, x)
    return (
        _apply_affine(tensor, 1.0, constant) if _fits_channels(tensor, constant) else ops.add(tensor, _array(constant))
    )


def multiply_factors(x: Any, y: Any) -> Any:
    """Multiply tensors and constants: x * y."""
    if is_tensor(x) and is_tensor(y):
        return _merge(_layers.Multiply, ops.multiply, x, y)
    tensor, constant = (x, y) if is_tensor(x) else (y, x)
    if _fits_channels(tensor, constant):
        return _apply_affine(tensor, constant, 0.0)
    return ops.multiply(tensor, _array(constant))


def subtract_terms(x: Any, y: Any) -> Any:
    """Subtract tensors and constants: x - y."""
    if is_tensor(x) and is_tensor(y):
        return _merge(_layers.Subtract, ops.subtract, x, y)
    if is_tensor(x):
        return add_terms(x, -_array(y))
    if _fits_channels(y, x):
        return _apply_affine(y, -1.0, x)
    return ops.subtract(_array(x), y)


def divide_terms(x: Any, y: Any) -> Any:
    """Divide tensors and constants: x / y."""
    if is_tensor(y):
        return ops.divide(x if is_tensor(x) else _array(x), y)
    if _fits_channels(x, y):
        return _apply_affine(x, 1 / np.asarray(y, np.float64), 0.0)
    return ops.divide(x, _array(y))


def _merge(layer: Any, operation: Callable[..., Any], x: Any, y: Any) -> Any:
    # The layers of Keras accept two tensors of the same rank. Others are for bare operations.
    return layer()([x, y]) if len(x.shape) == len(y.shape) else operation(x, y)


def _array(constant: Any) -> np.ndarray:
    return np.asarray(constant, np.float32)


def _fits_channels(tensor: Any, constant: Any) -> bool:
    """Return whether a constant is one number, or one for each channel."""
    shape = np.shape(constant)
    return all(length == 1 for length in shape[:-1]) and (not shape or shape[-1] in (1, tensor.shape[-1]))


def _apply_affine(tensor: Any, scale: Any, offset: Any) -> Any:
    return scale_and_shift(np.asarray(scale, np.float64), np.asarray(offset, np.float64))(tensor)


def get_item(tensor: Any, slice_spec: Any) -> Any:
    """Index or slice a tensor, or the shape of a tensor."""
    spec = tuple(slice_spec) if isinstance(slice_spec, list | tuple) else slice_spec
    if not is_tensor(tensor):
        return tensor[spec[0] if isinstance(spec, tuple) and len(spec) == 1 else spec]
    return tensor[spec]


def reshape_tensor(tensor: Any, shape: Any) -> Any:
    """Reshape a tensor. The first entry of `shape` is the number of photos, or -1."""
    lengths = [-1 if length is None else int(length) for length in shape]
    if not lengths or lengths[0] != -1:
        raise NoCounterpartError(f"it reshapes to {lengths}, with a fixed number of photos")
    known = [length or 0 for length in tensor.shape[1:]]
    # With -1 for the photos, the other lengths must hold one photo.
    if -1 not in lengths[1:] and math.prod(lengths[1:]) != math.prod(known):
        raise NoCounterpartError(f"it moves values between photos: {list(tensor.shape)} becomes {lengths}")
    return _layers.Reshape(lengths[1:])(tensor)


def read_shape(input: Any, **_: Any) -> tuple[Any, ...]:  # noqa: A002  (the name of the argument in TensorFlow)
    """Return the shape of a tensor, with None for the number of photos."""
    return tuple(input.shape)


def reduce_with(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that reduces axes."""

    def reduce(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = tuple(int(number) for number in axis) if isinstance(axis, list | tuple | np.ndarray) else axis
        rank = len(input_tensor.shape)
        positive = {number % rank for number in (axes if isinstance(axes, tuple) else (axes,)) if number is not None}
        if axes is None or 0 in positive:
            raise NoCounterpartError("it reduces the axis of the photos")
        if operation is ops.mean and rank == 4 and positive == {1, 2}:
            return _layers.GlobalAveragePooling2D(keepdims=keepdims)(input_tensor)
        if operation is ops.max and rank == 4 and positive == {1, 2}:
            return _layers.GlobalMaxPooling2D(keepdims=keepdims)(input_tensor)
        return operation(input_tensor, axis=axes, keepdims=keepdims)

    return reduce


def pool_with(layer: Any) -> Callable[..., Any]:
    """Make a function that pools windows of photos."""

    def pool(input: Any, ksize: Any, strides: Any, padding: str, data_format: Any = None) -> Any:  # noqa: A002
        if data_format not in (None, "NHWC") or not isinstance(padding, str):
            raise NoCounterpartError(f"its data_format is {data_format}, its padding {padding}")
        return layer(_read_window(ksize), _read_window(strides), padding.lower())(input)

    return pool


def _read_window(size: Any) -> tuple[int, int]:
    lengths = [int(length) for length in size] if isinstance(size, list | tuple) else [int(size)]
    lengths = lengths[1:3] if len(lengths) == 4 else lengths
    return lengths[0], lengths[-1]


def resize_photos(
    images: Any, size: Any, method: str = "bilinear", preserve_aspect_ratio: bool = False, antialias: bool = False
) -> Any:
    """Resize photos."""
    if preserve_aspect_ratio or antialias or method not in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
        raise NoCounterpartError(f"it resizes by {method} with preserve_aspect_ratio or antialias")
    height, width = (int(length) for length in size)
    return _layers.Resizing(height, width, method)(images)


def clip_values(t: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    """Clip values; from 0 upwards it is a ReLU layer."""
    low, high = float(clip_value_min), float(clip_value_max)
    return _layers.ReLU(max_value=high)(t) if low == 0 else ops.clip(t, low, high)


def pad_tensor(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: float = 0) -> Any:
    """Pad a tensor with a constant."""
    pairs = [[int(length) for length in pair] for pair in np.asarray(paddings)]
    if mode.upper() != "CONSTANT" or constant_values:
        raise NoCounterpartError(f"its mode is {mode}, its value {constant_values}")
    if len(pairs) == 4 and pairs[0] == pairs[3] == [0, 0]:
        return _layers.ZeroPadding2D(tuple(map(tuple, pairs[1:3])))(tensor)
    return ops.pad(tensor, pairs)


def normalize_l2(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """Scale a tensor to a norm of 1 along an axis. Source: tf.math.l2_normalize."""
    if axis is None:
        raise NoCounterpartError("it normalizes all photos together")
    axes = tuple(axis) if isinstance(axis, list | tuple) else axis
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axes, keepdims=True), epsilon))


def multiply_matrices(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, **others: Any) -> Any:
    """Multiply matrices."""
    if any(others.values()):
        raise NoCounterpartError(f"its arguments {sorted(others)} have no counterpart")
    first, second = (value if is_tensor(value) else _array(value) for value in (a, b))
    return ops.matmul(
        ops.swapaxes(first, -1, -2) if transpose_a else first, ops.swapaxes(second, -1, -2) if transpose_b else second
    )


def cast_tensor(x: Any, dtype: str) -> Any:
    """Cast to another dtype. Half precision becomes float32, as in all layers."""
    if not is_tensor(x):
        return x
    wanted = "float32" if dtype in ("float16", "bfloat16", "float64", "half") else dtype
    return x if keras.backend.standardize_dtype(x.dtype) == wanted else ops.cast(x, wanted)


def raise_power(x: Any, y: Any) -> Any:
    """Raise to a power: x ** y."""
    return ops.square(x) if not is_tensor(y) and np.all(_array(y) == 2) else ops.power(x, y)


def compare_with(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that compares two tensors, or a tensor and a constant."""
    return lambda x, y: operation(*(value if is_tensor(value) else _array(value) for value in (x, y)))


def split_tensor(value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None) -> Any:  # noqa: ARG001
    """Split a tensor into parts of equal or of given lengths."""
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis=axis)
    return ops.split(value, [int(end) for end in np.cumsum(num_or_size_splits)[:-1]], axis=axis)


def activate_with(name: str, argument: str) -> Callable[..., Any]:
    """Make a function that applies an activation; `argument` is the name of its tensor in TensorFlow."""

    def activate(**arguments: Any) -> Any:
        tensor = arguments.pop(argument)
        # The beta of silu.
        if any(value not in (None, 1.0) for value in arguments.values()):
            raise NoCounterpartError(f"its arguments {arguments} have no counterpart")
        return _layers.Activation(name)(tensor)

    return activate


def apply_to(operation: Callable[..., Any], argument: str = "x") -> Callable[..., Any]:
    """Make a function of one tensor from an operation of Keras."""
    return lambda **arguments: operation(arguments.pop(argument), **arguments)


FUNCTIONS_OF_TENSORFLOW: dict[str, Callable[..., Any]] = {
    "__operators__.add": add_terms,
    "__operators__.getitem": get_item,
    "cast": cast_tensor,
    "clip_by_value": clip_values,
    "concat": lambda values, axis: _layers.Concatenate(axis=int(axis))(values),
    "convert_to_tensor": lambda value, **_: value,
    "expand_dims": apply_to(ops.expand_dims, "input"),
    "gather": lambda params, indices, axis=None, **_: ops.take(params, np.asarray(indices), axis=axis or 0),
    "identity": lambda input: input,  # noqa: A006
    "image.resize": resize_photos,
    "linalg.matmul": multiply_matrices,
    "math.abs": apply_to(ops.absolute),
    "math.add": add_terms,
    "math.divide": divide_terms,
    "math.erf": apply_to(ops.erf),
    "math.exp": apply_to(ops.exp),
    "math.l2_normalize": normalize_l2,
    "math.log": apply_to(ops.log),
    "math.maximum": compare_with(ops.maximum),
    "math.minimum": compare_with(ops.minimum),
    "math.multiply": multiply_factors,
    "math.negative": lambda x: _apply_affine(x, -1.0, 0.0),
    "math.pow": raise_power,
    "math.reciprocal": apply_to(ops.reciprocal),
    "math.reduce_max": reduce_with(ops.max),
    "math.reduce_mean": reduce_with(ops.mean),
    "math.reduce_min": reduce_with(ops.min),
    "math.reduce_prod": reduce_with(ops.prod),
    "math.reduce_std": reduce_with(ops.std),
    "math.reduce_sum": reduce_with(ops.sum),
    "math.reduce_variance": reduce_with(ops.var),
    "math.rsqrt": apply_to(ops.rsqrt),
    "math.sigmoid": activate_with("sigmoid", "x"),
    "math.softplus": activate_with("softplus", "features"),
    "math.sqrt": apply_to(ops.sqrt),
    "math.square": apply_to(ops.square),
    "math.subtract": subtract_terms,
    "math.tanh": activate_with("tanh", "x"),
    "math.truediv": divide_terms,
    "nn.avg_pool": pool_with(_layers.AveragePooling2D),
    "nn.avg_pool2d": pool_with(_layers.AveragePooling2D),
    "nn.bias_add": lambda value, bias, data_format=None: add_terms(value, bias),  # noqa: ARG005
    "nn.elu": activate_with("elu", "features"),
    "nn.gelu": lambda features, approximate=False: ops.gelu(features, approximate=approximate),
    "nn.leaky_relu": lambda features, alpha=0.2: _layers.LeakyReLU(negative_slope=float(alpha))(features),
    "nn.max_pool": pool_with(_layers.MaxPooling2D),
    "nn.max_pool2d": pool_with(_layers.MaxPooling2D),
    "nn.relu": activate_with("relu", "features"),
    "nn.relu6": lambda features: _layers.ReLU(6.0)(features),  # noqa: PLW0108  (a layer for each call)
    "nn.selu": activate_with("selu", "features"),
    "nn.silu": activate_with("silu", "features"),
    "nn.softmax": lambda logits, axis=None: _layers.Softmax(axis=-1 if axis is None else axis)(logits),
    "nn.softsign": activate_with("softsign", "features"),
    "pad": pad_tensor,
    "reshape": reshape_tensor,
    "reverse": lambda tensor, axis: ops.flip(tensor, axis=tuple(int(number) for number in np.atleast_1d(axis))),
    "shape": read_shape,
    "split": split_tensor,
    "squeeze": lambda input, axis=None: ops.squeeze(input, axis=axis[0] if isinstance(axis, list) else axis),  # noqa: A006
    "stack": lambda values, axis=0: ops.stack(values, axis=axis),
    "stop_gradient": lambda input: input,  # noqa: A006
    "tile": lambda input, multiples: ops.tile(input, [int(count) for count in multiples]),  # noqa: A006
    "transpose": lambda a, perm=None, conjugate=False: ops.transpose(a, perm),  # noqa: ARG005
    "unstack": lambda value, num=None, axis=0: ops.unstack(value, num, axis=axis),
}
