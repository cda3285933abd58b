"""An .onnx file or a SavedModel folder → its graph, simplified, and what the original predicts.

The shapes of the graph are fixed to one photo, and onnxruntime folds constants and merges normalizations into
convolutions. Only standard operators are left, and none of them can read a file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, read_regular
from edgetl.engines.keras.from_onnx.half_graph import check_not_quantized, list_half_dtypes, widen_graph
from edgetl.engines.onnxruntime_errors import RUNTIME_ERRORS

_ERRORS_ONLY = 3
# An opset that all supported versions of onnxruntime read.
_OPSET = 21


@dataclass(frozen=True, slots=True)
class SourceGraph:
    """A graph and its original.

    Attributes:
        graph: the simplified graph.
        photos: number of photos that its shapes are written for.
        predict: function from photos in the shape of its input to what the original predicts, float [photos, units].
        half_dtypes: dtypes of half precision that the original computes in; the graph is in float32.
    """

    graph: ModelProto
    photos: int
    predict: Callable[[np.ndarray], np.ndarray]
    half_dtypes: tuple[str, ...] = ()


def read_onnx(path: Path) -> SourceGraph:
    """Read an .onnx file.

    Raises:
        ConfigError: not an ONNX file, weights in other files, more inputs or outputs than one, an input without a fixed
            size, or a graph that onnxruntime cannot run.
    """
    try:
        model = onnx.load_model_from_string(read_regular(path, LARGEST_MODEL_BYTES))
    except DecodeError as error:
        raise ConfigError("not an ONNX file", hint="export the model again") from error
    return open_graph(model)


def open_graph(model: ModelProto, predict: Callable[[np.ndarray], np.ndarray] | None = None) -> SourceGraph:
    """Check a graph and simplify it; `predict` computes what the original predicts, by default with onnxruntime.

    Raises:
        ConfigError: see `read_onnx`.
    """
    # A file from elsewhere could name any file of this host as its weights.
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in _iterate_tensors(model.graph)):
        raise ConfigError(
            "its weights are in other files, which are not opened",
            hint="save the model with its weights in one file: onnx.save(onnx.load('FILE.onnx'), 'ONE.onnx')",
        )
    check_not_quantized(model)
    _check_not_training(model)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise ConfigError(
            f"the model has {len(inputs)} inputs and {len(model.graph.output)} outputs, one of each is needed",
            hint="export the part that maps one photo to one row of scores",
        )
    # Old exporters list the constants as inputs too: they could then be replaced, and nothing would be folded.
    kept = [index for index, value in enumerate(model.graph.input) if value.name not in constants]
    for index in reversed(range(len(model.graph.input))):
        if index not in kept:
            del model.graph.input[index]
    # Since version 4 of the format a constant need not be an input.
    model.ir_version = max(model.ir_version, 4)
    inputs = list(model.graph.input)
    photos = _fix_photos(inputs[0])
    _replace_erfc(model)
    del model.graph.value_info[:]
    # The shape of the output follows from the nodes.
    model.graph.output[0].type.tensor_type.ClearField("shape")
    half_dtypes = list_half_dtypes(model)
    try:
        with TemporaryDirectory(prefix="edgetl-onnx-") as work:
            simplified = _simplify(widen_graph(model) if half_dtypes else model, Path(work))
        session = _open(model.SerializeToString())
    except RUNTIME_ERRORS as error:
        # A SavedModel comes with a function that predicts, an ONNX file without one.
        hint = "give the model as .keras or .h5 if it was made with Keras" if predict else "export the model again"
        opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
        if opset > _OPSET:
            raise ConfigError(
                f"the graph is written for opset {opset}, and onnxruntime cannot run it",
                hint=f"export the model again for opset {_OPSET} or an older one",
            ) from error
        raise ConfigError(f"the graph cannot be run: {first_line(error)}", hint=hint) from error
    name = inputs[0].name
    dtype = np.float16 if inputs[0].type.tensor_type.elem_type == TensorProto.FLOAT16 else None
    return SourceGraph(
        simplified,
        photos,
        predict or (lambda batch: _run(session, name, photos, batch.astype(dtype or batch.dtype))),
        half_dtypes,
    )


def _iterate_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield the tensors of a graph, those in the attributes of its nodes and in the graphs nested in it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        if attribute.HasField("g"):
            yield from _iterate_tensors(attribute.g)
        for nested in attribute.graphs:
            yield from _iterate_tensors(nested)


def _check_not_training(model: ModelProto) -> None:
    for node in model.graph.node:
        mode = any(entry.name == "training_mode" and entry.i for entry in node.attribute)
        # Before opset 14 a normalization that trains has its new statistics as further outputs.
        if node.op_type == "BatchNormalization" and (mode or sum(map(bool, node.output)) > 1):
            raise ConfigError(
                f"BatchNormalization {node.name!r} was exported as in training: it depends on the other photos",
                hint="export the model for inference: in PyTorch, call model.eval() before torch.onnx.export",
            )


def _fix_photos(value: onnx.ValueInfoProto) -> int:
    """Fix the number of photos of an input to one, unless it is fixed already, and return it."""
    dimensions = value.type.tensor_type.shape.dim
    # tf2onnx names open lengths unk__1 and so on.
    names = ["?" if dimension.dim_param.startswith("unk__") else dimension.dim_param for dimension in dimensions]
    shape = [dimension.dim_value or name or "?" for dimension, name in zip(dimensions, names, strict=True)]
    if len(shape) != 4:
        raise ConfigError(
            f"the model's input must be photos of four axes, not {shape}",
            hint="export the part that maps one photo to one row of scores",
        )
    if not all(isinstance(length, int) for length in shape[1:]):
        raise ConfigError(
            f"the model's input has no fixed size: {shape}",
            hint="export the model with a fixed height and width",
        )
    if not isinstance(shape[0], int):
        dimensions[0].dim_value = 1
    return int(dimensions[0].dim_value)


def _replace_erfc(model: ModelProto) -> None:
    """Write Erfc, which ONNX does not have and tf2onnx leaves in the graph for GELU, as 1 - Erf."""
    if not any(node.op_type == "Erfc" for node in model.graph.node):
        return
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Erfc":
            name = f"{node.output[0]}/erf"
            nodes += [
                helper.make_node("Erf", list(node.input), [name]),
                helper.make_node("Sub", ["edgetl/one", name], list(node.output)),
            ]
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "edgetl/one"))


def _simplify(model: ModelProto, work: Path) -> ModelProto:
    source, target = work / "source.onnx", work / "simplified.onnx"
    # By path: onnxruntime 1.32 moves the weights of a model in memory into a file, and does not find them there.
    source.write_bytes(model.SerializeToString())
    options = _make_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return onnx.load_model(target)


def _open(content: bytes) -> Any:
    return onnxruntime.InferenceSession(content, _make_options(), providers=["CPUExecutionProvider"])


def _make_options() -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    return options


def _run(session: Any, name: str, photos: int, batch: np.ndarray) -> np.ndarray:
    """Predict photos one by one, each repeated to the number of photos of the graph."""
    rows = [session.run(None, {name: np.repeat(photo[None], photos, axis=0)})[0][0] for photo in batch]
    return np.stack([np.ravel(row) for row in rows])
