"""SavedModel → .tflite by method, and what was really made, read back from the file.

The converter's word is not taken for it: operators, dtypes and quantization parameters come out of the finished file,
and a surprise (an operator outside TFLite's own, a float island in an integer file, a convolution quantized per tensor)
stops the build by name.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgetl.core.errors import ConfigError, StageError, first_line
from edgetl.core.evaluation import ladder
from edgetl.core.methods import Method
from edgetl.core.model_file import ModelSummary
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import TensorSpec
from edgetl.engines.keras.saved_model import InputKind

# What an integer file may do in float: hand the numbers over at its two ends.
_BORDER = {"CAST", "QUANTIZE", "DEQUANTIZE"}
_CONVOLUTIONS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
# Where a kernel has its output channels.
_KERNEL_AXES = {**_CONVOLUTIONS, "FULLY_CONNECTED": 0}
_MODEL_BYTES_LIMIT = 2**31 - 1


def choose_input_kind(method: Method) -> InputKind:
    """Which SavedModel the method starts from: see `savedmodel`."""
    kinds: dict[str, InputKind] = {"float32": "uint8", "int8": "ranged", "int16": "float32"}
    return kinds[method.activations]


def convert_saved_model(saved_model: Path, method: Method, calibration: Pixels | None) -> bytes:
    """The .tflite file of a SavedModel.

    Args:
        saved_model: exported with the kind that `kind(method)` names.
        method: what weights and activations become.
        calibration: the photos that set the activation ranges; None for methods that need none.

    Raises:
        StageError: the converter failed.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if method.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if method.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if method.calibrated:
        assert calibration is not None
        converter.representative_dataset = lambda: _one_by_one(calibration)
    if method.activations == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    if method.activations == "int16":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    try:
        return bytes(converter.convert())
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise StageError(
            f"the TFLite converter could not make {method.name}: {first_line(error)}", where=(saved_model,)
        ) from error


def summarize_file(path: Path) -> ModelSummary:
    """What the file says of itself, read by the runtime that will run it.

    Raises:
        ConfigError: not a TFLite file, too large, or not one input and one output.
    """
    if path.stat().st_size > _MODEL_BYTES_LIMIT:
        raise ConfigError("too large for a TFLite file", where=(path,))
    tensors, nodes, ends = _read(path)
    used = {index for node in nodes for index in (*node["inputs"], *node["outputs"]) if index >= 0}
    return ModelSummary(
        input=_described(ends[0]),
        output=_described(ends[1]),
        operators=dict(sorted(Counter(node["op_name"] for node in nodes).items())),
        tensor_dtypes=dict(sorted(Counter(np.dtype(tensors[index]["dtype"]).name for index in used).items())),
    )


def list_float_operators(path: Path) -> list[str]:
    """The operators that compute in float, in the file's order; those that only hand numbers over do not count.

    Raises:
        ConfigError: not a TFLite file.
    """
    tensors, nodes, _ = _read(path)
    return [node["op_name"] for node in nodes if node["op_name"] not in _BORDER and _floats(node, tensors)]


def read_weights(path: Path) -> Iterator[np.ndarray]:
    """The weights of every convolution and dense layer, [output channels, weights], in the numbers of the file."""
    interpreter = _opened(path)
    nodes = interpreter._get_ops_details()
    # Weights stored in float16 reach their operator through another that makes them float32.
    stored = {node["outputs"][0]: node["inputs"][0] for node in nodes if node["op_name"] == "DEQUANTIZE"}
    for node in nodes:
        if node["op_name"] in _KERNEL_AXES:
            index = int(node["inputs"][1])
            kernel = interpreter.get_tensor(stored.get(index, index))
            axis = _KERNEL_AXES[node["op_name"]]
            yield np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)


