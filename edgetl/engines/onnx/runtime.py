"""Predicts photos with an .onnx file on onnxruntime, with one single-threaded session for each core.

The session options are those of runtime.py on the device, so that host and device compute the same.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from onnx import ModelProto

from edgetl.core.device.host_latency import measure_host_latency
from edgetl.core.errors import ConfigError, StageError, first_line
from edgetl.core.formats import KernelSet
from edgetl.core.parallel import Predictions, join_outputs, predict_in_parallel, predict_one_by_one, split_outputs
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph
from edgetl.engines.onnxruntime_errors import RUNTIME_ERRORS

_LEVELS = {
    "onnxruntime": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "reference": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_SETTINGS = {
    # By default, onnxruntime turns signed activations into unsigned ones on x86-64. Sums of their products saturate on
    # processors without VNNI: 72 % of the predictions agreed with those of the unoptimized graph, with this 100 %.
    "session.qdqisint8allowed": "1",
    # Where weights are quantized and activations are not, the default level, 4, rounds the activations to int8 as well.
    # Level 1 computes in float32.
    "session.qdq_matmulnbits_accuracy_level": "1",
    # By default, a thread without work uses its core, on which another session could compute.
    "session.intra_op.allow_spinning": "0",
}
_LOG_ERRORS_ONLY = 3
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}


def predict_file(path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]) -> Predictions:
    """Predict photos with an .onnx file.

    Args:
        path: a file with one uint8 or float image input for one photo, channels last, and one output.
        photos: uint8 [photos, height, width, 3].
        kernels: "onnxruntime", as on devices, or "reference", which runs the operators of the file one by one.
        advance: called with the number of photos of each chunk, from several threads.

    Raises:
        ConfigError: not an ONNX file that can be run, or its input does not match the photos.
    """
    outputs, (session, *_) = predict_all_outputs(path, photos, kernels, advance)
    dtype = check_input(session.get_inputs()[0], path, photos)
    feed: dict[str, np.ndarray] = {session.get_inputs()[0].name: photos.rows([0]).astype(dtype, copy=False)}
    return Predictions(
        raw=outputs[0],
        scores=outputs[0].astype(np.float32),
        # After the photos, when no other thread computes.
        latency=measure_host_latency(lambda: session.run(None, feed)),
        accelerated=kernels == "onnxruntime",
        features=outputs[1].astype(np.float32) if len(outputs) > 1 else None,
    )


def predict_all_outputs(
    path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]
) -> tuple[list[np.ndarray], list[onnxruntime.InferenceSession]]:
    """Predict photos with an .onnx file; arguments and errors as in `predict_file`.

    Returns:
        The values of each output, [photos, units] in its own dtype, and the sessions.
    """
    graph.read_model(path)
    sessions: list[onnxruntime.InferenceSession] = []

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        session = open_session(path, kernels)
        dtype = check_input(session.get_inputs()[0], path, photos)
        sessions.append(session)
        name = session.get_inputs()[0].name

        def predict_photo(photo: np.ndarray) -> np.ndarray:
            outputs = session.run(None, {name: photo.astype(dtype, copy=False)})
            return join_outputs([np.ravel(values) for values in outputs])

        return predict_one_by_one(photos, chunks, predict_photo, advance)

    return split_outputs(predict_in_parallel(len(photos), predict_chunks)), sessions


def try_file(path: Path) -> None:
    """Predict a black photo with the optimized graph.

    Raises:
        ConfigError: not an ONNX file that can be run.
        StageError: the runtime failed.
    """
    session = _open(path, make_session_options("onnxruntime"))
    image = session.get_inputs()[0]
    try:
        session.run(None, {image.name: np.zeros(image.shape, _DTYPES[image.type])})
    except RUNTIME_ERRORS as error:
        raise StageError(f"onnxruntime cannot run the file: {first_line(error)}", where=(path,)) from error


def open_session(path: Path, kernels: KernelSet) -> onnxruntime.InferenceSession:
    """Open a file in a single-threaded session.

    Raises:
        ConfigError: not an ONNX file that can be run.
    """
    return _open(path, make_session_options(kernels))


def open_unoptimized(model: ModelProto) -> onnxruntime.InferenceSession:
    """Open a graph without optimizations."""
    return onnxruntime.InferenceSession(
        model.SerializeToString(), make_session_options("reference"), providers=["CPUExecutionProvider"]
    )


def open_part(content: bytes) -> onnxruntime.InferenceSession:
    """Open a part of a graph in a single-threaded session, with the kernels of devices."""
    return onnxruntime.InferenceSession(
        content, make_session_options("onnxruntime"), providers=["CPUExecutionProvider"]
    )


def count_planned_operators(path: Path) -> dict[str, int]:
    """Count the operators of the optimized graph that onnxruntime runs."""
    with TemporaryDirectory(prefix="edgetl-onnx-") as work:
        plan = Path(work) / "plan.onnx"
        options = make_session_options("onnxruntime")
        # The next level depends on the processor: it replaces operators by some that other hosts do not have.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(plan)
        _open(path, options)
        return dict(Counter(node.op_type for node in graph.read_model(plan).graph.node))


def check_input(image: onnxruntime.NodeArg, path: Path, photos: Pixels) -> type:
    """Check that the input has the shape of one photo; return its dtype. A symbolic dimension accepts any length.

    Raises:
        ConfigError: it has another shape or dtype.
    """
    if image.type not in _DTYPES:
        raise ConfigError(f"the model's input is {image.type}, not uint8 or float", where=(path,))
    expected = [1, *photos.input_spec.shape]
    lengths = zip(image.shape, expected, strict=False)
    fits = all(not isinstance(length, int) or length == required for length, required in lengths)
    if len(image.shape) != len(expected) or not fits:
        raise ConfigError(f"the model's input is {image.shape}, the photos are {expected}", where=(path,))
    return _DTYPES[image.type]


def make_session_options(kernels: KernelSet) -> onnxruntime.SessionOptions:
    """Make the options of a single-threaded session, which are those on the device."""
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
