"""Operators of TensorFlow between the layers of a model that TF 2.0 to 2.3 saved, as functions of `functions`.

Keras 2 writes them as layers of the class TensorFlowOpLayer: the definition of a node in TensorFlow's graph, and those
of its inputs that are constants.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgetl.engines.keras.from_keras2.functions import FUNCTIONS_OF_TENSORFLOW as FUNCTIONS
from edgetl.engines.keras.from_keras2.translation import NoCounterpartError

# Source of the numbers: DataType in tensorflow/core/framework/types.proto.
_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_BFLOAT16": "bfloat16",
    "DT_UINT8": "uint8",
    "DT_INT32": "int32",
}


def apply_operator(config: Mapping[str, Any], inputs: list[Any]) -> Any:
    """Apply an operator.

    Args:
        config: node_def and constants, as Keras 2 saved them.
        inputs: the tensors of the network among its inputs, in order.
    """
    inputs = list(inputs)
    constants = {int(index): np.asarray(value) for index, value in (config.get("constants") or {}).items()}
    for index in sorted(constants):
        inputs.insert(index, constants[index])
    definition = config["node_def"]
    return OPERATIONS[definition["op"]](inputs, definition.get("attr", {}))


def _function(name: str, *arguments: str) -> Callable[[list[Any], Mapping[str, Any]], Any]:
    """Make an operator from a function of TensorFlow, with the names of its arguments."""
    return lambda inputs, _: FUNCTIONS[name](**dict(zip(arguments, inputs, strict=True)))


def _reduction(name: str) -> Callable[[list[Any], Mapping[str, Any]], Any]:
    def reduce(inputs: list[Any], attributes: Mapping[str, Any]) -> Any:
        keepdims = bool(attributes.get("keep_dims", {}).get("b", False))
        axis = [int(number) for number in np.atleast_1d(inputs[1])]
        return FUNCTIONS[name](input_tensor=inputs[0], axis=axis, keepdims=keepdims)

    return reduce


def _slice_strided(inputs: list[Any], attributes: Mapping[str, Any]) -> Any:
    """Slice with the masks of StridedSlice. Source: tf.strided_slice."""
    begin, end, steps = ([int(number) for number in np.atleast_1d(value)] for value in inputs[1:])
    masks = {
        name: int(attributes.get(f"{name}_mask", {}).get("i", 0))
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    spec: list[Any] = []
    for index, (first, last, step) in enumerate(zip(begin, end, steps, strict=True)):
        bit = 1 << index
        if masks["ellipsis"] & bit:
            spec.append(Ellipsis)
        elif masks["new_axis"] & bit:
            spec.append(None)
        elif masks["shrink_axis"] & bit:
            spec.append(first)
        else:
            spec.append(slice(None if masks["begin"] & bit else first, None if masks["end"] & bit else last, step))
    return FUNCTIONS["__operators__.getitem"](tensor=inputs[0], slice_spec=tuple(spec))


def _squeeze(inputs: list[Any], attributes: Mapping[str, Any]) -> Any:
    axes = [int(axis) for axis in attributes.get("squeeze_dims", {}).get("list", {}).get("i", [])]
    if len(axes) != 1:
        raise NoCounterpartError(f"it squeezes the axes {axes}")
    return FUNCTIONS["squeeze"](input=inputs[0], axis=axes[0])


def _cast(inputs: list[Any], attributes: Mapping[str, Any]) -> Any:
    return FUNCTIONS["cast"](x=inputs[0], dtype=_DTYPES[attributes["DstT"]["type"]])


OPERATIONS: dict[str, Callable[[list[Any], Mapping[str, Any]], Any]] = {
    "Add": _function("math.add", "x", "y"),
    "AddV2": _function("math.add", "x", "y"),
    "BiasAdd": _function("nn.bias_add", "value", "bias"),
    "Cast": _cast,
    "ClipByValue": _function("clip_by_value", "t", "clip_value_min", "clip_value_max"),
    "ConcatV2": lambda inputs, _: FUNCTIONS["concat"](values=inputs[:-1], axis=int(inputs[-1])),
    "ExpandDims": lambda inputs, _: FUNCTIONS["expand_dims"](input=inputs[0], axis=int(inputs[1])),
    "Identity": _function("identity", "input"),
    "Max": _reduction("math.reduce_max"),
    "Maximum": _function("math.maximum", "x", "y"),
    "Mean": _reduction("math.reduce_mean"),
    "Minimum": _function("math.minimum", "x", "y"),
    "Mul": _function("math.multiply", "x", "y"),
    "Neg": _function("math.negative", "x"),
    "Pow": _function("math.pow", "x", "y"),
    "RealDiv": _function("math.truediv", "x", "y"),
    "Relu": _function("nn.relu", "features"),
    "Relu6": _function("nn.relu6", "features"),
    "Reshape": _function("reshape", "tensor", "shape"),
    "ReverseV2": _function("reverse", "tensor", "axis"),
    "Rsqrt": _function("math.rsqrt", "x"),
    "Sigmoid": _function("math.sigmoid", "x"),
    "Softmax": _function("nn.softmax", "logits"),
    "Sqrt": _function("math.sqrt", "x"),
    "Square": _function("math.square", "x"),
    "Squeeze": _squeeze,
    "StridedSlice": _slice_strided,
    "Sub": _function("math.subtract", "x", "y"),
    "Sum": _reduction("math.reduce_sum"),
    "Tanh": _function("math.tanh", "x"),
    "Transpose": lambda inputs, _: FUNCTIONS["transpose"](a=inputs[0], perm=[int(axis) for axis in inputs[1]]),
}
