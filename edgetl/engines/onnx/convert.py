"""SavedModel → .onnx: tf2onnx translates the graph, onnxruntime folds its constants, and equal models give equal bytes.

The input of the file is a raw photo, uint8 [1, height, width, 3]. Convolutions in ONNX need the channels first, so a
Transpose follows the input.
"""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from edgetl.core.model_file import ModelMetadata
from edgetl.core.network.quantization import compute_weight_scales, quantize_weights
from edgetl.core.run.fingerprint import installed_version
from edgetl.engines.onnx import graph
from edgetl.engines.onnx.missing_operators import replace_missing_operators
from edgetl.engines.onnx.sums import restore_sums
from edgetl.engines.onnxruntime_errors import RUNTIME_ERRORS

# The newest opset that tf2onnx 1.17, the QDQ quantizer and onnxruntime since 1.12 support.
OPSET = 17
# The oldest IR version that contains opset 17: runtimes reject files of a newer version than their own.
_IR_VERSION = 8
# Smaller constants are bounds and axes. They stay as they are.
_FEWEST_WEIGHTS = 8
# Least magnitude of an output channel, so that a channel of zeros has a positive scale.
_SMALLEST_WEIGHT = 1e-12
# What the libraries raise when a conversion fails. The classes of onnx and onnxruntime derive from Exception directly.
CONVERTER_ERRORS = (
    ValueError,
    RuntimeError,
    KeyError,
    tf.errors.OpError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    *RUNTIME_ERRORS,
)


def convert_graph(source: bytes, method: Method, metadata: ModelMetadata) -> bytes:
    """Convert a float graph by a method that needs no photos. For the other methods see `calibrate`.

    Args:
        source: from `translate_saved_model`.
        method: dtype of the weights.
        metadata: written into the file.

    Returns:
        The content of the .onnx file.

    Raises:
        StageError: the converter failed, or made an invalid file.
    """
    model = onnx.load_model_from_string(source)
    try:
        if method.weights == "float16":
            _store_as_float16(model)
        elif method.weights == "int8":
            _store_as_int8(model)
        return finish_model(model, metadata)
    except CONVERTER_ERRORS as error:
        raise StageError(f"the ONNX converter could not make {method.name}: {first_line(error)}") from error


def translate_saved_model(saved_model: Path) -> bytes:
    """Translate a SavedModel to a float graph in canonical order: see `graph.canonicalize`.

    Args:
        saved_model: exported with the input "uint8": see `keras.saved_model`.

    Raises:
        StageError: the converter failed.
    """
    try:
        model = _fold_constants(graph.canonicalize(trace_saved_model(saved_model, "serve")))
    except CONVERTER_ERRORS as error:
        raise StageError(f"tf2onnx could not translate the model: {first_line(error)}") from error
    return bytes(model.SerializeToString(deterministic=True))


