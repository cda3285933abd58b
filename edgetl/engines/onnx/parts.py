"""Cuts parts out of an ONNX graph, and runs them on photos."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import ModelProto, helper

from edgetl.core.model_file import INPUT
from edgetl.core.parallel import predict_in_parallel
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph, runtime


def cut_graph(model: ModelProto, tensors: Sequence[str], kind: int) -> bytes:
    """Return a graph with only the nodes that tensors depend on, and these as its outputs."""
    producers, constants = graph.map_producers(model), graph.map_initializers(model)
    needed, stack = set[str](), list(tensors)
    while stack:
        name = stack.pop()
        if name in needed:
            continue
        needed.add(name)
        stack += producers[name].input if name in producers else ()
    part = onnx.GraphProto(name="part")
    part.input.add().CopyFrom(model.graph.input[0])
    part.node.extend(node for node in model.graph.node if needed.intersection(node.output))
    part.initializer.extend(constants[name] for name in sorted(needed) if name in constants)
    part.output.extend(helper.make_tensor_value_info(name, kind, None) for name in tensors)
    cut = ModelProto(ir_version=model.ir_version, graph=part)
    cut.opset_import.extend(model.opset_import)
    return bytes(cut.SerializeToString())


def compute_part(content: bytes, photos: Pixels, gather: Callable[[int, list[np.ndarray]], np.ndarray]) -> np.ndarray:
    """Run a graph, and gather values of its outputs: [photos, ...].

    Args:
        content: of the graph.
        photos: uint8 [photos, height, width, 3].
        gather: from the position of a photo and the outputs for it, with their batch axis.
    """

    def compute_chunks(chunks: list[np.ndarray]) -> list[np.ndarray]:
        session = runtime.open_part(content)
        results = []
        for rows in chunks:
            pixels = zip(rows, photos.rows(rows), strict=True)
            results.append(
                np.stack([gather(int(row), session.run(None, {INPUT: photo[None]})) for row, photo in pixels])
            )
        return results

    return predict_in_parallel(len(photos), compute_chunks)
