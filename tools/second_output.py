"""Bytes and time that the second output of a model file costs."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema

from edgetl.core.formats import FormatName
from edgetl.core.model_file import FEATURES
from edgetl.core.network.quantization import quantize_pixels
from edgetl.core.photos.segments import Bytes
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import runtime as tflite_runtime
from tools.results_files import Row

# Invocations in a turn. A turn of each file is a round: the shorter, the less the load changes between two turns.
_INVOCATIONS = 4


def remove_output(content: bytes, format_name: FormatName) -> bytes:
    """Remove the second output of a .tflite or .onnx file."""
    if format_name == "onnx":
        model = onnx.load_model_from_string(content)
        names = {output.name for output in model.graph.output[1:]}
        kept = [node for node in model.graph.node if not names & set(node.output)]
        del model.graph.output[1:], model.graph.node[:]
        model.graph.node.extend(kept)
        return bytes(model.SerializeToString(deterministic=True))
    tflite = schema.ModelT.InitFromPackedBuf(content, 0)
    tflite.subgraphs[0].outputs = list(tflite.subgraphs[0].outputs)[:1]
    for signature in tflite.signatureDefs or []:
        signature.outputs = [output for output in signature.outputs if output.name != FEATURES.encode()]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(tflite.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def measure_cost(path: Path, format_name: FormatName, photo: Bytes, rounds: int) -> Row:
    """Measure what the second output of a file costs: bytes, and the ratio of its time to that without.

    Args:
        path: the file.
        format_name: its format.
        photo: uint8 [height, width, 3].
        rounds: of each file in turn; medians are over them.
    """
    with tempfile.TemporaryDirectory() as folder:
        without = Path(folder) / path.name
        without.write_bytes(remove_output(path.read_bytes(), format_name))
        programs = [_open(file, format_name, photo) for file in (without, path)]
        times = np.array([[_time(program) for program in programs] for _ in range(rounds)])
        added = path.stat().st_size - without.stat().st_size
    return {
        "model_bytes": path.stat().st_size,
        "added_bytes": added,
        "invoke_ms": float(np.median(times[:, 1]) * 1e3),
        "ratio": float(np.median(times[:, 1] / times[:, 0])),
        "rounds": rounds,
    }


def time_answers(answer: Callable[[np.ndarray], object], features: np.ndarray) -> float:
    """Return the median duration of an answer in microseconds.

    Args:
        answer: called with float32 [features].
        features: float32 [photos, features].
    """
    durations = []
    for row in features:
        start = time.perf_counter()
        answer(row)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations) * 1e6


def _open(path: Path, format_name: FormatName, photo: Bytes) -> Callable[[], object]:
    """Return a function that predicts one photo on one thread, and reads every output."""
    if format_name == "onnx":
        session = onnx_runtime.open_session(path, "onnxruntime")
        inputs = {session.get_inputs()[0].name: photo[None].astype(_DTYPES[session.get_inputs()[0].type])}
        return lambda: session.run(None, inputs)
    interpreter = tflite_runtime.open_interpreter(path, tflite_runtime.RESOLVERS["xnnpack"])
    (image,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    pixels = quantize_pixels(photo[None], image["quantization"], image["dtype"])

    def invoke() -> list[np.ndarray]:
        interpreter.set_tensor(image["index"], pixels)
        interpreter.invoke()
        return [interpreter.get_tensor(output["index"]) for output in outputs]

    return invoke


_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}


def _time(program: Callable[[], object]) -> float:
    """Return the mean processor time of an invocation in seconds, after one that is not counted."""
    program()
    # Processor time of this process, whose runtimes have one thread: other processes do not add to it.
    start = time.process_time()
    for _ in range(_INVOCATIONS):
        program()
    return (time.process_time() - start) / _INVOCATIONS
