"""Reads a .tflite file: its operators, dtypes and weights, and whether they are what the method promises.

The converter's options are not trusted. What the file contains is read back with the runtime that will run it, and a
surprise stops the build: an operator outside TFLite's built-ins, a float operator in an integer file, a convolution
with one scale for all channels.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelSummary
from edgetl.core.records import TensorSpec
from edgetl.engines.tflite import runtime

# Operators that may touch floats in an integer file: they convert its input and output.
_CONVERSIONS = {"CAST", "QUANTIZE", "DEQUANTIZE"}
_CONVOLUTIONS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
# Axis of the output channels in the weights of each operator.
_CHANNEL_AXES = {**_CONVOLUTIONS, "FULLY_CONNECTED": 0}
# A flatbuffer cannot be larger.
_MODEL_BYTES_LIMIT = 2**31 - 1


def summarize_file(path: Path) -> ModelSummary:
    """Summarize the content of the file.

    Raises:
        ConfigError: not a TFLite file, too large, or not exactly one input and one output.
    """
    if path.stat().st_size > _MODEL_BYTES_LIMIT:
        raise ConfigError("too large for a TFLite file", where=(path,))
    tensors, nodes, (image, scores) = _read(path)
    used = {index for node in nodes for index in (*node["inputs"], *node["outputs"]) if index >= 0}
    return ModelSummary(
        input=_describe_tensor(image),
        output=_describe_tensor(scores),
        operators=dict(sorted(Counter(node["op_name"] for node in nodes).items())),
        tensor_dtypes=dict(sorted(Counter(np.dtype(tensors[index]["dtype"]).name for index in used).items())),
    )


def list_float_operators(path: Path) -> list[str]:
    """List the operators that compute in float, in the file's order; conversions of input and output do not count.

    Raises:
        ConfigError: not a TFLite file.
    """
    tensors, nodes, _ = _read(path)
    return [node["op_name"] for node in nodes if node["op_name"] not in _CONVERSIONS and _list_floats(node, tensors)]


def read_weights(path: Path) -> Iterator[np.ndarray]:
    """Yield the weights of every convolution and dense layer, [output channels, weights], in the file's dtype.

    Raises:
        ConfigError: not a TFLite file.
    """
    interpreter = _open(path)
    nodes = interpreter._get_ops_details()
    # Weights stored as float16 reach their operator through a DEQUANTIZE.
    stored = {node["outputs"][0]: node["inputs"][0] for node in nodes if node["op_name"] == "DEQUANTIZE"}
    for node in nodes:
        if node["op_name"] in _CHANNEL_AXES:
            index = int(node["inputs"][1])
            weights = interpreter.get_tensor(stored.get(index, index))
            axis = _CHANNEL_AXES[node["op_name"]]
            yield np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)


def check_file(path: Path, method: Method) -> None:
    """Check that the file is what the method promises.

    Raises:
        ConfigError: not a TFLite file.
        StageError: it is not; the message names operator and tensor.
    """
    tensors, nodes, ends = _read(path)
    surprises = [
        *(surprise for node in nodes for surprise in _check_operator(node, tensors, method)),
        *_check_float_layers(path, method),
        *_check_ends(ends, method),
        *_check_dtypes(tensors, method),
    ]
    if surprises:
        raise StageError(f"the {method.name} file is not what it should be: {surprises[0]}", where=(path,))


def _check_operator(node: Any, tensors: dict[int, Any], method: Method) -> Iterator[str]:
    name, floats = node["op_name"], _list_floats(node, tensors)
    if "Flex" in name:
        yield f"operator {name} needs TensorFlow on the device"
    if method.activations != "float32" and floats and name not in _CONVERSIONS and not method.float_layers:
        yield f"operator {name} computes in float at tensor {floats[0]!r}"
    if method.activations == "int8" and floats and not method.float_layers:
        yield f"operator {name} outputs a float at tensor {floats[0]!r}"
    if method.activations != "float32" and name in _CONVOLUTIONS and not floats:
        weights = tensors[node["inputs"][1]]
        scales = len(weights["quantization_parameters"]["scales"])
        channels = int(weights["shape"][_CONVOLUTIONS[name]])
        if scales != channels:
            yield f"{name} {weights['name']!r} has {scales} scales for {channels} channels"


def _check_float_layers(path: Path, method: Method) -> Iterator[str]:
    in_float = list_float_operators(path) if method.float_layers else []
    if len(in_float) != method.float_layers or not ladder.WEIGHTED_OPERATORS.issuperset(in_float):
        yield f"{', '.join(in_float) or 'nothing'} computes in float"


def _check_ends(ends: tuple[Any, Any], method: Method) -> Iterator[str]:
    expected = (
        ("input", ends[0], "float32" if method.activations == "int16" else "uint8"),
        ("output", ends[1], "uint8" if method.activations == "int8" else "float32"),
    )
    for which, end, dtype in expected:
        if np.dtype(end["dtype"]).name != dtype or int(end["shape"][0]) != 1:
            yield f"{which} {end['name']!r} is not {dtype} for one photo"
    if method.activations == "int8" and tuple(ends[0]["quantization"]) != (1.0, 0):
        yield f"input {ends[0]['name']!r} is not raw 0..255: {ends[0]['quantization']}"


def _check_dtypes(tensors: dict[int, Any], method: Method) -> Iterator[str]:
    dtypes = {np.dtype(tensor["dtype"]).name for tensor in tensors.values()}
    if method.weights not in dtypes:
        yield f"no tensor holds {method.weights}"
    if method.weights != "int8" and "int8" in dtypes:
        yield "some tensors hold int8"


def _read(path: Path) -> tuple[dict[int, Any], list[Any], tuple[Any, Any]]:
    """Read the tensors by index, the operators in order, and the details of input and output."""
    interpreter = _open(path)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    ends = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    # LiteRT has no public list of operators; its own tools use this one.
    return tensors, interpreter._get_ops_details(), ends


def _open(path: Path) -> Interpreter:
    # Delegates would hide the operators that they replace.
    return runtime.open_interpreter(path, runtime.WITHOUT_DELEGATES)


def _describe_tensor(end: Any) -> TensorSpec:
    scale, zero_point = end["quantization"]
    return TensorSpec(
        name=str(end["name"]).removesuffix(":0").removeprefix("serving_default_"),
        shape=tuple(int(length) for length in end["shape"]),
        dtype=np.dtype(end["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _list_floats(node: Any, tensors: dict[int, Any]) -> list[str]:
    """List the names of the float tensors that an operator reads or writes."""
    indices = (index for index in (*node["inputs"], *node["outputs"]) if index >= 0)
    return [tensors[index]["name"] for index in indices if np.issubdtype(tensors[index]["dtype"], np.floating)]
