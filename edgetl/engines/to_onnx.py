"""SavedModel → .onnx by method: tf2onnx translates, onnxruntime folds and quantizes, and the bytes are always the same.

Opset 17 is the newest that tf2onnx 1.17, onnxruntime since 1.12 and the quantizer's QDQ form all know. The file eats
uint8 [1, side, side, 3] as the photo is; convolutions want the channels first, so one Transpose stands at the border.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from tf2onnx import tf_loader
from tf2onnx.graph import GraphUtil

from edgetl.core.errors import StageError
from edgetl.core.methods import Method
from edgetl.core.pixelstore import Pixels
from edgetl.core.records import Input
from edgetl.core.runs import version
from edgetl.engines import onnx_graph
from edgetl.engines.savedmodel import INPUT, Kind

OPSET = 17
# What opset 17 came with: older runtimes read it too.
_IR_VERSION = 8
# Smaller constants are limits and axes, not weights.
_WEIGHTS = 8
_PIXELS = (0, 255)
# 254 steps over the range of the pixels. With 255, those of a network that eats -1..1 fall halfway between two steps
# each, and rounding to the even one would merge them in pairs: half the levels lost before the first convolution.
_PIXEL_STEPS = 254


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What the file says of itself: the labels in the order of its outputs, and how a photo is fitted."""

    classes: tuple[str, ...]
    input: Input


def kind(method: Method) -> Kind:  # noqa: ARG001  (one for all; other formats have several)
    """Which SavedModel the method starts from: see `savedmodel`."""
    return "uint8"


def convert(saved_model: Path, method: Method, calibration: Pixels | None, card: Card) -> bytes:
    """The .onnx file of a SavedModel.

    Args:
        saved_model: exported with the kind that `kind(method)` names.
        method: what weights and activations become.
        calibration: the photos that set the activation ranges; None for methods that need none.
        card: what the file says of itself.

    Raises:
        StageError: the converter or the quantizer failed, or made something that is no valid ONNX.
    """
    try:
        model = _folded(onnx_graph.canonical(_translated(saved_model)))
        if method.weights == "float16":
            model = _halved(model)
        elif method.weights == "int8" and method.activations == "float32":
            model = _weights_rounded(model)
        elif method.calibrated:
            assert calibration is not None
            model = _quantized(model, method, calibration)
        model = onnx_graph.canonical(model)
        _describe(model, card)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))
    except (ValueError, RuntimeError, KeyError, tf.errors.OpError, onnx.checker.ValidationError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(f"the ONNX converter could not make {method.name}: {reason}", where=(saved_model,)) from error


def _translated(saved_model: Path) -> ModelProto:
    """What tf2onnx makes of it, with constants folded and transposes moved together."""
    graph, inputs, outputs = tf_loader.from_saved_model(
        str(saved_model), None, None, tag=["serve"], signatures=["serve"]
    )
    model, _ = tf2onnx.convert.from_graph_def(graph, input_names=inputs, output_names=outputs, opset=OPSET)
    if sum(node.op_type == "Transpose" for node in model.graph.node) > 1:
        # tf2onnx 1.17 gives up where a sum has a constant without dimensions, as a hard swish has; with one it goes on.
        model = GraphUtil.optimize_model_proto(_with_dimensions(model))
    return model


def _with_dimensions(model: ModelProto) -> ModelProto:
    """The same graph; a single number that meets a tensor in a sum or product is [1], which counts as much."""
    constants = onnx_graph.held(model)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if node.op_type in ("Add", "Sub", "Mul", "Div") and name in constants and not constants[name].dims:
                lifted = f"{name}/lifted"
                if lifted not in onnx_graph.held(model):
                    values = onnx_graph.array(constants[name]).reshape(1)
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
        return onnx_graph.canonical(onnx.load_model(path))


def _halved(model: ModelProto) -> ModelProto:
    """Weights kept in float16 and taken back to float32 where they are used: runtimes do it once, when they load."""
    for name, tensor in onnx_graph.held(model).items():
        values = onnx_graph.array(tensor)
        if values.dtype != np.float32 or values.size < _WEIGHTS:
            continue
        with np.errstate(over="ignore"):  # An overflow is told below, by name.
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise StageError(f"weights {name!r} are too large for float16: {np.abs(values).max():g}")
        node = helper.make_node("Cast", [f"{name}/float16"], [name], name=f"{name}/Cast", to=TensorProto.FLOAT)
        onnx_graph.add_after_constant(model, name, [numpy_helper.from_array(half, f"{name}/float16")], node)
    return model


def _weights_rounded(model: ModelProto) -> ModelProto:
    """Weights kept in int8, a scale for each output channel, and taken back to float32 where they are used."""
    for name, axis in onnx_graph.weight_axes(model).items():
        values = onnx_graph.array(onnx_graph.held(model)[name])
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
        onnx_graph.add_after_constant(model, name, constants, node)
    return model


def _quantized(model: ModelProto, method: Method, calibration: Pixels) -> ModelProto:
    """Weights and activations in integers, as QuantizeLinear and DequantizeLinear around what stays."""
    first, border = onnx_graph.border(model)
    integer = quantization.QuantType.QUInt8 if method.activations == "uint8" else quantization.QuantType.QInt8
    low, high = _range(model, border)
    scale = (high - low) / _PIXEL_STEPS
    lowest = 0 if method.activations == "uint8" else -127
    pinned = {
        "quant_type": integer,
        "scale": np.array(scale, np.float32),
        "zero_point": np.array(round(lowest - low / scale), np.uint8 if method.activations == "uint8" else np.int8),
    }
    last = model.graph.node[-1]
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        given, path = Path(work) / "given.onnx", Path(work) / "quantized.onnx"
        onnx.save_model(onnx.shape_inference.infer_shapes(model), given)
        quantization.quantize_static(
            given,
            path,
            _OneByOne(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=integer,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=[*first, *([last.name] if last.op_type in ("Softmax", "Sigmoid") else [])],
            extra_options={"TensorQuantOverrides": {border: [pinned]}},
        )
        return onnx.load_model(path)


def _range(model: ModelProto, tensor: str) -> tuple[float, float]:
    """The lowest and highest value that pixels can take at a tensor of the border, 0 among them."""
    probe = ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    found = [session.run(None, {INPUT: np.full(shape, level, np.uint8)})[0] for level in _PIXELS]
    return min(0.0, *(float(values.min()) for values in found)), max(0.0, *(float(values.max()) for values in found))


class _OneByOne(quantization.CalibrationDataReader):
    """The photos as the quantizer asks for them."""

    def __init__(self, photos: Pixels) -> None:
        self._photos: Iterator[dict[str, Any]] = ({INPUT: photos.rows([index])} for index in range(len(photos)))

    def get_next(self) -> dict[str, Any] | None:
        """The next photo, None after the last."""
        return next(self._photos, None)


def _describe(model: ModelProto, card: Card) -> None:
    """Say in the file who made it, what it eats, and what its outputs are called."""
    model.ir_version = _IR_VERSION
    model.producer_name, model.producer_version = "edgetl", version("edgetl")
    side = card.input.side_px
    said = {
        "labels": json.dumps(card.classes, ensure_ascii=False),
        "input": f"uint8 RGB [1, {side}, {side}, 3], 0..255; every scaling is inside the network",
        "side_px": f"{side}",
        "fit": card.input.fit,
    }
    helper.set_model_props(model, dict(sorted(said.items())))
