"""Class activation maps of an .onnx file, from its own feature map and the weights in it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from edgetl.core.heat_maps.class_maps import (
    MAXIMUM,
    NO_MEAN,
    ClassMapError,
    ClassMaps,
    check_map_size,
    compute_class_map,
)
from edgetl.core.parallel import predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph, runtime

_DENSE_OPS = ("Gemm", "MatMul")
_MEANS, _MAXIMA = ("GlobalAveragePool", "ReduceMean"), ("GlobalMaxPool", "ReduceMax")
# Operators between the pooling, the dense layer and the output.
_SKIPPED = frozenset(
    {*graph.FINAL_OPS, "Add", "Cast", "QuantizeLinear", "DequantizeLinear", "Reshape", "Squeeze", "Flatten", "Identity"}
)


class _Head(NamedTuple):
    """The tensors of the head; `axes` are height and width in the feature map, `weights` are [channels, units]."""

    features: str
    axes: tuple[int, int]
    weights: str
    transposed: bool
    bias: str


def compute_class_maps(path: Path, photos: Pixels, advance: Callable[[int], None] = lambda _: None) -> ClassMaps:
    """Compute the class activation maps of a file: see `core.heat_maps.class_maps`.

    The graph runs without optimizations, which would remove the feature map.

    Args:
        path: the file.
        photos: uint8 [photos, height, width, 3].
        advance: called with the number of photos of each chunk, from several threads.

    Raises:
        ConfigError: not an ONNX file, or its input does not match the photos.
        ClassMapError: the network does not end in a mean and one dense layer.
    """
    model = graph.read_model(path)
    head = _find_head(model)
    # Weights of a quantized file are the output of a DequantizeLinear, and so are read from the graph, too.
    names = list(filter(None, (head.features, head.weights, head.bias)))
    constants = {
        name: graph.to_array(tensor) for name, tensor in graph.map_initializers(model).items() if name in names
    }
    asked = [name for name in names if name not in constants]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in asked)
    heads: list[tuple[tuple[int, ...], np.ndarray]] = []

    def predict_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        session = runtime.open_unoptimized(model)
        image = session.get_inputs()[0]
        dtype, joined = runtime.check_input(image, path, photos), []
        for rows in chunks:
            maps = []
            for photo in photos.rows(rows).astype(dtype, copy=False):
                outputs = session.run(asked, {image.name: photo[None]})
                values = {**constants, **dict(zip(asked, outputs, strict=True))}
                features = np.moveaxis(values[head.features][0], [axis - 1 for axis in head.axes], (0, 1))
                check_map_size(*features.shape[:2])
                weights = values[head.weights].T if head.transposed else values[head.weights]
                maps.append(compute_class_map(features, weights))
            bias = values[head.bias].reshape(-1) if head.bias else np.zeros(maps[0].shape[2])
            heads.append((maps[0].shape, bias.astype(np.float32)))
            joined.append(np.stack(maps).reshape(len(rows), -1))
            advance(len(rows))
        return joined

    values = predict_in_parallel(len(photos), predict_chunks)
    shape, bias = heads[0]
    return ClassMaps(maps=values.reshape(-1, *shape), bias=bias)


def _find_head(model: ModelProto) -> _Head:
    """Find the input of the pooling, and the weights and the bias of the only dense layer behind it.

    Raises:
        ClassMapError: there are none.
    """
    producers, constants = graph.map_producers(model), graph.find_constants(model)
    tensor, bias = model.graph.output[0].name, ""
    dense: NodeProto | None = None
    while (node := producers.get(tensor)) is not None:
        # The bias of a sum may be the first input.
        value = next((name for name in node.input if name not in constants), "")
        if node.op_type in _DENSE_OPS and dense is None:
            dense = node
            bias = node.input[2] if len(node.input) > 2 else bias
        elif node.op_type in _MAXIMA and dense is not None:
            raise ClassMapError(MAXIMUM)
        elif node.op_type in _MEANS and dense is not None:
            axes = _find_axes(node, graph.map_initializers(model))
            transposed = any(attribute.name == "transB" and attribute.i for attribute in dense.attribute)
            return _Head(value, axes, dense.input[1], transposed, bias)
        elif node.op_type not in _SKIPPED:
            break
        elif node.op_type == "Add" and dense is None:
            bias = next((name for name in node.input if name != value), "")
        tensor = value
    raise ClassMapError(NO_MEAN)


def _find_axes(node: NodeProto, constants: dict[str, TensorProto]) -> tuple[int, int]:
    """Return the axes of height and width in the input of a pooling node with four dimensions."""
    if node.op_type == "GlobalAveragePool":
        return 2, 3
    axes = [axis for attribute in node.attribute if attribute.name == "axes" for axis in attribute.ints]
    # From opset 18 on, the axes are an input.
    if len(node.input) > 1 and node.input[1] in constants:
        axes = graph.to_array(constants[node.input[1]]).tolist()
    places = sorted(axis % 4 for axis in axes)
    if places not in ([1, 2], [2, 3]):
        raise ClassMapError("the mean of the network is not over height and width of its last feature map")
    return places[0], places[1]