def check_file(path: Path, method: Method) -> None:
    """Refuse a file that is not what the method promises.

    Raises:
        StageError: names the operator and the tensor.
    """
    tensors, nodes, ends = _read(path)
    for node in nodes:
        name = node["op_name"]
        if name.startswith("Flex") or "Flex" in name:
            raise _surprise(path, method, f"operator {name} needs TensorFlow on the device")
        floats = _floats(node, tensors)
        if method.activations != "float32" and floats and name not in _BORDER and not method.float_layers:
            raise _surprise(path, method, f"operator {name} computes in float at tensor {floats[0]!r}")
        if method.activations == "int8" and floats and not method.float_layers:
            raise _surprise(path, method, f"operator {name} hands over a float at tensor {floats[0]!r}")
        if method.activations != "float32" and name in _CONVOLUTIONS and not floats:
            weights = tensors[node["inputs"][1]]
            scales = len(weights["quantization_parameters"]["scales"])
            channels = int(weights["shape"][_CONVOLUTIONS[name]])
            if scales != channels:
                raise _surprise(path, method, f"{name} {weights['name']!r} has {scales} scales for {channels} channels")
    in_float = list_float_operators(path) if method.float_layers else []
    if len(in_float) != method.float_layers or not ladder.WEIGHTED_OPERATORS.issuperset(in_float):
        raise _surprise(path, method, f"{', '.join(in_float) or 'nothing'} computes in float")
    promised = (
        ("input", ends[0], "float32" if method.activations == "int16" else "uint8"),
        ("output", ends[1], "uint8" if method.activations == "int8" else "float32"),
    )
    for which, end, dtype in promised:
        if np.dtype(end["dtype"]).name != dtype or int(end["shape"][0]) != 1:
            raise _surprise(path, method, f"{which} {end['name']!r} is not {dtype} for one photo")
    held = {np.dtype(tensor["dtype"]).name for tensor in tensors.values()}
    if method.weights not in held:
        raise _surprise(path, method, f"no tensor holds {method.weights}")
    if method.weights != "int8" and "int8" in held:
        raise _surprise(path, method, "some tensors hold int8")
    if method.activations == "int8" and tuple(ends[0]["quantization"]) != (1.0, 0):
        raise _surprise(path, method, f"input {ends[0]['name']!r} is not raw 0..255: {ends[0]['quantization']}")


def _surprise(path: Path, method: Method, what: str) -> StageError:
    return StageError(f"the {method.name} file is not what it should be: {what}", where=(path,))


def _read(path: Path) -> tuple[dict[int, Any], list[Any], tuple[Any, Any]]:
    """Tensors by index, operators, and the two ends."""
    interpreter = _opened(path)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ConfigError(f"{len(inputs)} inputs and {len(outputs)} outputs, one of each is needed", where=(path,))
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    # LiteRT offers no public list of operators; this is the one its own tools use.
    return tensors, interpreter._get_ops_details(), (inputs[0], outputs[0])


def _opened(path: Path) -> Interpreter:
    """The file without delegates, which would hide the operators they take."""
    try:
        interpreter = Interpreter(
            model_path=str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"not a TFLite file that can be run: {first_line(error)}", where=(path,)) from error
    return interpreter


def _described(end: Any) -> TensorSpec:
    scale, zero_point = end["quantization"]
    return TensorSpec(
        name=str(end["name"]).removesuffix(":0").removeprefix("serving_default_"),
        shape=tuple(int(length) for length in end["shape"]),
        dtype=np.dtype(end["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _floats(node: Any, tensors: dict[int, Any]) -> list[str]:
    """The names of the float tensors that an operator touches."""
    return [tensors[i]["name"] for i in (*node["inputs"], *node["outputs"]) if i >= 0 and _is_float(tensors[i])]


def _is_float(tensor: Any) -> bool:
    return bool(np.issubdtype(tensor["dtype"], np.floating))


def _one_by_one(photos: Pixels) -> Iterator[list[np.ndarray]]:
    for index in range(len(photos)):
        yield [photos.rows([index]).astype(np.float32)]


def make_smallest_model() -> bytes:
    """A .tflite file with one dense layer in it, to see whether the kernels start."""
    weights = tf.constant(np.ones((8, 8), np.float32))
    multiply = tf.function(lambda x: tf.matmul(x, weights)).get_concrete_function(tf.TensorSpec((1, 8), tf.float32))
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([multiply]).convert())
