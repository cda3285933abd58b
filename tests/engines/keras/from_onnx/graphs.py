"""Small ONNX graphs, and their comparison with onnxruntime."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgetl.engines.keras.from_onnx.build import build_model
from edgetl.engines.keras.from_onnx.source import SourceGraph, open_graph

IMAGE = ("photos", 3, 8, 10)


def make_graph(
    nodes: Sequence[NodeProto],
    constants: dict[str, Any] | None = None,
    shape: Sequence[object] = IMAGE,
    opset: int = 17,
) -> ModelProto:
    """Make a graph from the input "x" to the output "y"."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def compare(source: SourceGraph, shape: Sequence[object]) -> float:
    """Return the largest difference of the Keras model and onnxruntime on random numbers, relative to the largest."""
    model = build_model(source.graph, source.photos)
    photos = np.random.default_rng(1).normal(size=(2, *shape[1:])).astype(np.float32)
    expected = source.predict(photos)
    given = photos if model.inputs[0].shape[1:] == shape[1:] else np.moveaxis(photos, 1, -1)
    scores = np.asarray(model.predict_on_batch(given)).reshape(expected.shape)
    return float(np.abs(scores - expected).max() / max(np.abs(expected).max(), 1e-9))


def measure(
    nodes: Sequence[NodeProto],
    constants: dict[str, Any] | None = None,
    shape: Sequence[object] = IMAGE,
    opset: int = 17,
) -> float:
    """Return the difference of a graph in Keras and in onnxruntime."""
    return compare(open_graph(make_graph(nodes, constants, shape, opset)), shape)


def weights(*shape: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
