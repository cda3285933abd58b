"""SavedModel → .onnx by method: tf2onnx translates, onnxruntime folds, and the bytes are always the same.

Opset 17 is the newest that tf2onnx 1.17, onnxruntime since 1.12 and the quantizer's QDQ form all know. The file eats
uint8 [1, side, side, 3] as the photo is; convolutions want the channels first, so one Transpose stands at the border.
"""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization.shape_inference import quant_pre_process
from tf2onnx import tf_loader
from tf2onnx.graph import GraphUtil

from edgetl.core.errors import StageError, first_line
from edgetl.core.methods import Method
from edgetl.core.records import InputSpec
from edgetl.core.runs import installed_version
from edgetl.engines.keras.saved_model import InputKind
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.engines.onnx import runtime as onnx_runtime

OPSET = 17
# The SavedModel that every method starts from: see `savedmodel`.
KIND: InputKind = "uint8"
# What opset 17 came with: older runtimes read it too.
_IR_VERSION = 8
# Smaller constants are limits and axes, not weights.
_WEIGHTS = 8
# What the libraries raise where a conversion fails.
ERRORS = (
    ValueError,
    RuntimeError,
    KeyError,
    tf.errors.OpError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    *onnx_runtime.RUNTIME_ERRORS,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMetadata:
    """What the file says of itself: the labels in the order of its outputs, and how a photo is fitted."""

    classes: tuple[str, ...]
    input: InputSpec


def convert_graph(graph: bytes, method: Method, card: ModelMetadata) -> bytes:
    """The .onnx file of a graph by a method that needs no photos; the others are `onnx_calibrated`'s.

    Args:
        graph: what `translated` gave.
        method: what weights become.
        card: what the file says of itself.

    Raises:
        StageError: the converter failed, or made something that is no valid ONNX.
    """
    model = onnx.load_model_from_string(graph)
    try:
        if method.weights == "float16":
            model = _halved(model)
        elif method.weights == "int8":
            model = _weights_rounded(model)
        return finish_model(model, card)
    except ERRORS as error:
        raise StageError(f"the ONNX converter could not make {method.name}: {first_line(error)}") from error


def translate_saved_model(saved_model: Path) -> bytes:
    """The float graph of a SavedModel, in the order and under the names that `onnx_graph.canonical` gives.

    Args:
        saved_model: exported with KIND.

    Raises:
        StageError: the converter failed.
    """
    try:
        model = _folded(onnx_graph.canonicalize(trace_saved_model(saved_model, "serve")))
    except ERRORS as error:
        raise StageError(f"the SavedModel could not become ONNX: {first_line(error)}", where=(saved_model,)) from error
    return bytes(model.SerializeToString(deterministic=True))


def finish_model(model: ModelProto, card: ModelMetadata) -> bytes:
    """The file of a graph: in canonical order, described, and checked.

    Raises:
        onnx.checker.ValidationError: it is no valid ONNX.
    """
    model = onnx_graph.canonicalize(model)
    _describe(model, card)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def trace_saved_model(saved_model: Path, signature: str) -> ModelProto:
    """What tf2onnx makes of a signature, with constants folded and transposes moved together; it raises `ERRORS`."""
    graph, inputs, outputs = tf_loader.from_saved_model(
        str(saved_model), None, None, tag=["serve"], signatures=[signature]
    )
    with _collecting_often():
        model, _ = tf2onnx.convert.from_graph_def(graph, input_names=inputs, output_names=outputs, opset=OPSET)
    _add_apart(model)
    if sum(node.op_type == "Transpose" for node in model.graph.node) > 1:
        # tf2onnx 1.17 gives up where a sum has a constant without dimensions, as a hard swish has; with one it goes on.
        with _collecting_often():
            model = GraphUtil.optimize_model_proto(_with_dimensions(model))
    return model


@contextmanager
def _collecting_often() -> Iterator[None]:
    """Let Python look for garbage often, among what is made from here on.

    tf2onnx copies the graph, weights and all, for each of its passes, into cycles: with Python's own thresholds a
    ResNet50 took 9.9 GB, with these 3.5, in the same time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(1000, 5, 2)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _add_apart(model: ModelProto) -> None:
    """Take out of convolutions what tf2onnx 1.17 adds to them as a bias and is none.

    On maps of one pixel it merges a sum with another layer's answer so, as a second bias if there is one already.
    """
    made_by, constants = onnx_graph.map_producers(model), onnx_graph.map_initializers(model)

    def constant(name: str) -> bool:
        maker = made_by.get(name)
        return name in constants if maker is None else all(map(constant, maker.input))

    for place, node in reversed(list(enumerate(model.graph.node))):
        added = [name for name in node.input[2:] if not constant(name)] if node.op_type == "Conv" else []
        if not added:
            continue
        answer, sum_ = node.output[0], f"{node.name}/alone"
        node.input[:] = [name for name in node.input if name not in added]
        node.output[:] = [sum_]
        shape = f"{node.name}/shape"
        model.graph.initializer.append(numpy_helper.from_array(np.array([1, -1, 1, 1]), shape))
        new = []
        for number, vector in enumerate(added, 1):
            map_, before = f"{node.name}/added{number}", sum_
            sum_ = answer if number == len(added) else f"{node.name}/sum{number}"
            new.append(helper.make_node("Reshape", [vector, shape], [map_], name=map_))
            new.append(helper.make_node("Add", [before, map_], [sum_], name=f"{node.name}/Add{number}"))
        for after in reversed(new):
            model.graph.node.insert(place + 1, after)


def _with_dimensions(model: ModelProto) -> ModelProto:
    """The same graph; a single number that meets a tensor in a sum or product is [1], which counts as much."""
    constants = onnx_graph.map_initializers(model)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if node.op_type in ("Add", "Sub", "Mul", "Div") and name in constants and not constants[name].dims:
                lifted = f"{name}/lifted"
                if lifted not in onnx_graph.map_initializers(model):
                    values = onnx_graph.to_array(constants[name]).reshape(1)
                    model.graph.initializer.append(numpy_helper.from_array(values, lifted))
                node.input[place] = lifted
    return model


def _folded(model: ModelProto) -> ModelProto:
    """BatchNormalization, padding and biases moved into the convolutions before them, and nothing done to values."""
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        given, path = Path(work) / "given.onnx", Path(work) / "folded.onnx"
        # By path: given a model in memory, it moves the weights out of that into a file and then misses them.
        onnx.save_model(model, given)
        quant_pre_process(given, path, skip_symbolic_shape=True)
        return onnx_graph.canonicalize(onnx.load_model(path))


def _halved(model: ModelProto) -> ModelProto:
    """Weights kept in float16 and taken back to float32 where they are used: runtimes do it once, when they load."""
    for name, tensor in onnx_graph.map_initializers(model).items():
        values = onnx_graph.to_array(tensor)
        if values.dtype != np.float32 or values.size < _WEIGHTS:
            continue
        with np.errstate(over="ignore"):  # An overflow is told below, by name.
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise StageError(f"weights {name!r} are too large for float16: {np.abs(values).max():g}")
        node = helper.make_node("Cast", [f"{name}/float16"], [name], name=f"{name}/Cast", to=TensorProto.FLOAT)
        onnx_graph.replace_initializer(model, name, [numpy_helper.from_array(half, f"{name}/float16")], node)
    return model


def _weights_rounded(model: ModelProto) -> ModelProto:
    """Weights kept in int8, a scale for each output channel, and taken back to float32 where they are used."""
    for name, axis in onnx_graph.find_weight_axes(model).items():
        values = onnx_graph.to_array(onnx_graph.map_initializers(model)[name])
        others = tuple(index for index in range(values.ndim) if index != axis)
        # A channel of zeros has no range; any scale gives zeros again.
        scales = np.maximum(np.abs(values).max(axis=others), np.float32(1e-12)) / np.float32(127)
        along = scales.reshape([-1 if index == axis else 1 for index in range(values.ndim)])
        rounded = np.clip(np.rint(values / along), -127, 127).astype(np.int8)
        constants = [
            numpy_helper.from_array(rounded, f"{name}/int8"),
            numpy_helper.from_array(scales.astype(np.float32), f"{name}/scale"),
        ]
        inputs = [constant.name for constant in constants]
        node = helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}/DequantizeLinear", axis=axis)
        onnx_graph.replace_initializer(model, name, constants, node)
    return model


def _describe(model: ModelProto, card: ModelMetadata) -> None:
    """Say in the file who made it, what it eats, and what its outputs are called."""
    model.ir_version = _IR_VERSION
    model.producer_name, model.producer_version = "edgetl", installed_version("edgetl")
    side = card.input.side_px
    said = {
        "labels": json.dumps(card.classes, ensure_ascii=False),
        "input": f"uint8 RGB [1, {side}, {side}, 3], 0..255; every scaling is inside the network",
        "side_px": f"{side}",
        "fit": card.input.fit,
    }
    helper.set_model_props(model, dict(sorted(said.items())))