def finish_model(model: ModelProto, metadata: ModelMetadata) -> bytes:
    """Put a graph into canonical order, add the metadata, check and serialize it.

    Raises:
        onnx.checker.ValidationError: the graph is invalid.
    """
    model = graph.canonicalize(model)
    _add_metadata(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def trace_saved_model(saved_model: Path, signature: str) -> ModelProto:
    """Translate a signature of a SavedModel with tf2onnx, with constants folded and transposes merged.

    Raises:
        CONVERTER_ERRORS: the converter failed.
    """
    graph_def, inputs, outputs = tf_loader.from_saved_model(
        str(saved_model), None, None, tag=["serve"], signatures=[signature]
    )
    with _collect_garbage_often():
        model, _ = tf2onnx.convert.from_graph_def(graph_def, input_names=inputs, output_names=outputs, opset=OPSET)
    replace_missing_operators(model)
    restore_sums(model)
    if sum(node.op_type == "Transpose" for node in model.graph.node) > 1:
        # tf2onnx 1.17 does not move a Transpose through an operator with a constant of rank 0, as in hard swish.
        _give_constants_rank(model)
        with _collect_garbage_often():
            model = GraphUtil.optimize_model_proto(model)
    return model


@contextmanager
def _collect_garbage_often() -> Iterator[None]:
    """Run Python's garbage collector often, on objects that are created inside the context.

    tf2onnx copies the graph with its weights in each of its passes, and the copies contain reference cycles. A ResNet50
    took 9.9 GB with Python's default thresholds and 3.5 GB with these, in the same time.
    """
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    # Older objects are not examined again and again.
    gc.freeze()
    gc.set_threshold(1000, 5, 2)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        # There is no call that unfreezes some objects only. What the caller has frozen must stay so.
        if not frozen:
            gc.unfreeze()


def _give_constants_rank(model: ModelProto) -> None:
    """Reshape every constant of rank 0 in an arithmetic operator to [1], which broadcasts to the same result."""
    constants = graph.map_initializers(model)
    reshaped: set[str] = set()
    for node in model.graph.node:
        if node.op_type not in ("Add", "Sub", "Mul", "Div"):
            continue
        for place, name in enumerate(node.input):
            if name in constants and not constants[name].dims:
                node.input[place] = f"{name}/lifted"
                if name not in reshaped:
                    reshaped.add(name)
                    values = graph.to_array(constants[name]).reshape(1)
                    model.graph.initializer.append(numpy_helper.from_array(values, f"{name}/lifted"))


def _fold_constants(model: ModelProto) -> ModelProto:
    """Fold BatchNormalization, padding and biases into the convolutions before them."""
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        unfolded, folded = Path(work) / "unfolded.onnx", Path(work) / "folded.onnx"
        # By path: onnxruntime 1.32 moves the weights of a model in memory into a file, and does not find them there.
        onnx.save_model(model, unfolded)
        quant_pre_process(unfolded, folded, skip_symbolic_shape=True)
        model = onnx.load_model(folded)
    # onnxruntime merges sums too.
    restore_sums(model)
    return graph.canonicalize(model)


def _store_as_float16(model: ModelProto) -> None:
    """Store weights as float16 with a Cast to float32 behind them. Runtimes compute the Cast once, when they load."""
    for name, tensor in graph.map_initializers(model).items():
        values = graph.to_array(tensor)
        if values.dtype != np.float32 or values.size < _FEWEST_WEIGHTS:
            continue
        with np.errstate(over="ignore"):  # An overflow is reported below, with the name of the weights.
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise StageError(f"weights {name!r} are too large for float16: {np.abs(values).max():g}")
        node = helper.make_node("Cast", [f"{name}/float16"], [name], name=f"{name}/Cast", to=TensorProto.FLOAT)
        graph.replace_initializer(model, name, [numpy_helper.from_array(half, f"{name}/float16")], node)


def _store_as_int8(model: ModelProto) -> None:
    """Store weights as int8, one scale for each output channel, with a DequantizeLinear behind them."""
    initializers = {name: graph.to_array(tensor) for name, tensor in graph.map_initializers(model).items()}
    for name, axis in graph.find_weight_axes(model).items():
        scales = compute_weight_scales(initializers[name], axis, _SMALLEST_WEIGHT)
        integers = quantize_weights(initializers[name], scales, axis)
        constants = [
            numpy_helper.from_array(integers, f"{name}/int8"),
            numpy_helper.from_array(scales, f"{name}/scale"),
        ]
        inputs = [constant.name for constant in constants]
        node = helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}/DequantizeLinear", axis=axis)
        graph.replace_initializer(model, name, constants, node)


def _add_metadata(model: ModelProto, metadata: ModelMetadata) -> None:
    model.ir_version = _IR_VERSION
    model.producer_name, model.producer_version = "edgetl", installed_version("edgetl")
    height_px, width_px = metadata.input.height_px, metadata.input.width_px
    # A square has one side, so that its files stay as they were.
    size = {"side_px": height_px} if height_px == width_px else {"height_px": height_px, "width_px": width_px}
    properties = {
        "labels": json.dumps(metadata.classes, ensure_ascii=False),
        "input": f"uint8 RGB [1, {height_px}, {width_px}, 3], 0..255; every scaling is inside the network",
        "fit": metadata.input.fit,
        **{name: f"{length}" for name, length in size.items()},
    }
    helper.set_model_props(model, dict(sorted(properties.items())))
