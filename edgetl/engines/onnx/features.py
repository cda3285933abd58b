"""Adds the pooled features of an .onnx file as its second output, and predicts photos with both outputs.

The file is edited, not converted again: its operators and weights stay what they were, so its scores are the same bit
for bit. A program that reads the output "scores" goes on working.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from edgetl.core.errors import StageError
from edgetl.core.formats import KernelSet
from edgetl.core.model_file import FEATURES
from edgetl.core.parallel import FeaturePredictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.onnx import graph, runtime

_DENSE_OPS = ("Gemm", "MatMul")
# Operators of a head: between the pooling and the scores.
_HEAD_OPS = frozenset(
    {*_DENSE_OPS, *graph.FINAL_OPS, *graph.FUSED_ACTIVATIONS, "Add", "Cast", "QuantizeLinear", "DequantizeLinear"}
)


def add_features(content: bytes) -> tuple[int, bytes]:
    """Make the input of the first dense layer of the head the second output of a file.

    Args:
        content: of an .onnx file with one output.

    Returns:
        The number of features, and the content with the outputs scores and features, float32 [1, features].

    Raises:
        StageError: the network does not end in dense layers.
    """
    model = onnx.load_model_from_string(content)
    features, count = _find_features(model)
    producer = graph.map_producers(model).get(features)
    # Runtimes merge a DequantizeLinear with the layer behind it, which an output of the graph would prevent.
    if producer is not None and producer.op_type == "DequantizeLinear":
        node = helper.make_node("DequantizeLinear", list(producer.input), [FEATURES], name="features/DequantizeLinear")
        node.attribute.extend(producer.attribute)
    else:
        node = helper.make_node("Identity", [features], [FEATURES], name="features/Identity")
    model.graph.node.append(node)
    model.graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, [1, count]))
    onnx.checker.check_model(model, full_check=True)
    return count, bytes(model.SerializeToString(deterministic=True))


def _find_features(model: ModelProto) -> tuple[str, int]:
    """Return the name of the tensor that the first dense layer of the head consumes, and the number of its values."""
    producers, initializers = graph.map_producers(model), graph.map_initializers(model)
    constants = graph.find_constants(model)
    tensor, dense = model.graph.output[0].name, None
    while (node := producers.get(tensor)) is not None and node.op_type in _HEAD_OPS:
        # The bias of a sum may be the first input.
        tensor = next(name for name in node.input if name not in constants)
        if node.op_type in _DENSE_OPS:
            dense = node
    if dense is None:
        raise StageError("the network does not end in dense layers, so it has no pooled features")
    weights = dense.input[1]
    while weights not in initializers:
        weights = producers[weights].input[0]
    transposed = any(attribute.name == "transB" and attribute.i for attribute in dense.attribute)
    return dense.input[0], int(initializers[weights].dims[1 if transposed else 0])


def predict_features(
    path: Path, photos: Pixels, kernels: KernelSet, advance: Callable[[int], None]
) -> FeaturePredictions:
    """Predict photos with a file that has features as its second output.

    Args:
        path: the file.
        photos: uint8 [photos, height, width, 3].
        kernels: see `runtime.predict_file`.
        advance: called with the number of photos of each chunk, from several threads.

    Raises:
        ConfigError: not an ONNX file that can be run, or its input does not match the photos.
        StageError: the file has no second output.
    """
    outputs, _ = runtime.predict_all_outputs(path, photos, kernels, advance)
    if len(outputs) < 2:
        raise StageError("the file has no second output with its features", where=(path,))
    scores, features = (values.astype(np.float32) for values in outputs)
    return FeaturePredictions(scores=scores, features=features)
