"""Runs an .onnx file over photos on onnxruntime, with one session and one thread for each core.

The session options are those of the device's runtime.py, so that host and device give the same predictions.
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from onnx import ModelProto
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.formats import KernelSet
from edgetl.core.parallel import Predictions, ThreadPredictions, predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph

_LEVELS = {
    "onnxruntime": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "reference": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_SETTINGS = {
    # On x86-64 onnxruntime would turn signed activations into unsigned ones, whose products saturate on processors
    # without VNNI: measured, 72 % instead of 100 % of the predictions agreed with those of the unoptimized graph.
    "session.qdqisint8allowed": "1",
    # Level 1 multiplies quantized weights with float activations, without rounding the activations.
    "session.qdq_matmulnbits_accuracy_level": "1",
    # A waiting thread must not use a core that another session computes on.
    "session.intra_op.allow_spinning": "0",
}
# What onnxruntime raises. Each class derives from Exception directly.
RUNTIME_ERRORS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NotImplemented,
    errors.RuntimeException,
)
_LOG_ERRORS_ONLY = 3
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}


def predict_file(path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
    """Predict photos with an .onnx file.

    Args:
        path: a file with one uint8 or float image input for one photo, channels last, and one output.
        photos: uint8 [photos, side, side, 3].
        kernels: "onnxruntime", as devices run it, or "reference", the unoptimized graph, operator by operator.
        advance: called from several threads with the number of further photos that are done.

    Raises:
        ConfigError: not an ONNX file that can be run, or its input does not match the photos.
    """
    graph.read_model(path)

    def predict_chunks(chunks: list[np.ndarray]) -> ThreadPredictions:
        session = _open(path, _make_options(kernels))
        dtype = _check_input(session.get_inputs()[0], path, photos)
        return _predict_chunks(session, photos, dtype, chunks, advance)

    raw, invoke_ms = predict_in_parallel(len(photos), predict_chunks)
    accelerated = kernels == "onnxruntime"
    return Predictions(raw=raw, scores=raw.astype(np.float32), invoke_ms=invoke_ms, accelerated=accelerated)


def open_unoptimized(model: ModelProto) -> onnxruntime.InferenceSession:
    """Open a graph in memory, to be run operator by operator."""
    return onnxruntime.InferenceSession(
        model.SerializeToString(), _make_options("reference"), providers=["CPUExecutionProvider"]
    )


def count_planned_operators(path: Path) -> dict[str, int]:
    """Count the operators of the graph that onnxruntime makes of a file before it runs it."""
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        plan = Path(work) / "plan.onnx"
        options = _make_options("onnxruntime")
        # The next level would replace operators by those of this processor alone.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(plan)
        _open(path, options)
        return dict(Counter(node.op_type for node in graph.read_model(plan).graph.node))


def _check_input(image: onnxruntime.NodeArg, path: Path, photos: Pixels) -> type:
    """Check that the input takes one photo; return its dtype. A symbolic dimension takes any length."""
    if image.type not in _DTYPES:
        raise ConfigError(f"the model's input is {image.type}, not uint8 or float", where=(path,))
    side_px = photos.input_spec.side_px
    expected = [1, side_px, side_px, 3]
    lengths = zip(image.shape, expected, strict=False)
    fits = all(not isinstance(length, int) or length == wanted for length, wanted in lengths)
    if len(image.shape) != len(expected) or not fits:
        raise ConfigError(f"the model's input is {image.shape}, the photos are {expected}", where=(path,))
    return _DTYPES[image.type]


def _predict_chunks(
    session: onnxruntime.InferenceSession,
    photos: Pixels,
    dtype: type,
    chunks: list[np.ndarray],
    advance: Callable[[int], None],
) -> ThreadPredictions:
    name = session.get_inputs()[0].name
    raw, times_ms = [], []
    for rows in chunks:
        outputs = []
        for photo in photos.rows(rows).astype(dtype, copy=False):
            start = time.perf_counter()
            (scores,) = session.run(None, {name: photo[None]})
            times_ms.append((time.perf_counter() - start) * 1e3)
            outputs.append(np.ravel(scores))
        raw.append(np.stack(outputs))
        advance(len(rows))
    return ThreadPredictions(raw, times_ms)


def _make_options(kernels: KernelSet) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = _LEVELS[kernels]
    options.log_severity_level = _LOG_ERRORS_ONLY
    for name, value in _SETTINGS.items():
        options.add_session_config_entry(name, value)
    return options


def _open(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except RUNTIME_ERRORS as error:
        raise ConfigError(f"not an ONNX file that can be run: {first_line(error)}", where=(path,)) from error
