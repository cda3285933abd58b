"""Class activation maps of a .tflite file, from its own feature map and the weights in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.heat_maps.class_maps import (
    MAXIMUM,
    NO_MEAN,
    ClassMapError,
    ClassMaps,
    check_map_size,
    compute_class_map,
)
from edgetl.core.network.quantization import quantize_pixels
from edgetl.core.parallel import predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.tflite import runtime

# Operators between the pooling, the dense layer and the output.
_SKIPPED = frozenset({"SOFTMAX", "LOGISTIC", "QUANTIZE", "DEQUANTIZE", "CAST", "RESHAPE", "SQUEEZE"})
_MEANS = frozenset({"MEAN", "AVERAGE_POOL_2D"})
_MAXIMA = frozenset({"REDUCE_MAX", "MAX_POOL_2D"})


class _Head(NamedTuple):
    """Indices of the tensors of the head; a `bias` of -1 is absent."""

    features: int
    weights: int
    bias: int


def compute_class_maps(path: Path, photos: Pixels, advance: Callable[[int], None] = lambda _: None) -> ClassMaps:
    """Compute the class activation maps of a file: see `core.heat_maps.class_maps`.

    The values are those of LiteRT's own kernels: XNNPACK does not keep the tensors between its operators.

    Args:
        path: the file.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos of each chunk, from several threads.

    Raises:
        ConfigError: its input does not match the photos.
        ClassMapError: the network does not end in a mean and one dense layer.
    """
    heads: list[tuple[tuple[int, ...], np.ndarray]] = []

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = Interpreter(
            model_path=str(path),
            num_threads=1,
            experimental_op_resolver_type=runtime.WITHOUT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        runtime.check_input(interpreter, path, photos)
        tensors = {int(tensor["index"]): tensor for tensor in interpreter.get_tensor_details()}
        head = _find_head(interpreter, tensors)
        image, joined = interpreter.get_input_details()[0], []
        for rows in chunks:
            maps = []
            for photo in quantize_pixels(photos.rows(rows), image["quantization"], image["dtype"]):
                interpreter.set_tensor(image["index"], photo[None])
                interpreter.invoke()
                # After a photo: the weights of a float16 file are the output of an operator.
                weights = _read(interpreter, tensors[head.weights]).T
                maps.append(compute_class_map(_read(interpreter, tensors[head.features])[0], weights))
            bias = _read(interpreter, tensors[head.bias]) if head.bias >= 0 else np.zeros(maps[0].shape[2])
            heads.append((maps[0].shape, bias.astype(np.float32)))
            joined.append(np.stack(maps).reshape(len(rows), -1))
            advance(len(rows))
        return joined

    values = predict_in_parallel(len(photos), predict_chunks)
    shape, bias = heads[0]
    return ClassMaps(maps=values.reshape(-1, *shape), bias=bias)


def _find_head(interpreter: Interpreter, tensors: dict[int, Any]) -> _Head:
    """Find the input of the pooling, and the weights and the bias of the only dense layer behind it.

    Raises:
        ClassMapError: there are none.
    """
    nodes = {int(output): node for node in interpreter._get_ops_details() for output in node["outputs"]}
    tensor, dense = int(interpreter.get_output_details()[0]["index"]), None
    while (node := nodes.get(tensor)) is not None:
        inputs, kind = [int(index) for index in node["inputs"]], node["op_name"]
        if kind == "FULLY_CONNECTED" and dense is None:
            dense = inputs
        elif kind in _MAXIMA and dense is not None:
            raise ClassMapError(MAXIMUM)
        elif kind in _MEANS and dense is not None and _is_global(tensors[inputs[0]], tensors[tensor]):
            check_map_size(*map(int, tensors[inputs[0]]["shape"][1:3]))
            return _Head(inputs[0], dense[1], dense[2] if len(dense) > 2 else -1)
        elif kind not in _SKIPPED:
            break
        tensor = inputs[0]
    raise ClassMapError(NO_MEAN)


def _is_global(features: Any, pooled: Any) -> bool:
    """Return whether one value is left for each channel of a feature map [1, height, width, channels]."""
    shape = [int(length) for length in features["shape"]]
    return len(shape) == 4 and int(pooled["shape"][-1]) == shape[3] == int(np.prod(pooled["shape"]))


def _read(interpreter: Interpreter, tensor: Any) -> np.ndarray:
    """Read a tensor, and convert integers to the values that they represent, with one scale or one for each channel."""
    values, quantization = interpreter.get_tensor(tensor["index"]), tensor["quantization_parameters"]
    scales, zero_points = quantization["scales"], quantization["zero_points"]
    if not len(scales):
        return np.asarray(values, dtype=np.float32)
    shape = [1] * values.ndim
    if len(scales) > 1:
        shape[quantization["quantized_dimension"]] = len(scales)
    shifted = values.astype(np.float64) - zero_points.reshape(shape)
    return np.asarray(shifted * scales.reshape(shape), dtype=np.float32)
