"""A .tflite file → its operators with shapes, filters and multiplications."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from edgetl.core.microcontroller.memory import SizedLayer
from edgetl.core.records import TensorSpec
from edgetl.engines.tflite import inspect, runtime

# Axes of height and width in the weights of each operator with a filter.
_FILTERS = {"CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2), "TRANSPOSE_CONV": (1, 2)}


def measure_layers(path: Path) -> tuple[SizedLayer, ...]:
    """List the operators of a file in its order.

    Raises:
        ConfigError: not a TFLite file.
    """
    interpreter = runtime.open_interpreter(path, runtime.WITHOUT_DELEGATES)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    return tuple(_describe_layer(node, tensors) for node in interpreter._get_ops_details())


def describe_features(path: Path) -> tuple[TensorSpec, ...]:
    """Describe the second output of a file; none for a file with one output."""
    interpreter = runtime.open_interpreter(path, runtime.WITHOUT_DELEGATES)
    return tuple(inspect.describe_tensor(details) for details in interpreter.get_output_details()[1:])


def _describe_layer(node: Any, tensors: Mapping[int, Any]) -> SizedLayer:
    inputs = [tensors[index] for index in node["inputs"] if index >= 0]
    output = tensors[int(node["outputs"][0])]
    # The image comes first, except in a transposed convolution, which begins with the shape of its output.
    image = inputs[2] if node["op_name"] == "TRANSPOSE_CONV" else inputs[0]
    weights = _read_shape(inputs[1]) if len(inputs) > 1 else ()
    axes = _FILTERS.get(node["op_name"])
    return SizedLayer(
        name=str(output["name"]),
        type=node["op_name"],
        input_shape=_read_shape(image),
        output_shape=_read_shape(output),
        kernel=(weights[axes[0]], weights[axes[1]]) if axes else (0, 0),
        multiplications=_count_multiplications(node["op_name"], weights, _read_shape(image), _read_shape(output)),
    )


def _read_shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(length) for length in tensor["shape"])


def _count_multiplications(kind: str, weights: tuple[int, ...], image: tuple[int, ...], output: tuple[int, ...]) -> int:
    """Count the multiplications of one photo; 0 for operators that are not a convolution or a dense layer."""
    if kind == "CONV_2D":
        return prod(output) * prod(weights[1:])
    if kind == "DEPTHWISE_CONV_2D":
        return prod(output) * prod(weights[1:3])
    if kind == "TRANSPOSE_CONV":
        return prod(image) * prod(weights[:3])
    if kind == "FULLY_CONNECTED":
        return prod(output) * weights[-1]
    return 0
