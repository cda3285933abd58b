"""Run an .onnx over photos on onnxruntime, one session and one thread a core.

In: a file and pixels. Out: scores in photo order and the median milliseconds of one invocation on one thread. The
settings of the session are those of the device's runtime.py, so that both give the same answers.
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from onnx import ModelProto
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from edgetl.core.errors import ConfigError, first_line
from edgetl.core.formats import KernelSet
from edgetl.core.parallel import Predictions, ThreadPredictions, predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph as onnx_graph

_LEVELS = {
    "onnxruntime": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "reference": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_SETTINGS = {
    # On x86-64 onnxruntime would turn signed activations into unsigned ones, whose products saturate where the
    # processor has no VNNI: measured, 72 % instead of 100 % of the answers equal to those of the graph as written.
    "session.qdqisint8allowed": "1",
    # Rounded weights of a matrix product meet float activations as they are.
    "session.qdq_matmulnbits_accuracy_level": "1",
    # A thread that waits must not burn a core that another session computes on.
    "session.intra_op.allow_spinning": "0",
}
# What onnxruntime raises: each derives from Exception alone.
RUNTIME_ERRORS = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
)
_ERRORS_ONLY = 3


def predict_file(path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
    """The artifact's answers.

    Args:
        path: an .onnx file with one uint8 (or float) image input for one photo, channels last, and one output.
        photos: the pixels; uint8 [photos, side, side, 3].
        kernels: "onnxruntime", as devices run it, or "reference", the graph as it is written, operator by operator.
        advance: told how many more photos are done; called from several threads.

    Returns:
        float32 scores [photos, outputs].

    Raises:
        ConfigError: not an ONNX file that can be run, or its input does not fit the photos.
    """
    onnx_graph.read_model(path)

    def answer(share: list[np.ndarray]) -> ThreadPredictions:
        return _answer(_opened(path, _options(kernels)), path, photos, share, advance)

    raw, invoke_ms = predict_in_parallel(len(photos), answer)
    return Predictions(
        raw=raw, scores=raw.astype(np.float32), invoke_ms=invoke_ms, accelerated=kernels == "onnxruntime"
    )


def open_unoptimized(model: ModelProto) -> onnxruntime.InferenceSession:
    """A graph in memory, to be run operator by operator."""
    return onnxruntime.InferenceSession(
        model.SerializeToString(), _options("reference"), providers=["CPUExecutionProvider"]
    )


def count_planned_operators(path: Path) -> dict[str, int]:
    """The operators that onnxruntime makes of a file before it runs it, each with its number."""
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        plan = Path(work) / "plan.onnx"
        options = _options("onnxruntime")
        # One level more would be for this processor alone.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(plan)
        _opened(path, options)
        return dict(Counter(node.op_type for node in onnx_graph.read_model(plan).graph.node))


def _answer(
    session: onnxruntime.InferenceSession,
    path: Path,
    photos: Pixels,
    share: list[np.ndarray],
    advance: Callable[[int], None],
) -> ThreadPredictions:
    (taken,) = session.get_inputs()
    dtype = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}.get(taken.type)
    if dtype is None:
        raise ConfigError(f"the model takes {taken.type}, not uint8 or float", where=(path,))
    raw, times_ms = [], []
    for rows in share:
        pixels = photos.rows(rows)
        wanted = (1, *pixels.shape[1:])
        open_or_equal = [
            not isinstance(has, int) or has == length for has, length in zip(taken.shape, wanted, strict=False)
        ]
        if len(taken.shape) != len(wanted) or not all(open_or_equal):
            raise ConfigError(f"the model takes {taken.shape}, the photos are {list(wanted)}", where=(path,))
        answers = []
        for photo in pixels.astype(dtype, copy=False):
            start = time.perf_counter()
            (given,) = session.run(None, {taken.name: photo[None]})
            times_ms.append((time.perf_counter() - start) * 1e3)
            answers.append(np.ravel(given))
        raw.append(np.stack(answers))
        advance(len(rows))
    return ThreadPredictions(raw, times_ms)


def _options(kernels: KernelSet) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = _LEVELS[kernels]
    options.log_severity_level = _ERRORS_ONLY
    for name, value in _SETTINGS.items():
        options.add_session_config_entry(name, value)
    return options


def _opened(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except RUNTIME_ERRORS as error:
        raise ConfigError(f"not an ONNX file that can be run: {first_line(error)}", where=(path,)) from error
