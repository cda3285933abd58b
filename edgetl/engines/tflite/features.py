"""Adds the pooled features of a .tflite file as its second output, and predicts photos with both outputs.

The file is edited, not converted again: its operators, weights and quantization stay what they were, so its scores are
the same bit for bit. A program that reads one output goes on working.
"""

from collections.abc import Callable
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from edgetl.core.errors import StageError
from edgetl.core.formats import KernelSet
from edgetl.core.model_file import FEATURES
from edgetl.core.parallel import FeaturePredictions
from edgetl.core.photos.pixel_store import Pixels
from edgetl.engines.tflite import runtime
from edgetl.engines.tflite.graph_file import pack_model, read_kind, unpack_model

_OPERATORS = schema.BuiltinOperator
# Operators of a head: between the pooling and the scores.
_HEAD_OPERATORS = frozenset(
    {
        _OPERATORS.FULLY_CONNECTED,
        _OPERATORS.SOFTMAX,
        _OPERATORS.LOGISTIC,
        _OPERATORS.QUANTIZE,
        _OPERATORS.DEQUANTIZE,
        _OPERATORS.CAST,
        _OPERATORS.RELU,
    }
)


def add_features(content: bytes) -> tuple[int, bytes]:
    """Make the input of the first dense layer of the head the second output of a file.

    Args:
        content: of a .tflite file with one output, without a second one.

    Returns:
        The number of features, and the content with the outputs scores and features, [1, features] in the dtype of the
        layer.

    Raises:
        StageError: the network does not end in dense layers.
    """
    model = unpack_model(content)
    graph = model.subgraphs[0]
    features = _find_features(model, graph)
    graph.outputs = [*graph.outputs, features]
    for signature in model.signatureDefs or []:
        tensor_map = schema.TensorMapT()
        tensor_map.name, tensor_map.tensorIndex = FEATURES, features
        signature.outputs = [*signature.outputs, tensor_map]
    return int(graph.tensors[features].shape[-1]), pack_model(model)


def _find_features(model: schema.ModelT, graph: schema.SubGraphT) -> int:
    """Return the index of the tensor that the first dense layer of the head consumes."""
    producers = {index: operator for operator in graph.operators for index in operator.outputs}
    tensor, features = graph.outputs[0], None
    while (operator := producers.get(tensor)) is not None:
        kind = read_kind(model.operatorCodes[operator.opcodeIndex])
        if kind not in _HEAD_OPERATORS:
            break
        tensor = operator.inputs[0]
        if kind == _OPERATORS.FULLY_CONNECTED:
            features = tensor
    if features is None:
        raise StageError("the network does not end in dense layers, so it has no pooled features")
    return int(features)


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
        ConfigError: not a TFLite file, or its input does not match the photos.
        StageError: the file has no second output.
    """
    outputs, interpreters = runtime.predict_all_outputs(path, photos, kernels, advance)
    if len(outputs) < 2:
        raise StageError("the file has no second output with its features", where=(path,))
    scores, features = runtime.dequantize_outputs(outputs, interpreters[0])
    return FeaturePredictions(scores=scores, features=features)
