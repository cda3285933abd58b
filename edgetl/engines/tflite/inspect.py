"""Reads a .tflite file: its operators, dtypes and weights, and checks that they are those of its method.

The converter's options are no proof: it silently leaves operators in float where it has no integer kernel. So the file
is read back with the runtime that will run it, and a fault stops the build: an operator outside TFLite's built-ins, a
float operator in an integer file, a convolution with one scale for all channels.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelSummary
from edgetl.core.network.float_layers import Operator
from edgetl.core.records import TensorSpec
from edgetl.engines.tflite import runtime

# Operators that may have a float tensor in an integer file: they convert its input and output.
_CONVERSIONS = {"CAST", "QUANTIZE", "DEQUANTIZE"}
_NUMBER = re.compile(r"\d+$")
# Operators that only move values. Between two operators in float, the quantizer leaves them in float.
_MOVES = frozenset(
    {"RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "SLICE", "STRIDED_SLICE", "PAD", "SPLIT", "PACK", "UNPACK"}
)
# Axis of the output channels in the weights of each operator.
_CONVOLUTIONS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
# The scales of dense layers are not checked: TFLite allows one scale for all channels there.
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
    # The runtime lists tensors that no operator uses as well. An index of -1 is an optional input that is absent.
    used = {index for node in nodes for index in (*node["inputs"], *node["outputs"]) if index >= 0}
    return ModelSummary(
        input=describe_tensor(image),
        output=describe_tensor(scores),
        operators=dict(sorted(Counter(node["op_name"] for node in nodes).items())),
        tensor_dtypes=dict(sorted(Counter(np.dtype(tensors[index]["dtype"]).name for index in used).items())),
    )


def list_operators(path: Path) -> tuple[Operator, ...]:
    """List the operators in the file's order, without conversions. Those with a float tensor are not quantized.

    Raises:
        ConfigError: not a TFLite file.
    """
    tensors, nodes, _ = _read(path)
    return tuple(
        Operator(
            name=str(tensors[int(node["outputs"][0])]["name"]),
            type=node["op_name"],
            quantized=not _list_floats(node, tensors),
        )
        for node in nodes
        if node["op_name"] not in _CONVERSIONS
    )


def strip_number(name: str) -> str:
    """Remove the number that the quantizer appends to a name which the file has already."""
    return _NUMBER.sub("", name)


def read_weights(path: Path) -> Iterator[np.ndarray]:
    """Yield the weights of every convolution and dense layer, [output channels, weights], in the file's dtype.

    Raises:
        ConfigError: not a TFLite file.
    """
    interpreter = _open(path)
    nodes = interpreter._get_ops_details()
    # A DEQUANTIZE between stored float16 weights and their operator: its output → its input.
    stored = {node["outputs"][0]: node["inputs"][0] for node in nodes if node["op_name"] == "DEQUANTIZE"}
    for node in nodes:
        if node["op_name"] in _CHANNEL_AXES:
            index = int(node["inputs"][1])
            weights = interpreter.get_tensor(stored.get(index, index))
            axis = _CHANNEL_AXES[node["op_name"]]
            yield np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)


def check_file(path: Path, method: Method, in_float: Collection[str] = ()) -> None:
    """Check that the file has the operators, dtypes and scales of its method.

    Args:
        path: the file.
        method: its method.
        in_float: names of the operators without an integer kernel, which a mixed file may compute in float.

    Raises:
        ConfigError: not a TFLite file.
        StageError: the check failed; the message names operator and tensor.
    """
    tensors, nodes, (image, scores) = _read(path)
    faults = [
        *(fault for node in nodes for fault in _check_operator(node, tensors, method)),
        *_check_float_layers(path, method, in_float),
        *_check_input_and_output(image, scores, method),
        *_check_dtypes(tensors, method),
    ]
    if faults:
        raise StageError(f"the {method.name} file failed its check: {faults[0]}", where=(path,))


def _check_operator(node: Any, tensors: dict[int, Any], method: Method) -> Iterator[str]:
    name, floats = node["op_name"], _list_floats(node, tensors)
    if "Flex" in name:
        yield f"operator {name} needs TensorFlow on the device"
    if method.activations != "float32" and floats and name not in _CONVERSIONS and not method.mixed:
        yield f"operator {name} computes in float at tensor {floats[0]!r}"
    if method.activations == "int8" and floats and not method.mixed:
        yield f"operator {name} has the float tensor {floats[0]!r}"
    if method.activations != "float32" and name in _CONVOLUTIONS and not floats:
        weights = tensors[node["inputs"][1]]
        scales = len(weights["quantization_parameters"]["scales"])
        channels = int(weights["shape"][_CONVOLUTIONS[name]])
        if scales != channels:
            yield f"{name} {weights['name']!r} has {scales} scales for {channels} channels"


def _check_float_layers(path: Path, method: Method, in_float: Collection[str]) -> Iterator[str]:
    """Check that a mixed8 file computes as many layers in float as its method requires, and nothing but layers.

    Operators without an integer kernel are in float as well, and so are those that only move the values between them.
    """
    if not method.mixed:
        return
    floats = [operator for operator in list_operators(path) if not operator.quantized]
    names = set(map(strip_number, in_float))
    layers = [item for item in floats if strip_number(item.name) not in names and not (names and item.type in _MOVES)]
    types = [operator.type for operator in layers]
    if len(types) != method.float_layers or not ladder.WEIGHTED_OPERATORS.issuperset(types):
        yield f"{', '.join(types) or 'nothing'} computes in float"


def _check_input_and_output(image: Any, scores: Any, method: Method) -> Iterator[str]:
    expected = (
        # TFLite has no cast from 8 bits to 16, so a file with 16-bit activations has a float input.
        ("input", image, "float32" if method.activations == "int16" else "uint8"),
        ("output", scores, "uint8" if method.activations == "int8" else "float32"),
    )
    for role, tensor, dtype in expected:
        if np.dtype(tensor["dtype"]).name != dtype or int(tensor["shape"][0]) != 1:
            yield f"{role} {tensor['name']!r} is not {dtype} for one photo"
    # Any other scale or zero point would need arithmetic on the device before the photo could be used.
    if method.activations == "int8" and tuple(image["quantization"]) != (1.0, 0):
        yield f"input {image['name']!r} is not raw 0..255: {image['quantization']}"


def _check_dtypes(tensors: dict[int, Any], method: Method) -> Iterator[str]:
    dtypes = {np.dtype(tensor["dtype"]).name for tensor in tensors.values()}
    if method.weights not in dtypes:
        yield f"no tensor is {method.weights}"
    if method.weights != "int8" and "int8" in dtypes:
        yield "some tensors are int8"


def _read(path: Path) -> tuple[dict[int, Any], list[Any], tuple[Any, Any]]:
    """Read the tensors by index, the operators in order, and the details of input and output."""
    interpreter = _open(path)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    image_and_scores = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    # LiteRT has no public list of operators; its own tools use this one.
    return tensors, interpreter._get_ops_details(), image_and_scores


def _open(path: Path) -> Interpreter:
    # A delegate replaces the operators that it runs by a single one.
    return runtime.open_interpreter(path, runtime.WITHOUT_DELEGATES)


def describe_tensor(tensor: Any) -> TensorSpec:
    """Describe an input or an output, from its details in the interpreter."""
    scale, zero_point = tensor["quantization"]
    return TensorSpec(
        # TensorFlow calls the input "serving_default_image:0".
        name=str(tensor["name"]).removesuffix(":0").removeprefix("serving_default_"),
        shape=tuple(int(length) for length in tensor["shape"]),
        dtype=np.dtype(tensor["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _list_floats(node: Any, tensors: dict[int, Any]) -> list[str]:
    """List the names of the float tensors among the inputs and outputs of an operator."""
    indices = (index for index in (*node["inputs"], *node["outputs"]) if index >= 0)
    return [tensors[index]["name"] for index in indices if np.issubdtype(tensors[index]["dtype"], np.floating)]
