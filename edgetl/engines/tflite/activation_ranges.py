"""A calibrated .tflite file and photos → the same file with the smallest and largest values of its tensors.

TFLite's calibrator runs on one core without XNNPACK. It also records wrong ranges: it reads the inputs of an operator
after the operator has run, when LiteRT may have written the output into the memory of an input. So the output of a
convolution before a residual addition gets the range of the sum. Here the tensors are outputs of the file, which keep
their memory, and XNNPACK computes them on all cores.

Source: tensorflow/tensorflow#127842, which describes the wrong ranges.
"""

from collections.abc import Callable, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.errors import StageError
from edgetl.core.parallel import predict_in_parallel, predict_one_by_one
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.tflite.graph_file import pack_model, unpack_model

# Memory for the outputs of one interpreter; there is one for each core. MobileNetV2 at 224 px needs 28 MB.
_OUTPUT_BYTES = 256 * 2**20
_FLOAT_BYTES = 4


def measure_ranges(
    calibrated: bytes, photos: Pixels, advance: Callable[[int], None], output_bytes: int = _OUTPUT_BYTES
) -> bytes:
    """Set the range of every tensor that has one to the smallest and largest value for the photos.

    Args:
        calibrated: a float .tflite file with one graph, in which TFLite's calibrator has set ranges from any photo.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos of each chunk, from several threads.
        output_bytes: memory for the values of the tensors in one interpreter. If it is too small for all of them, the
            photos are predicted several times.

    Raises:
        StageError: a tensor has values that are not finite.
    """
    model = unpack_model(calibrated)
    (graph,) = model.subgraphs
    inputs = set(map(int, graph.inputs))
    tensors = [index for index in list_tensors_with_range(graph) if index not in inputs]
    groups = group_by_size([_FLOAT_BYTES * _count_values(graph.tensors[index]) for index in tensors], output_bytes)
    for group in groups:
        outputs = [tensors[position] for position in group]
        # The bar shows the last time that the photos are predicted.
        report = advance if group is groups[-1] else _report_nothing
        ranges = _predict_ranges(_make_outputs(calibrated, outputs), len(outputs), photos, report)
        for index, (low, high) in zip(outputs, ranges, strict=True):
            _set_range(graph.tensors[index], low, high)
    (image,) = inputs
    limits = np.array([[rows.min(), rows.max()] for rows in map(photos.rows, ([row] for row in range(len(photos))))])
    _set_range(graph.tensors[image], limits[:, 0].min(), limits[:, 1].max())
    return pack_model(model)


def has_loops(content: bytes) -> bool:
    """Return whether a file has further graphs: the bodies of loops and branches."""
    return len(unpack_model(content).subgraphs) > 1


def list_tensors_with_range(graph: schema.SubGraphT) -> list[int]:
    """List the indices of the tensors that a calibrator has set a range of."""
    return [
        index
        for index, tensor in enumerate(graph.tensors)
        if tensor.quantization is not None and tensor.quantization.min is not None
    ]


def group_by_size(sizes: Sequence[int], limit: int) -> list[list[int]]:
    """Divide positions into consecutive groups whose sizes add up to at most a limit. A larger one is a group alone."""
    groups: list[list[int]] = []
    total = 0
    for position, size in enumerate(sizes):
        if not groups or total + size > limit:
            groups.append([])
            total = 0
        groups[-1].append(position)
        total += size
    return groups


def _make_outputs(content: bytes, tensors: Sequence[int]) -> bytes:
    """Make tensors the outputs of a file. Operators after the last of them are left out."""
    model = unpack_model(content)
    (graph,) = model.subgraphs
    graph.outputs = list(tensors)
    model.signatureDefs = None
    last = max(row for row, operator in enumerate(graph.operators) if not set(tensors).isdisjoint(operator.outputs))
    graph.operators = graph.operators[: last + 1]
    return pack_model(model)


def _predict_ranges(content: bytes, outputs: int, photos: Pixels, advance: Callable[[int], None]) -> np.ndarray:
    """Return the smallest and largest value of each output for the photos, float32 [outputs, 2]."""

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        (image,) = interpreter.get_input_details()
        indices = [output["index"] for output in interpreter.get_output_details()]

        def predict_photo(photo: np.ndarray) -> np.ndarray:
            interpreter.set_tensor(image["index"], photo.astype(np.float32))
            interpreter.invoke()
            # A view, and no copy. It must not exist when the interpreter runs again, so no name keeps it.
            limits = [_measure_limits(interpreter.tensor(index)()) for index in indices]
            return np.array(limits, np.float32).ravel()

        return predict_one_by_one(photos, chunks, predict_photo, advance)

    limits = predict_in_parallel(len(photos), predict_chunks).reshape(len(photos), outputs, 2)
    return np.stack([limits[..., 0].min(axis=0), limits[..., 1].max(axis=0)], axis=1)


def _count_values(tensor: schema.TensorT) -> int:
    return int(np.prod([] if tensor.shape is None else tensor.shape))


def _measure_limits(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _set_range(tensor: schema.TensorT, low: float, high: float) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise StageError(
            f"the output of a layer is not finite for a calibration photo: {low} … {high}",
            where=(tensor.name.decode(),),
            hint="train the model again, at a lower rate (--learning-rate)",
        )
    tensor.quantization.min, tensor.quantization.max = [np.float32(low)], [np.float32(high)]


def _report_nothing(photos: int) -> None:
    del photos
